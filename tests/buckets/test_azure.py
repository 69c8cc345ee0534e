"""The same on Azure Blob Storage, as Microsoft's own emulator speaks it."""

import hashlib
import uuid
from datetime import timedelta

import obstore
import pytest
from obstore.store import AzureStore

import gigascene
import stac_scene
from buckets.azurite import ACCOUNT, azurite, missing
from buckets.relay import relayed
from cli.shell import started
from gigascene.api.verify import verify
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.storage import bucket as buckets
from gigascene.storage import remote

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
KEYS = ("B04", "B03", "B02")
BIG = {"depth": 16, "options": {"compress": "none"}}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with azurite(tmp_path_factory.mktemp("azurite") / "log") as running:
        yield running


@pytest.fixture
def container(emulator, at):
    """The name of an empty one, and a store of our own on it."""
    name = f"c{uuid.uuid4().hex[:12]}"
    emulator.make(name)
    at(emulator.environment())
    client = {"allow_http": True}
    key = emulator.key
    store = AzureStore(name, account_name=ACCOUNT, account_key=key, endpoint=emulator.endpoint, client_options=client)
    return name, store


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=1536)
    return folder


def names(store):
    return {one["path"] for batch in obstore.list(store) for one in batch}


def sha256(store, key):
    return hashlib.sha256(bytes(obstore.get(store, key).bytes())).hexdigest()


def digests(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "tiles/"])
def test_the_same_as_on_disk(name, bands, container, tmp_path, scratch):
    where, store = container
    sources = [bands / f"{key}.tif" for key in KEYS]
    for path in sources:
        obstore.put(store, f"in/{path.name}", path)
    here = tmp_path / "here"
    here.mkdir()
    wishes = BIG if name == "a.tif" else {}  # 18 MB: in several blocks
    gigascene.compose("rgb", sources, f"{here}/{name}", bands=KEYS, **wishes)
    far = [f"az://{where}/in/{key}.tif" for key in KEYS]
    gigascene.compose("rgb", far, f"az://{where}/out/{name}", bands=KEYS, engine="processes", workers=2, **wishes)
    receipt = f"{name.rstrip('/')}.receipt.json"
    made = {key: digest for key, digest in digests(here).items() if key != receipt}
    assert {key: sha256(store, f"out/{key}") for key in made} == made
    assert {key for key in names(store) if key.startswith("out/")} == {f"out/{key}" for key in {*made, receipt}}
    assert not list(scratch.iterdir())


def test_replaced_and_smaller(bands, container):
    where, store = container
    sources = [bands / f"{key}.tif" for key in KEYS]
    gigascene.compose("rgb", sources, f"az://{where}/a.png", bands=KEYS)
    assert names(store) == {"a.png", "a.pgw", "a.png.aux.xml", "a.png.receipt.json"}
    gigascene.compose("rgb", sources, f"az://{where}/a.png", bands=KEYS, writer="figure")
    assert names(store) == {"a.png", "a.png.receipt.json"}


def test_ranges(container):
    where, store = container
    obstore.put(store, "a", bytes(range(256)) * 1000)
    obstore.put(store, "empty", b"")
    assert remote.read(f"az://{where}/a", 100_000, 10) == (bytes(range(256)) * 1000)[100_000:100_010]
    assert remote.state(f"az://{where}/empty").size == 0
    obstore.put(store, "a", b"other" * 50_000)
    with pytest.raises(BadInput, match="has changed"):
        remote.read(f"az://{where}/a", 200_000, 10)


REFUSALS = {
    "key": (lambda _: {"AZURE_STORAGE_ACCOUNT_KEY": "UExBTlRFRHdyb25n"}, "does not accept the credentials"),
    "network": (lambda _: {"AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9/x"}, "cannot be reached"),
    "account": (lambda _: {"AZURE_STORAGE_ACCOUNT_NAME": ""}, "those of AZURE_STORAGE_ACCOUNT_NAME"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name, bands, container, emulator):
    where, store = container
    changed, what = REFUSALS[name]
    obstore.put(store, "in.tif", b"II*\0")
    sources = [bands / f"{key}.tif" for key in KEYS]
    words = ["compose", "rgb", *sources, "--bands", ",".join(KEYS), "-o", f"az://{where}/a.tif"]
    for said, code in (
        (started(*words, env=changed(emulator)), 5),
        (started("info", f"az://{where}/in.tif", env=changed(emulator)), 4),
    ):
        assert said.code == code, said
        assert what in said.err
        assert emulator.key not in said.err
        assert "UExBTlRFRHdyb25n" not in said.err
        assert len(said.err.splitlines()) <= 2
    assert names(store) == {"in.tif"}


def test_no_container(container):
    with pytest.raises(WriteFailed, match="there is no bucket nobody-has-this"):
        buckets.put("az://nobody-has-this/a", b"abc")


def test_what_passes_is_tried_again(container, emulator, at):
    where, store = container
    with relayed(emulator.port) as relay:
        at(emulator.environment(relay.port))
        relay.dropped = 3
        buckets.put(f"az://{where}/b", b"abc")
    assert bytes(obstore.get(store, "b").bytes()) == b"abc"


@pytest.mark.parametrize("wishes", [{}, BIG], ids=["small", "large"])
def test_nothing_is_replaced(wishes, bands, container):
    where, store = container
    sources = [bands / f"{key}.tif" for key in KEYS]
    gigascene.compose("rgb", sources, f"az://{where}/a.tif", bands=KEYS, overwrite=False, **wishes)
    before = sha256(store, "a.tif")

    def watch(progress):
        if progress.to_send == 0:
            obstore.put(store, "b.tif", b"mine")

    for name, told in (("a.tif", None), ("b.tif", watch)):
        with pytest.raises(WriteFailed, match="it is there already"):
            gigascene.compose(
                "rgb", sources, f"az://{where}/{name}", bands=KEYS, overwrite=False, watch=told, gamma="2", **wishes
            )
    assert sha256(store, "a.tif") == before
    assert bytes(obstore.get(store, "b.tif").bytes()) == b"mine"


def test_a_signed_address(bands, container, at, tmp_path, monkeypatch):
    _, store = container
    address = obstore.sign(store, "PUT", "a.tif", timedelta(minutes=5))
    at({"GIGASCENE_ALLOW_PRIVATE_HREFS": "1"})
    for name in ("ENDPOINT", "ACCOUNT_NAME", "ACCOUNT_KEY"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}")
    sources = [bands / f"{key}.tif" for key in KEYS]
    gigascene.compose("rgb", sources, tmp_path / "a.tif", bands=KEYS)
    receipt = gigascene.compose("rgb", sources, address, bands=KEYS)
    assert bytes(obstore.get(store, "a.tif").bytes()) == (tmp_path / "a.tif").read_bytes()
    assert "sig=" not in receipt.target
    assert names(store) == {"a.tif"}
    with pytest.raises(WriteFailed, match="it is there already"):
        gigascene.compose("rgb", sources, address, bands=KEYS, overwrite=False)
    reading = obstore.sign(store, "GET", "a.tif", timedelta(minutes=5))
    verdict = verify(reading, decode_only=True)
    assert (verdict.state, "sig=" in verdict.file) == ("decoded", False)
