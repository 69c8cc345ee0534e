"""From a bucket and into a bucket: the same bytes as on disk, no more fetched than needed."""

import hashlib
import json

import numpy as np
import pytest
import tifffile

import gigascene
import stac_scene
from buckets.relay import relayed
from cli.shell import started
from gigascene.api.verify import verify
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.readers.geotiff import describe
from gigascene.readers.window import read
from gigascene.storage import bucket as buckets
from gigascene.storage import remote

pytestmark = pytest.mark.slow
KEYS = ("B04", "B03", "B02")


def digests(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    """A COG for each band, and their item."""
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True)
    stac_scene.write_item(folder)
    return folder


@pytest.fixture
def sources(request, bands, bucket):
    """The bands as plain rasters, or their item; on disk, or in the bucket."""
    kind, where = request.param
    names = ["item.json"] if kind == "item" else [f"{key}.tif" for key in KEYS]
    if where == "file":
        return [str(bands / name) for name in names]
    for path in bands.iterdir():
        bucket.put(f"in/{path.name}", path.read_bytes())
    return [bucket.url(f"in/{name}") for name in names]


def wishes(sources):
    return {} if sources[0].endswith(".json") else {"bands": list(KEYS)}


def product(sources):
    return "true-color" if sources[0].endswith(".json") else "rgb"


SOURCES = [(kind, where) for kind in ("rasters", "item") for where in ("file", "s3")]


@pytest.mark.parametrize("sources", SOURCES, indirect=True, ids=lambda one: f"{one[0]} from {one[1]}")
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_file_is_the_same_everywhere(sources, name, bands, bucket, tmp_path, scratch):
    own = [str(bands / source.rpartition("/")[2]) for source in sources]
    gigascene.compose(product(sources), own, tmp_path / name, **wishes(sources))
    gigascene.compose(product(sources), sources, tmp_path / f"other.{name}", **wishes(sources))
    receipt = gigascene.compose(product(sources), sources, bucket.url(f"out/{name}"), **wishes(sources))
    expected = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert hashlib.sha256((tmp_path / f"other.{name}").read_bytes()).hexdigest() == expected
    assert bucket.sha256(f"out/{name}") == expected
    told = bucket.json(f"out/{name}.receipt.json")
    assert (receipt.target, receipt.path) == (bucket.url(f"out/{name}"), bucket.url(f"out/{name}.receipt.json"))
    assert (told["target"], told["path"], told["bytes"]) == (receipt.target, receipt.path, receipt.bytes)
    assert str(tmp_path) not in json.dumps({**told, "inputs": []})
    assert (f"out/{name}.stac.json" in bucket.names()) == sources[0].endswith(".json")
    assert not list(scratch.iterdir())
    assert not {key for key in bucket.index() if "probe" in key}


@pytest.mark.parametrize("sources", SOURCES[1:3], indirect=True, ids=lambda one: f"{one[0]} from {one[1]}")
@pytest.mark.parametrize("kind", ["tiles", "dzi"])
def test_a_folder_is_the_same_everywhere(sources, kind, bands, bucket, tmp_path, scratch):
    own = [str(bands / source.rpartition("/")[2]) for source in sources]
    target, folder = {"tiles": ("tiles/", "tiles"), "dzi": ("a.dzi", "a_files")}[kind]
    gigascene.compose(product(sources), own, f"{tmp_path}/{target}", **wishes(sources))
    gigascene.compose(product(sources), sources, bucket.url(f"out/{target}"), **wishes(sources))
    assert bucket.digests(f"out/{folder}") == digests(tmp_path / folder)
    told = bucket.json(f"out/{target.rstrip('/')}.receipt.json")
    assert told["target"] == bucket.url(f"out/{target}").rstrip("/")
    if kind == "dzi":
        assert bucket.get("out/a.dzi") == (tmp_path / "a.dzi").read_bytes()
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_every_engine_reads_and_writes_buckets(bands, bucket, tmp_path, engine):
    sources = [bucket.put(f"{key}.tif", (bands / f"{key}.tif").read_bytes()) for key in KEYS]
    gigascene.compose("rgb", [bands / f"{key}.tif" for key in KEYS], tmp_path / "a.png", bands=KEYS)
    gigascene.compose("rgb", sources, bucket.url("a.png"), bands=KEYS, engine=engine, workers=2)
    assert bucket.get("a.png") == (tmp_path / "a.png").read_bytes()


def test_a_plan_and_mosaic_and_convert_on_the_command_line(bands, bucket, tmp_path):
    sources = [bucket.put(f"{key}.tif", (bands / f"{key}.tif").read_bytes()) for key in KEYS]
    plan, picture = tmp_path / "plan.json", bucket.url("a.png")
    done = started("plan", "compose", "rgb", *sources, "--bands", ",".join(KEYS), "-o", picture, "--save", plan)
    assert done.code == 0, done.err
    assert picture in done.out
    assert bucket.names() == {f"{key}.tif" for key in KEYS}
    done = started("run", plan)
    assert done.code == 0, done.err
    assert done.out.startswith(f"{picture}: ")
    item = [bucket.put(f"i/{path.name}", path.read_bytes()) for path in bands.iterdir() if path.suffix]
    item = next(one for one in item if one.endswith(".json"))
    done = started("mosaic", "true-color", item, "-o", bucket.url("m.tif"))
    assert done.code == 0, done.err
    done = started("compare", "ndvi", item, item, "-o", bucket.url("c.png"))
    assert done.code == 0, done.err
    done = started("convert", bucket.url("m.tif"), "-o", bucket.url("v.png"))
    assert done.code == 0, done.err
    assert {"a.png", "m.tif", "c.png", "v.png"} <= bucket.names()


def test_what_is_sent_can_be_verified(bands, bucket, tmp_path):
    gigascene.compose("rgb", [bands / f"{key}.tif" for key in KEYS], bucket.url("a.jpg"), bands=KEYS)
    for key in bucket.names():
        (tmp_path / key).write_bytes(bucket.get(key))
    verdict = verify(tmp_path / "a.jpg")
    assert verdict.state == "whole"
    assert verdict.notes == ()


def test_former_side_files_go(bands, bucket):
    rasters = [bands / f"{key}.tif" for key in KEYS]
    gigascene.compose("rgb", rasters, bucket.url("a.png"), bands=KEYS)
    assert {"a.png", "a.pgw", "a.png.aux.xml", "a.png.receipt.json"} == bucket.names()
    gigascene.compose("rgb", rasters, bucket.url("a.png"), bands=KEYS, writer="figure")
    assert bucket.names() == {"a.png", "a.png.receipt.json"}


@pytest.mark.parametrize(
    "window",
    [
        Window(top=250, left=500, height=20, width=300),
        Window(top=256, left=256, height=768, width=512),
        Window(top=0, left=0, height=1500, width=1700),
    ],
)
def test_a_window_costs_its_tiles(bucket, server, at, tmp_path, window):
    pixels = np.random.default_rng(5).integers(1, 4000, (1500, 1700)).astype(np.uint16)
    stac_scene.write_cog(tmp_path / "a.tif", pixels, 10)
    href = bucket.put("a.tif", (tmp_path / "a.tif").read_bytes())
    with relayed(server.port) as relay:
        at(server.environment(relay.port))
        header = describe(href, band="B04")
        asset = Asset(
            key="B04",
            name="red",
            href=href,
            geobox=header.geobox,
            dtype=header.dtype,
            nodata=0,
            blocks=header.blocks,
        )
        relay.reset()
        found = read(asset, window)
        fetched = relay.sent
    assert (found == pixels[window.top : window.bottom, window.left : window.right]).all()
    needed = bytes_of(tmp_path / "a.tif", window)
    print(f"fetched {fetched} of {needed}: {fetched / needed:.3f}")
    assert fetched <= 1.1 * needed


def bytes_of(path, window):
    """Compressed bytes of the tiles that a window touches."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        across = -(-page.imagewidth // page.tilewidth)
        tiles = {
            row // page.tilelength * across + column // page.tilewidth
            for row in range(window.top, window.bottom)
            for column in range(window.left, window.right)
        }
        return sum(page.databytecounts[tile] for tile in tiles)


def test_an_object_that_changes_is_noticed(bucket):
    href = bucket.put("a", bytes(remote.PAGE * 3))
    assert remote.read(href, 0, 10) == bytes(10)
    bucket.put("a", b"x" * (remote.PAGE * 3))
    with pytest.raises(BadInput, match="has changed"):
        remote.read(href, remote.PAGE * 2, 10)


def test_an_empty_object_is_empty(bucket):
    assert remote.state(bucket.put("empty", b"")).size == 0


def test_what_passes_is_tried_again_and_what_does_not_is_told(bucket, server, at):
    href = bucket.put("a", bytes(200))
    with relayed(server.port) as relay:
        at(server.environment(relay.port))
        relay.dropped = 3
        assert remote.state(href).size == 200
        assert relay.dropped == 0
        relay.dropped = 3
        buckets.put(bucket.url("b"), b"abc")
        assert bucket.get("b") == b"abc"
    with pytest.raises(BadInput, match="cannot be reached"):
        remote.state(href, fresh=True)
