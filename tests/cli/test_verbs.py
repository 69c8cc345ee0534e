"""Every verb, where all goes well: results on stdout, words on stderr, JSON that holds what a user needs."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import rasterio

import gigascene
from cli.shell import PROGRAM, spoken, started
from gigascene import settings

VERBS = (
    "demo",
    "info",
    "histogram",
    "compose",
    "convert",
    "plan",
    "run",
    "replay",
    "verify",
    "view",
    "list",
    "doctor",
    "simulate",
)


@pytest.fixture
def say(capsys, monkeypatch):
    """Run a command in this process; it must succeed and keep quiet on stderr unless it says otherwise."""

    def run(*words):
        said = spoken(capsys, monkeypatch, *words)
        assert said.code == 0, said.err
        assert said.err == ""
        return said.out

    return run


def digest(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_an_example(say, verb, flag):
    text = say(verb, flag)
    assert re.search(rf"^ *gigascene {verb}\b", text, re.MULTILINE), text
    assert "Usage" in text


def test_all_verbs_are_in_the_help(say):
    listed = re.findall(r"^  (\w+) ", say("--help").partition("Commands:")[2], re.MULTILINE)
    assert set(listed) >= set(VERBS)


def test_the_version_is_told(say):
    assert gigascene.__version__ in say("--version")
    module = [sys.executable, "-m", "gigascene", "--version"]
    assert subprocess.run(module, capture_output=True, text=True, check=True).stdout == say("--version")


def test_no_words_show_the_help():
    said = started()
    assert said.code in {0, 2}
    assert "Commands" in said.out + said.err
    assert "fault" not in said.err


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (
            "compose",
            ["--stretch", "--gamma", "--mask", "--bands", "--memory", "--workers", "--engine", "--resume", "--json"],
        ),
        ("histogram", ["--bands", "--units", "--mask", "--json", "--output"]),
        ("simulate", ["--size", "--seed", "--level", "--output"]),
        ("run", ["--resume", "--engine", "--memory", "--workers"]),
    ],
)
def test_help_names_the_options(say, verb, options):
    text = say(verb, "--help")
    assert [option for option in options if option not in text] == []


def test_info(say, small_scene):
    text = say("info", small_scene)
    for words in (small_scene.name, "landsat-8", "EPSG:32626", "B8", "pan", "clouds", "true-color", "--stretch"):
        assert words in text
    facts = json.loads(say("info", small_scene, "--json"))
    with rasterio.open(next(small_scene.glob("*_B4.TIF"))) as source:
        bounds, shape = source.bounds, source.shape
    red = next(band for band in facts["bands"] if band["name"] == "red")
    assert (red["key"], red["shape"], red["resolution"], red["dtype"], red["nodata"]) == (
        "B4",
        list(shape),
        30,
        "uint16",
        0,
    )
    assert facts["bounds"] == [bounds.left, bounds.bottom, bounds.right, bounds.top]
    assert facts["id"] == small_scene.name
    assert {"true-color", "ndvi", "pan-sharpened", "temperature"} <= set(facts["products"])
    assert "clouds" in facts["masks"]
    west, south, east, north = -26, 70, -24, 71
    assert all(west < x < east and south < y < north for x, y in facts["footprint"]["coordinates"][0])


def test_the_suggested_stretch_can_be_pasted(say, small_scene, tmp_path):
    facts = json.loads(say("info", small_scene, "--json"))
    say("compose", "true-color", small_scene, "-o", tmp_path / "a.png", "--stretch", facts["stretch"])
    assert re.fullmatch(r"([-\d.]+:[-\d.]+,){2}[-\d.]+:[-\d.]+", facts["stretch"])


def test_histogram(say, small_scene, tmp_path):
    found = json.loads(say("histogram", small_scene, "--units", "dn", "--bands", "red,B5", "--json"))
    assert list(found["bands"]) == ["red", "nir"]
    with rasterio.open(next(small_scene.glob("*_B4.TIF"))) as source:
        dn = source.read(1)
    numbers, counts = np.unique(dn[dn != 0], return_counts=True)
    assert found["bands"]["red"]["values"] == numbers.tolist()
    assert found["bands"]["red"]["counts"] == counts.tolist()
    assert found["suggested"]["red"] == [
        float(np.quantile(dn[dn != 0], p, method="inverted_cdf")) for p in (0.01, 0.99)
    ]
    for suffix in (".png", ".pdf", ".svg"):
        text = say("histogram", small_scene, "-o", tmp_path / f"h{suffix}")
        assert str(tmp_path / f"h{suffix}") in text
        assert "--stretch" in text
    assert matplotlib.image.imread(tmp_path / "h.png").shape[0] > 300
    assert (tmp_path / "h.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in (tmp_path / "h.svg").read_text()


def test_the_same_histogram_has_the_same_bytes(say, small_scene, tmp_path):
    for suffix in (".png", ".pdf", ".svg"):
        for name in "ab":
            say("histogram", small_scene, "-o", tmp_path / f"{name}{suffix}")
        assert digest(tmp_path / f"a{suffix}") == digest(tmp_path / f"b{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_a_histogram_has_a_receipt(say, small_scene, tmp_path, suffix):
    target = tmp_path / f"h{suffix}"
    say("histogram", small_scene, "--bands", "red,nir", "--mask", "clouds", "-o", target)
    assert "whole" in say("verify", target)
    receipt = json.loads(target.with_name(f"{target.name}.receipt.json").read_text())
    assert {one["band"] for one in receipt["inputs"]} == {"B4", "B5", "QA_PIXEL"}
    assert all(one["identity"] for one in receipt["inputs"])
    assert receipt["recipe"]["bands"] == ["red", "nir"]
    assert {"matplotlib", "gigascene"} <= set(receipt["versions"])
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    verdict = gigascene.verify(target)
    assert (verdict.state, verdict.damaged) == ("damaged", 1)
    assert set(verdict.inputs.values()) == {"unchanged"}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pam", ".ppm", ".PNG", ".TIF"])
def test_compose_to_every_suffix(say, small_scene, tmp_path, suffix):
    target = tmp_path / f"fjord{suffix}"
    receipt = json.loads(say("compose", "true-color", small_scene, "-o", target, "--json"))
    assert receipt["target"] == str(target)
    assert receipt["bytes"] == target.stat().st_size > 10_000
    assert receipt["peak_memory"] > 0
    whole = json.loads(Path(receipt["path"]).read_text())
    assert whole["fingerprint"] == receipt["fingerprint"]
    assert {entry["band"] for entry in whole["inputs"]} == {"B4", "B3", "B2"}
    if suffix != ".pam":  # GDAL cannot read it
        with rasterio.open(target) as picture:
            assert (picture.shape, picture.count) == ((300, 260), 3)


@pytest.mark.parametrize("contrast", [0.1, 4, 10, 50])
def test_a_sigmoid_of_any_contrast(say, small_scene, tmp_path, contrast):
    """Against the printed formula, of stored numbers; 10 is the default."""
    low, high = 5500, 20_000
    words = ("compose", "true-color", small_scene, "--units", "dn", "--stretch", f"{low}:{high}", "--gamma", "1")
    say(*words, "--sigmoid", "--contrast", contrast, "-o", tmp_path / "a.tif")
    with rasterio.open(next(small_scene.glob("*_B4.TIF"))) as red, rasterio.open(tmp_path / "a.tif") as picture:
        dn, found = red.read(1).astype(np.float64), picture.read(1)
    x = np.clip((dn - low) / (high - low), 0, 1)
    dark, middle, bright = (1 / (1 + np.exp(-contrast * (at - 0.5))) for at in (0.0, x, 1.0))
    want = 1 + np.rint(254 * (middle - dark) / (bright - dark))
    assert (x[found > 0] % 1 > 0).mean() > 0.2
    assert (np.abs(found - want)[found > 0] <= (0 if contrast > 1 else 1)).all()
    if contrast == 10:
        say(*words, "--sigmoid", "-o", tmp_path / "b.tif")
        assert digest(tmp_path / "b.tif") == digest(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".pdf", ".svg"])
def test_figures(say, small_scene, tmp_path, suffix):
    say("compose", "ndvi", small_scene, "-o", tmp_path / f"f{suffix}", "--title", "Green")
    assert (tmp_path / f"f{suffix}").stat().st_size > 5000


def test_figure_as_png(say, small_scene, tmp_path):
    say("compose", "ndvi", small_scene, "-o", tmp_path / "f.png", "--figure", "--title", "Green")
    figure = matplotlib.image.imread(tmp_path / "f.png")
    assert figure.shape[:2] != (300, 260)


def test_compose_says_what_it_made(say, small_scene, tmp_path):
    text = say("compose", "true-color", small_scene, "-o", tmp_path / "a.png")
    assert text.startswith(f"{tmp_path / 'a.png'}: 260 x 300, ")
    assert len(text.splitlines()) == 1


def test_a_picture_says_what_it_shows(say, small_scene, tmp_path):
    say("compose", "true-color", small_scene, "-o", tmp_path / "a.png")
    say("compose", "true-color", small_scene, "-o", tmp_path / "a.tif")
    from PIL import Image

    with Image.open(tmp_path / "a.png") as picture:
        assert small_scene.name in picture.text["Title"]
        recipe = json.loads(picture.text["gigascene:recipe"])
    assert "true-color" in json.dumps(recipe)
    for path in (tmp_path / "a.png", tmp_path / "a.tif"):
        assert str(tmp_path).encode() not in path.read_bytes(), "a path of this machine is inside"


@pytest.mark.parametrize("kind", ["products", "sensors", "writers", "engines", "palettes"])
def test_list(say, kind):
    found = json.loads(say("list", kind, "--json"))
    text = say("list", kind)
    assert len(found) >= 3
    for name, about in found.items():
        assert any(line.startswith(name) and line.rstrip().endswith(about.strip()) for line in text.splitlines())


@pytest.mark.parametrize("words", [("list", "products"), ("list", "--json"), ("--help",)])
def test_a_reader_that_goes_away(words):
    """As behind ``| head -1``: no word, and the code of a program that wrote to a pipe without a reader."""
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([PROGRAM, *words], stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        err = process.communicate(timeout=60)[1]
    assert (process.returncode, err) == (141, "")


def test_head_gets_its_line():
    done = subprocess.run(
        f"set -o pipefail; {shlex.quote(str(PROGRAM))} list products | head -1",
        shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 141}  # whichever was faster
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def test_doctor(say):
    checks = json.loads(say("doctor", "--json"))
    assert {"python", "numpy", "gdal", "kernels", "memory"} <= {check["name"] for check in checks}
    assert all(check["found"] for check in checks)
    assert "gdal" in say("doctor")


def test_doctor_fails_where_something_is_wrong(capsys, monkeypatch):
    from gigascene.api import doctor

    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Check(name="gdal", ok=False, found="not there")])
    said = spoken(capsys, monkeypatch, "doctor")
    assert "BAD" in said.out
    assert said.code == 1


def test_plan_save_run(say, small_scene, tmp_path):
    target, plan = tmp_path / "a.tif", tmp_path / "plan.json"
    facts = json.loads(say("plan", "compose", "ndvi", small_scene, "-o", target, "--save", plan, "--json"))
    assert not target.exists()
    assert facts["target"] == str(target)
    assert facts["memory_mb"] > 100
    assert facts["bands"] == ["B5", "B4"]
    assert facts["pieces"] >= facts["tasks"] >= 1
    assert "memory_mb" in say("plan", "compose", "ndvi", small_scene, "-o", target)
    assert not target.exists()
    receipt = json.loads(say("run", plan, "--json"))
    assert receipt["target"] == str(target)
    say("compose", "ndvi", small_scene, "-o", tmp_path / "b.tif")
    assert digest(target) == digest(tmp_path / "b.tif")
    for engine in ("serial", "processes"):
        say("run", plan, "--engine", engine, "--workers", "2", "--memory", "1400M", "-q")
        assert digest(target) == digest(tmp_path / "b.tif")


def test_compose_saves_its_plan_too(say, small_scene, tmp_path):
    say("compose", "true-color", small_scene, "-o", tmp_path / "a.png", "--save", tmp_path / "p.json")
    before = digest(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    say("run", tmp_path / "p.json")
    assert digest(tmp_path / "a.png") == before


@pytest.mark.parametrize("level", ["l1", "l2"])
def test_simulate(say, tmp_path, level):
    words = ("simulate", "landsat", "--size", "200x180", "--level", level, "--seed", "9", "-q")
    folder = Path(say(*words, "-o", tmp_path / "s").strip())
    facts = json.loads(say("info", folder, "--json"))
    assert facts["sensor"] == f"landsat-c2-{level}"
    red = next(band for band in facts["bands"] if band["name"] == "red")
    assert red["shape"] == [200, 180]
    again = Path(json.loads(say(*words, "-o", tmp_path / "t", "--json"))["scene"])
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(path.name for path in again.iterdir())
    assert [digest(folder / name) for name in files] == [digest(again / name) for name in files]


def test_demo(say, tmp_path):
    text = say("demo", "--size", "300x280", "-o", tmp_path / "demo", "-q")
    for name in ("true-color.png", "ice.png", "true-color.tif", "histogram.png"):
        assert str(tmp_path / "demo" / name) in text
        assert (tmp_path / "demo" / name).stat().st_size > 10_000
    assert "was there" in say("demo", "--size", "300x280", "-o", tmp_path / "demo", "-q")


def test_stdout_is_clean_while_progress_is_told(scene, tmp_path):
    """As a process with many pieces: stdout is one JSON document whatever stderr says."""
    said = started("compose", "pan-sharpened", scene, "-o", tmp_path / "a.png", "--json", "--survey", "exact")
    assert said.code == 0
    assert json.loads(said.out)["pieces"] > 1


@pytest.fixture
def forgotten():
    """The environment is read once; here it is read again."""
    settings.settings.cache_clear()
    yield
    settings.settings.cache_clear()


def test_by_id(say, small_scene, tmp_path, monkeypatch, forgotten):
    root, scene = small_scene.parent, small_scene.name
    say("compose", "true-color", small_scene, "-o", tmp_path / "a.png")
    say("compose", "true-color", scene, "--root", root, "-o", tmp_path / "b.png")
    monkeypatch.setenv("GIGASCENE_SCENES", str(root))
    settings.settings.cache_clear()
    say("compose", "true-color", scene, "-o", tmp_path / "c.png")
    say("compose", "true-color", scene[:16], "-o", tmp_path / "d.png")
    assert len({digest(tmp_path / f"{name}.png") for name in "abcd"}) == 1
    assert json.loads(say("info", scene, "--json"))["id"] == scene
    assert "stretch" in say("histogram", scene)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2"])
@pytest.mark.parametrize("flat", [True, False])
def test_tar_files_give_the_same_bytes(say, small_scene, tmp_path, suffix, flat):
    path = tmp_path / f"{small_scene.name}{suffix}"
    mode = {".tar": "w", ".tar.bz2": "w:bz2"}.get(suffix, "w:gz")
    with tarfile.open(path, mode, compresslevel=1) if mode != "w" else tarfile.open(path, mode) as tar:
        for file in sorted(small_scene.iterdir()):
            tar.add(file, file.name if flat else f"{small_scene.name}/{file.name}")
    for product, name in (("true-color", "p.png"), ("ndvi", "p.tif")):
        say("compose", product, small_scene, "-o", tmp_path / f"a{name}", "--mask", "clouds")
        say("compose", product, path, "-o", tmp_path / f"b{name}", "--mask", "clouds")
        assert digest(tmp_path / f"a{name}") == digest(tmp_path / f"b{name}")


def test_plain_rasters(say, small_scene, tmp_path):
    bands = [next(small_scene.glob(f"*_B{number}.TIF")) for number in (4, 3, 2)]
    names = ",".join(path.stem for path in bands)
    say("compose", "rgb", *bands, "--bands", names, "--stretch", "7000:14000", "-o", tmp_path / "a.png")
    say(
        "compose",
        "true-color",
        small_scene,
        "--units",
        "dn",
        "--gamma",
        "1",
        "--stretch",
        "7000:14000",
        "-o",
        tmp_path / "b.png",
    )
    with rasterio.open(tmp_path / "a.png") as ours, rasterio.open(tmp_path / "b.png") as theirs:
        a, b = ours.read(), theirs.read()
    assert b.max() > 100
    valid = (b > 0).all(axis=0)
    assert np.array_equal(a[:, valid], b[:, valid])
