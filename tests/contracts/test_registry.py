"""Whatever is in a registry folder keeps its role's promises, from the day its file appears."""

import hashlib
import threading
import time
from dataclasses import replace
from importlib import import_module

import matplotlib.image
import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

import gigascene
from contracts.chores import BYTES, Chore, environment, tasks
from gigascene.model.block import Shown
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window
from gigascene.model.plan import Format
from gigascene.model.product import Product
from gigascene.model.sensor import Sensor
from gigascene.registry import ENGINES, PRODUCTS, SENSORS, WRITERS

REGISTRIES = {"sensors": SENSORS, "products": PRODUCTS, "writers": WRITERS, "engines": ENGINES}
ATTRIBUTES = {"sensors": "SENSOR", "products": "PRODUCT", "writers": "WRITER", "engines": "ENGINE"}
EVERY = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]


def module(kind, name):
    return import_module(f"gigascene.{kind}.{name.replace('-', '_')}")


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_file_says_what_it_is_for(kind, name):
    found = module(kind, name)
    assert found.__doc__
    first = found.__doc__.strip().splitlines()[0]
    assert 15 <= len(first) <= 120
    assert getattr(found, ATTRIBUTES[kind]) is REGISTRIES[kind][name]


@pytest.mark.parametrize(("kind", "name"), [pair for pair in EVERY if pair[0] != "engines"])
def test_the_name_is_that_of_the_file(kind, name):
    assert REGISTRIES[kind][name].name == name


@pytest.mark.parametrize("name", ENGINES.names())
def test_engines_say_what_they_are(name):
    assert (ENGINES[name].__doc__ or "").strip()
    engine = ENGINES[name](2)
    assert engine.workers in {1, 2}
    assert engine.processes >= 1


@pytest.mark.parametrize("name", [name for name in ENGINES.names() if name != "slurm"])
def test_workers_have_the_environment_of_now(name, monkeypatch):
    """Not that of the day when the first pool of this process was made."""
    for said in ("first", "second"):
        monkeypatch.setenv("GIGASCENE_TEST_NAME", said)
        found = list(ENGINES[name](2).map(environment, tasks(3), ahead=4, bound=lambda task: 1))
        assert [done.pieces[0].body.decode() for done in found] == [said] * 3


@pytest.mark.parametrize("name", SENSORS.names())
def test_sensors(name):
    sensor = SENSORS[name]
    assert isinstance(sensor, Sensor)
    assert sensor.title
    keys = [band.key for band in sensor.bands]
    assert len(set(keys)) == len(keys)
    for band in sensor.bands:
        assert 0.3 < band.wavelength_um < 15
        assert band.gsd_m > 0


@pytest.mark.parametrize("name", PRODUCTS.names())
def test_products(name):
    product = PRODUCTS[name]
    assert isinstance(product, Product)
    assert product.title
    assert product.channels
    assert product.make.__doc__


def test_suffixes_belong_to_one_writer_each():
    suffixes = [suffix for name in WRITERS.names() for suffix in WRITERS[name].suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


def test_an_unknown_name_is_told_with_the_closest():
    for kind, registry in REGISTRIES.items():
        name = registry.names()[0]
        with pytest.raises(UsageError, match=f"Did you mean '{name}'"):
            registry[f"{name}x"]
        with pytest.raises(LookupError, match=kind.rstrip("s")):
            registry["no such thing at all"]
        assert name in registry
        assert f"{name}x" not in registry


# Writers: each is read by something that shares nothing with it.


def by_pillow(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def by_gdal(path):
    with rasterio.open(path) as picture:
        return np.moveaxis(picture.read(), 0, -1)


def by_netpbm_rules(path):
    """PAM by its specification: lines of header up to ENDHDR, then raw samples."""
    head, body = path.read_bytes().split(b"ENDHDR\n", 1)
    fields = dict(line.split(b" ", 1) for line in head.splitlines() if b" " in line and not line.startswith(b"#"))
    shape = (int(fields[b"HEIGHT"]), int(fields[b"WIDTH"]), int(fields[b"DEPTH"]))
    return np.frombuffer(body, np.uint8).reshape(shape)


READERS = {
    ("png", ".png"): (by_pillow, by_gdal, matplotlib.image.imread),
    ("cog", ".tif"): (by_pillow, by_gdal),
    ("cog", ".tiff"): (by_gdal,),
    ("jpeg", ".jpg"): (by_pillow, by_gdal),
    ("jpeg", ".jpeg"): (by_pillow,),
    ("pam", ".pam"): (by_netpbm_rules,),
    ("pam", ".ppm"): (by_pillow, by_gdal),
    ("pam", ".pnm"): (by_pillow, by_gdal),
}
ELSEWHERE = {("pam", ".pgm"), ("figure", ".pdf"), ("figure", ".svg"), ("preview", ".png"), ("deepzoom", ".dzi")}
ELSEWHERE |= {("raw", ".raw")}
"""Grey only; drawings; reduced; a folder of tiles; nothing but samples: each has a test of its own."""


def test_every_suffix_has_a_reader():
    found = {(name, suffix) for name in WRITERS.names() for suffix in WRITERS[name].suffixes}
    assert found <= READERS.keys() | ELSEWHERE


@pytest.fixture(scope="module")
def levels(small_scene, tmp_path_factory):
    """The picture's levels, as PNG through GDAL; the parity tests hold these against NumPy."""
    target = tmp_path_factory.mktemp("levels") / "a.png"
    gigascene.compose("true-color", small_scene, target)
    return by_gdal(target)


@pytest.mark.parametrize(("writer", "suffix"), READERS)
def test_something_else_reads_what_a_writer_writes(writer, suffix, small_scene, levels, tmp_path):
    target = tmp_path / f"a{suffix}"
    gigascene.compose("true-color", small_scene, target)
    for reader in READERS[writer, suffix]:
        found = reader(target)
        if found.dtype == np.float32:
            found = np.rint(found * 255).astype(np.uint8)
        found = found[..., :3]
        assert found.shape == levels.shape
        if writer == "jpeg":
            away = np.abs(found.astype(int) - levels)[(levels > 0).all(axis=-1)]
            assert away.mean() < 6
        else:
            assert np.array_equal(found, levels)


def test_grey_pgm(small_scene, tmp_path):
    gigascene.compose("ndvi", small_scene, tmp_path / "a.pgm", palette="grey")
    gigascene.compose("ndvi", small_scene, tmp_path / "a.png", palette="grey")
    assert np.array_equal(by_pillow(tmp_path / "a.pgm"), by_gdal(tmp_path / "a.png")[..., 0])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("packing", ["nodata", "document"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_every_kind_of_pixel(depth, packing, suffix, small_scene, tmp_path):
    wishes = {"depth": depth, "packing": packing}
    gigascene.compose("true-color", small_scene, tmp_path / f"a{suffix}", **wishes)
    gigascene.compose("true-color", small_scene, tmp_path / "a.pam", **wishes)
    found = by_gdal(tmp_path / f"a{suffix}")
    head, body = (tmp_path / "a.pam").read_bytes().split(b"ENDHDR\n", 1)
    raw = np.frombuffer(body, ">u2" if depth == 16 else np.uint8).reshape(300, 260, -1)
    assert found.dtype == np.dtype(f"uint{depth}")
    assert found.shape[-1] == (4 if packing == "document" else 3)
    assert (b"RGB_ALPHA" in head) == (packing == "document")
    assert np.array_equal(found, raw)


# Codecs.

KINDS = [
    (1, "uint8", False),
    (3, "uint8", False),
    (3, "uint16", False),
    (4, "uint8", True),
    (2, "uint16", True),
    (4, "uint8", False),
    (2, "uint8", False),
]
CODECS = [name for name in WRITERS.names() if name != "preview"]


def format_of(writer, bands, dtype, alpha, shape, options=None):
    """A filled-in format, or a skip where the writer says that it does not take this."""
    box = GeoBox(shape, Affine(30, 0, 500000, 0, -30, 7800000), "EPSG:32626")
    wish = Format(
        writer=writer, shape=shape, bands=bands, dtype=dtype, alpha=alpha, nodata=None if alpha else 0, geobox=box,
        options=options or {},
    )  # fmt: skip
    try:
        return WRITERS[writer].format(wish)
    except UsageError as error:
        pytest.skip(f"{writer} does not take this: {error}")


def noise(shape, bands, dtype, seed=1):
    return np.random.default_rng(seed).integers(1, np.iinfo(dtype).max, (*shape, bands), endpoint=True).astype(dtype)


def run_of(picture, grid, row, heights):
    """One row of pieces as windows of these heights."""
    area = Window(
        top=row * grid.piece[0],
        left=0,
        height=min(grid.piece[0], grid.shape[0] - row * grid.piece[0]),
        width=grid.shape[1],
    )
    top, heights = area.top, iter(heights)
    while top < area.bottom:
        height = min(next(heights), area.bottom - top)
        window = Window(top=top, left=0, height=height, width=area.width)
        yield Shown(window=window, levels=np.ascontiguousarray(picture[top : top + height]))
        top += height


def cycled(heights):
    while True:
        yield from heights


@pytest.mark.parametrize("writer", CODECS)
@pytest.mark.parametrize(("bands", "dtype", "alpha"), KINDS)
def test_a_codec_gives_the_same_bytes_for_any_windows_and_keeps_its_bound(writer, bands, dtype, alpha):
    shape = (700, 530)
    format = format_of(writer, bands, dtype, alpha, shape)
    codec, picture = WRITERS[writer].codec, noise(shape, bands, dtype)
    grid = codec.pieces(format)
    assert grid.shape == shape
    for row in range(grid.down):
        first = row * grid.across
        ways = [
            list(codec.encode(first, run_of(picture, grid, row, cycled(heights)), format))
            for heights in ([10_000], [1, 64, 17], [128])
        ]
        for pieces in ways:
            assert [piece.index for piece in pieces] == list(range(first, first + grid.across))
            for piece in pieces:
                assert len(piece.body) <= codec.bound(format)
                assert piece.sha256 == hashlib.sha256(piece.body).hexdigest()
        assert ways[0] == ways[1] == ways[2]


@pytest.mark.parametrize("writer", CODECS)
@pytest.mark.parametrize("options", [{}, {"level": "fast"}, {"level": "small"}, {"compress": "zstd"}, {"compress": "lzw"},
                                     {"compress": "none"}, {"compress": "jpeg", "quality": 100}, {"quality": 100}])  # fmt: skip
def test_bounds_hold_for_noise_under_every_option(writer, options):
    format = format_of(writer, 3, "uint8", False, (520, 520), options)
    codec, picture = WRITERS[writer].codec, noise((520, 520), 3, "uint8", seed=2)
    grid = codec.pieces(format)
    bodies = [
        len(piece.body)
        for row in range(grid.down)
        for piece in codec.encode(row * grid.across, run_of(picture, grid, row, cycled([10_000])), format)
    ]
    assert len(bodies) == len(grid)
    assert max(bodies) <= codec.bound(format)
    assert codec.scratch(format, grid.across) >= 0


@pytest.mark.parametrize("writer", CODECS)
def test_pieces_are_a_matter_of_the_format_alone(writer):
    format = format_of(writer, 3, "uint8", False, (5000, 4000))
    grid = WRITERS[writer].codec.pieces(format)
    other = WRITERS[writer].codec.pieces(replace(format, metadata={"Title": "x"}))
    assert (grid.shape, grid.piece) == (other.shape, other.piece)
    covered = np.zeros((50, 40), np.int64)
    for index in range(len(grid)):
        window = grid[index]
        covered[window.top // 100 : -(-window.bottom // 100), window.left // 100 : -(-window.right // 100)] += 1
    assert covered.min() >= 1


# Engines.

MAPPING = [name for name in ENGINES.names() if name != "slurm"]
"""That of Slurm runs whole plans, and its results wait on disk: tests/slurm/ asks a real one."""


@pytest.mark.parametrize("name", MAPPING)
@pytest.mark.parametrize("ahead", [0, 10**9])
def test_engines_give_results_in_order(name, ahead):
    results = ENGINES[name](3).map(Chore(0.01), iter(tasks(25)), ahead=ahead, bound=lambda task: BYTES)
    found = list(results)
    assert [result.task.index for result in found] == list(range(25))
    assert [result.pieces[0].index for result in found] == list(range(25))


@pytest.mark.parametrize("name", MAPPING)
def test_failures_are_results(name):
    found = list(ENGINES[name](2).map(Chore(fails={3, 7}), tasks(10), ahead=5 * BYTES, bound=lambda task: BYTES))
    assert [type(result) for result in found] == [Failed if i in {3, 7} else Done for i in range(10)]
    assert str(found[7].error) == "task 7"


@pytest.mark.parametrize("name", MAPPING)
def test_no_tasks_no_results(name):
    assert list(ENGINES[name](2).map(Chore(), [], ahead=BYTES, bound=lambda task: BYTES)) == []


@pytest.mark.parametrize("name", MAPPING)
@pytest.mark.parametrize("room", [1, 4])
def test_engines_keep_within_what_they_may_be_ahead(name, room):
    """Tasks drawn but not yet claimed: never more than `ahead` holds, even where the first one is slow."""
    drawn, claimed, most = 0, 0, 0
    lock = threading.Lock()

    def watched():
        nonlocal drawn, most
        for task in tasks(30):
            with lock:
                drawn += 1
                most = max(most, drawn - claimed)
            yield task

    for _ in ENGINES[name](4).map(Chore(0.005), watched(), ahead=room * BYTES, bound=lambda task: BYTES):
        claimed += 1
        time.sleep(0.002)
    # One more is drawn to ask how large it is, and one is in the caller's hands.
    assert most <= room + 2
    assert claimed == 30


@pytest.mark.parametrize("name", MAPPING)
def test_an_engine_may_be_left_in_the_middle(name):
    results = ENGINES[name](2).map(Chore(), iter(tasks(1000)), ahead=4 * BYTES, bound=lambda task: BYTES)
    assert next(results).task.index == 0
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gigascene")]
