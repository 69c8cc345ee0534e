"""The docs are true: every name is there, every command line runs, every link leads somewhere, every example works."""

import importlib.util
import json
import re
import shlex
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
import rasterio
import typer.main
from PIL import Image

import gigascene
import stac_scene
from gigascene import registry
from gigascene.api.names import palette_names
from gigascene.cli import app
from gigascene.model import errors
from gigascene.sensors import _landsat_masks as masks
from gigascene.sensors._sentinel2_bands import LEVEL1C, SCENE_CLASSES
from gigascene.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted(DOCS.rglob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
SAFE = "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"
SCENE = "LC08_L1TP_226010_20140820_20200911_02_T1"

ONLY_PARSED = {"demo", "search", "simulate", "replay", "view"}
"""Verbs whose examples take long, need a network or a failure first, or serve until they are stopped."""


def hooks():
    """The module that MkDocs runs over the pages."""
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def command_lines(text):
    """Command lines of console blocks, as words behind `gigascene`."""
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r"^\$ (gigascene .+)$", text, re.MULTILINE)]


def blocks(text, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def verbs(command=None, words=()):
    """Every verb as (words, command); `plan compose` is one."""
    for name, inner in (command or typer.main.get_command(app())).commands.items():
        if hasattr(inner, "commands"):
            yield from verbs(inner, (*words, name))
        else:
            yield (*words, name), inner


VERBS = dict(verbs())
LINES = [(name_of(page), words) for page, text in TEXTS.items() for words in command_lines(text)]


def parsed(words):
    """The options of a command line; raises what the command line would."""
    found = max((verb for verb in VERBS if tuple(words[: len(verb)]) == verb), key=len, default=None)
    assert found, f"no such verb: {words}"
    return VERBS[found].make_context(" ".join(found), list(words[len(found) :])).params


# Names


@pytest.mark.parametrize("verb", sorted({words[0] for words in VERBS}))
def test_every_verb_has_a_page(verb):
    page = TEXTS[DOCS / "verbs" / f"{verb}.md"]
    assert page.startswith(f"# {verb}\n")
    assert f"(docs/verbs/{verb}.md)" in TEXTS[ROOT / "README.md"]
    assert any(words[0] == verb for words in command_lines(page))


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_option_is_told(words):
    page = hooks().on_page_markdown(TEXTS[DOCS / "verbs" / f"{words[0]}.md"])
    for item in VERBS[words].params:
        for spelled in item.opts if item.param_type_name == "option" else ():
            assert re.search(rf"{spelled}\b", page), spelled
            assert item.help, f"{spelled} has no help"


@pytest.mark.parametrize(
    ("names", "page"),
    [
        (gigascene.product_names(), "docs/gallery.md"),
        (gigascene.product_names(), "CHANGELOG.md"),
        ([name for name in gigascene.sensor_names() if not name.startswith("sentinel2")], "docs/landsat.md"),
        ([name for name in gigascene.sensor_names() if name.startswith("sentinel2")], "docs/sentinel2.md"),
        ([band.name for band in LEVEL1C], "docs/sentinel2.md"),
        (SCENE_CLASSES, "docs/sentinel2.md"),
        (gigascene.look_names(), "CHANGELOG.md"),
        (registry.WRITERS.names(), "ARCHITECTURE.md"),
        (registry.ENGINES.names(), "CHANGELOG.md"),
        (palette_names(), "docs/looks.md"),
        (sorted({*masks.collection2(9, "C"), *masks.collection2(5, "T")}), "docs/landsat.md"),
        (sorted({*masks.collection1(8, "C"), *masks.collection1(7, "E"), *masks.precollection()}), "docs/landsat.md"),
        ([f"GIGASCENE_{field.upper()}" for field in Settings.__slots__], "docs/exit-codes.md"),
    ],
)
def test_names_are_told(names, page):
    text = TEXTS[ROOT / page]
    assert [name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", text)] == []


def test_every_suffix_is_told():
    suffixes = {suffix for name in registry.WRITERS.names() for suffix in registry.WRITERS[name].suffixes}
    page = hooks().on_page_markdown(TEXTS[DOCS / "formats.md"])
    assert [suffix for suffix in suffixes if suffix not in page] == []


def test_every_public_name_is_in_the_reference():
    assert [name for name in gigascene.__all__ if f"gigascene.{name}" not in TEXTS[DOCS / "api.md"]] == []


def test_every_module_is_in_the_architecture():
    top = [path for path in Path(gigascene.__file__).parent.iterdir() if path.suffix == ".py" or path.is_dir()]
    names = {f"{path.name}/" if path.is_dir() else path.name for path in top if not path.name.startswith("_")}
    assert [name for name in names if f"`{name}`" not in TEXTS[ROOT / "ARCHITECTURE.md"]] == []


def test_every_exit_code_is_told():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")]
    codes = {kind.exit_code for kind in kinds}
    assert [code for code in codes if f"\n| {code} |" not in TEXTS[DOCS / "exit-codes.md"]] == []


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    for file in (ROOT / "requirements").glob("*.in"):
        wanted += [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    names = [re.match(r"[\w.-]+(\[[\w,]+\])?", line)[0] for line in wanted]
    assert [name for name in names if f"`{name}`" not in TEXTS[ROOT / "CONTRIBUTING.md"]] == []


def test_the_changelog_has_this_version():
    assert f"\n## [{gigascene.__version__}]" in TEXTS[ROOT / "CHANGELOG.md"]


def test_every_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text()
    assert [page for page in DOCS.rglob("*.md") if f": {page.relative_to(DOCS).as_posix()}\n" not in menu] == []


# Places


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[page])
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_files_named_in_the_architecture_exist():
    source = Path(gigascene.__file__).parent
    for file, name in re.findall(r"`(\w+/\w+\.py)(?:: (\w+))?`", TEXTS[ROOT / "ARCHITECTURE.md"]):
        assert (source / file).exists(), file
        assert name in (source / file).read_text(encoding="utf-8"), f"{file}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_place_of_one_machine(page):
    assert not re.search(r"/(home|root|work|Users)/", TEXTS[page])


def test_requirements_name_no_place():
    for file in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"://|^-|file:|@ ", file.read_text(), re.MULTILINE), file


# Pictures


@pytest.mark.parametrize("product", gigascene.product_names())
def test_the_gallery_shows_every_product(product):
    text = TEXTS[DOCS / "gallery.md"]
    section = text.partition(f"\n## {product}\n")[2].partition("\n## ")[0]
    assert f"(images/gallery/{product}.jpg)" in section
    [words] = command_lines(section)
    assert words[:2] == ["compose", product]
    with Image.open(DOCS / "images" / "gallery" / f"{product}.jpg") as picture:
        assert 500 < max(picture.size) <= 1200


def test_pictures_are_small():
    pictures = list((DOCS / "images" / "gallery").iterdir())
    assert {path.stem for path in pictures} == set(gigascene.product_names())
    assert sum(path.stat().st_size for path in pictures) <= 1_500_000
    assert (DOCS / "images" / "fjord.jpg").stat().st_size <= 300_000


# Command lines


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{page}: {' '.join(words)}" for page, words in LINES])
def test_command_lines_parse(page, words):
    parsed(words)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_examples_in_the_help_parse(words):
    examples = re.findall(r"^gigascene (.+)$", VERBS[words].help, re.MULTILINE)
    assert examples
    for example in examples:
        parsed(shlex.split(example))


@pytest.fixture
def workspace(small_scene, small_safe, tmp_path, monkeypatch):
    """A folder in which the docs' command lines find what they name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenes").symlink_to(small_scene.parent)
    for name, band in {"R": 4, "G": 3, "B": 2}.items():
        (tmp_path / f"{name}.tif").write_bytes(next(small_scene.glob(f"*_B{band}.TIF")).read_bytes())
    (tmp_path / SAFE).symlink_to(small_safe)
    for name in ("BEFORE", "AFTER"):
        (tmp_path / name).symlink_to(small_scene)
    for band in ("B02", "B03", "B04"):
        (tmp_path / f"T29UNU_{band}_10m.jp2").symlink_to(next(small_safe.rglob(f"*_{band}_10m.jp2")))
    gigascene.save_plan(gigascene.plan_compose("true-color", small_scene, "fjord.png"), "plan.json")
    stac_scene.write_bands(tmp_path, {"forest": 1, "water": 1}, raw=True, side=256)
    items = {"type": "FeatureCollection", "features": [stac_scene.item(side=256)]}
    (tmp_path / "scenes.json").write_text(json.dumps(items))
    (tmp_path / "region").symlink_to(tmp_path)
    roads = {"type": "LineString", "coordinates": [[-25.3, 70.4], [-24.9, 70.6]]}
    (tmp_path / "roads.geojson").write_text(json.dumps(roads))
    assert small_scene.name == SCENE
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "gallery"], ids=name_of)
def test_command_lines_run(page, workspace):
    lines = [words for words in command_lines(TEXTS[page]) if words[0] not in ONLY_PARSED]
    for words in lines:
        app()(args=words, standalone_mode=False)
        output = parsed(words).get("output")
        if output and words[0] != "plan":
            assert Path(output).stat().st_size > 0


# Python


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "api.md"], ids=name_of)
def test_python_examples_run(page, workspace):
    for block in blocks(TEXTS[page]):
        exec(compile(block, name_of(page), "exec"), {"__name__": "example"})


@pytest.fixture
def added(monkeypatch):
    """Adds the example of CONTRIBUTING.md that goes into a folder of `src`, as another package would."""

    def add(kind):
        [block] = [b for b in blocks(TEXTS[ROOT / "CONTRIBUTING.md"]) if b.startswith(f"# src/gigascene/{kind}s/")]
        space = {"__name__": "example"}
        exec(compile(block, f"example {kind}", "exec"), space)
        name = re.match(r"# src/gigascene/\w+/(\w+)\.py", block)[1].replace("_", "-")
        point = SimpleNamespace(name=name, load=lambda: space[kind.upper()], spec=EntryPoint)
        group = f"gigascene.{kind}s"
        monkeypatch.setattr(registry, "entry_points", lambda *, group: points.get(group, []))
        points[group] = [point]
        return name, space

    points = {}
    return add


def test_example_product(added, small_scene, tmp_path):
    name, _ = added("product")
    assert name in gigascene.product_names()
    assert gigascene.compose(name, small_scene, tmp_path / "water.png").bytes > 0
    assert float(gigascene.load(name, small_scene).max()) > 0.3


def test_example_sensor(added, small_scene, tmp_path):
    added("sensor")
    folder = tmp_path / "flight"
    folder.mkdir()
    for name, band in {"R": 4, "G": 3, "B": 2}.items():
        (folder / f"{name}.tif").write_bytes(next(small_scene.glob(f"*_B{band}.TIF")).read_bytes())
    facts = {"id": "flight-7", "time": "2024-06-01T10:00:00Z", "gain": 1e-4}
    (folder / "flight.json").write_text(json.dumps(facts))
    assert gigascene.open_scene(folder).sensor == "aerial"
    assert gigascene.compose("true-color", folder, tmp_path / "flight.png").bytes > 0


def test_example_writer(added, small_scene, tmp_path):
    added("writer")
    gigascene.compose("true-color", small_scene, tmp_path / "fjord.bip")
    gigascene.compose("true-color", small_scene, tmp_path / "fjord.png")
    with rasterio.open(tmp_path / "fjord.png") as png:
        wanted = png.read()
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "fjord.bip") as bip:
            assert (bip.read() == wanted).all()


def test_example_engine(added, small_scene, tmp_path):
    name, _ = added("engine")
    files = {engine: tmp_path / f"{engine}.png" for engine in ("serial", name)}
    for engine, file in files.items():
        gigascene.compose("true-color", small_scene, file, engine=engine, workers=2)
    assert files["serial"].read_bytes() == files[name].read_bytes()
