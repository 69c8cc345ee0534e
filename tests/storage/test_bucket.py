"""What is known of buckets without asking any: names, places on disk, and what is said where obstore is not installed."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from cli.shell import spoken
from gigascene.model.errors import BadInput, UsageError, WriteFailed
from gigascene.settings import settings
from gigascene.storage import _stores, bucket, hrefs, remote
from gigascene.storage.scratch import made_at


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """A scratch folder of its own, and nothing remembered."""
    monkeypatch.setenv("GIGASCENE_SCRATCH", str(tmp_path / "scratch"))
    settings.cache_clear()
    _stores._store.cache_clear()
    yield
    settings.cache_clear()
    _stores._store.cache_clear()


@pytest.fixture
def without(monkeypatch):
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///a.png",
        "s3://b/",
        "s3://bucket//a.png",
        "s3://bucket/../a.png",
        "s3://bucket/a\n.png",
        "s3://me:PLANTED@bucket/a.png",
        "s3://-bucket/a.png",
        "s3://a b/a.png",
        "gs://bucket/./a.png",
        "az://b/a.png",
    ],
)
def test_paths_that_are_none(url):
    with pytest.raises(WriteFailed) as refused:
        bucket.check(url)
    assert "PLANTED" not in str(refused.value)
    with pytest.raises(BadInput):
        remote.state(url)


def test_they_cost_no_import():
    code = "import sys, gigascene.execute.deliver, gigascene.api.compose; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_without_the_extra_one_line_says_what_to_install(without, small_scene, capsys, monkeypatch):
    said = spoken(capsys, monkeypatch, "compose", "true-color", small_scene, "-o", "s3://bucket/a.png")
    assert (said.code, said.out) == (5, "")
    (line,) = said.err.splitlines()
    assert "buckets need obstore, which is not installed. pip install 'gigascene[cloud]'" in line
    said = spoken(capsys, monkeypatch, "info", "s3://bucket/a.tif")
    assert said.code == 4
    assert "pip install 'gigascene[cloud]'" in said.err


def test_a_plan_names_the_object_and_asks_nobody(small_scene, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    plan = gigascene.plan_compose("true-color", small_scene, "s3://bucket/a/b.png")
    assert plan.target == "s3://bucket/a/b.png"
    gigascene.save_plan(plan, tmp_path / "plan.json")
    assert gigascene.load_plan(tmp_path / "plan.json").target == plan.target
    assert not (tmp_path / "scratch").exists()


def test_a_place_on_disk_for_each_target(tmp_path):
    one, other = made_at("s3://bucket/a/b.png"), made_at("s3://bucket/c/b.png")
    assert one == made_at("s3://bucket/a/b.png")
    assert one != other
    assert one.name == other.name == "b.png"
    assert one.is_relative_to(tmp_path / "scratch")
    assert made_at("/data/b.png") == Path("/data/b.png")


def test_an_input_is_not_written_to(small_scene, monkeypatch):
    scene = gigascene.open_scene(small_scene)
    assets = {key: replace(asset, href=f"s3://bucket/{key}.tif") for key, asset in scene.assets.items()}
    scene = replace(scene, assets=assets)
    with pytest.raises(UsageError, match="input"):
        gigascene.plan_compose("true-color", scene, "s3://bucket/B4.tif", stretch="0:1")


def test_secrets_in_a_path_are_not_shown():
    assert hrefs.public("s3://me:PLANTED@bucket/a.tif") == "s3://bucket/a.tif"
    assert hrefs.remember("s3://bucket/a b/ü.tif") == "s3://bucket/a b/ü.tif"


ANSWER = "Error performing GET in 1 ms - Server returned non-2xx status code: {}: <Error><Code>{}</Code>PLANTED</Error>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ANSWER.format(403, "SignatureDoesNotMatch"), "does not accept the credentials (SignatureDoesNotMatch)"),
        (ANSWER.format(400, "ExpiredToken"), "does not accept the credentials (ExpiredToken)"),
        (ANSWER.format(403, "AccessDenied"), "give no right to it (AccessDenied)"),
        (ANSWER.format(404, "NoSuchBucket"), "there is no bucket bucket"),
        (ANSWER.format(301, "PermanentRedirect"), "lies in another region"),
        (ANSWER.format(503, "SlowDown"), "cannot be reached (SlowDown); tried 5 times"),
        ("Error performing PUT http://169.254.169.254/latest/api/token", "no credentials were found"),
        ("inner: Http(HttpError { kind: Timeout, source: PLANTED", "cannot be reached (timeout)"),
        ("something else PLANTED", "cannot be reached (network)"),
    ],
)
def test_refusals_in_words(text, words):
    what, hint = _stores._words(_stores.Place("s3", "bucket", "key"), text)
    assert words in what
    assert hint
    assert "PLANTED" not in what + hint


@pytest.mark.parametrize(
    ("environment", "config", "expected"),
    [
        ({}, "", {}),
        ({"AWS_ENDPOINT_URL": "http://a"}, "[default]\nregion = eu-1", {"endpoint": "http://a", "region": "eu-1"}),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "", {"endpoint": "http://b"}),
        (
            {"AWS_PROFILE": "p", "AWS_REGION": "x"},
            "[profile p]\nendpoint_url = http://c\nregion = y",
            {"endpoint": "http://c", "region": "x"},
        ),
    ],
)
def test_server_and_region(environment, config, expected, monkeypatch, tmp_path):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert _stores._aws() == expected


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_other_clouds_go_by_the_same_door(scheme, monkeypatch):
    """Of these nothing is asked here: they are opened, and that is all."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    with _stores.opened(f"{scheme}://bucket/a/b.tif") as (_, store, key):
        assert type(store).__name__ == {"gs": "GCSStore", "az": "AzureStore"}[scheme]
        assert key == "a/b.tif"


def test_a_public_bucket_is_asked_where_it_lies_unless_the_user_says_otherwise(monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "SHARED_CREDENTIALS"):
        monkeypatch.setenv(f"AWS_{name}_FILE", str(tmp_path / "none"))
    assert _stores._aws("usgs-landsat") == {"region": "us-west-2"}
    assert _stores._aws("mine") == {}
    monkeypatch.setenv("AWS_REGION", "eu-1")
    assert _stores._aws("usgs-landsat") == {"region": "eu-1"}
