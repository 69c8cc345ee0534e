"""COGs read back by independent readers: GDAL (rasterio), tifffile, and rio-cogeo's validator."""

import errno
import os
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate

from gigascene.codecs._tiff_options import overviews
from gigascene.codecs._tiff_tile import cut
from gigascene.codecs.tiff import CODEC
from gigascene.kernels.overview import halve_numpy
from gigascene.model.block import Shown
from gigascene.model.contracts import Placed
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.grid import Window
from gigascene.model.plan import Execution, Format
from gigascene.writers import cog
from gigascene.writers.cog import WRITER

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

ALBERS = (
    'PROJCS["sheet",GEOGCS["own",DATUM["D_own",SPHEROID["s",6378000,298]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433]],PROJECTION["Albers_Conic_Equal_Area"],PARAMETER["standard_parallel_1",55],'
    'PARAMETER["standard_parallel_2",65],PARAMETER["latitude_of_center",50],PARAMETER["longitude_of_center",-154],'
    'PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1]]'
)
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 7_000_000)


def format_of(shape, bands=3, dtype="uint8", *, crs="EPSG:32626", affine=NORTH_UP, metadata=None, **options):
    alpha = bands in {2, 4}
    geobox = GeoBox(shape, affine, crs)
    return WRITER.format(
        Format(
            writer="cog",
            shape=shape,
            bands=bands,
            dtype=dtype,
            alpha=alpha,
            nodata=None if alpha else 0,
            geobox=geobox,
            options=options,
            metadata=metadata or {},
        )
    )


def picture(format, seed=0):
    """Smooth levels with some noise, a blank corner and blank specks."""
    rng = np.random.default_rng(seed)
    (height, width), top = format.shape, np.iinfo(format.dtype).max
    slope = np.linspace(0.1, 0.8, width) + np.linspace(0, 0.1, height)[:, None]
    levels = (slope[..., None] * top + rng.integers(1, 9, (height, width, format.bands))).astype(format.dtype)
    if format.alpha:
        levels[..., -1] = top
    if format.alpha or format.nodata is not None:
        levels[rng.random((height, width)) < 0.01] = 0
        levels[: height // 2, : width // 3] = 0
    return levels


def windows(levels, top, left, height, width, rows):
    for y in range(top, top + height, rows):
        part = levels[y : min(y + rows, top + height), left : left + width]
        yield Shown(window=Window(top=y, left=left, height=len(part), width=width), levels=part)


def encoded(levels, format, task=10_000, rows=512):
    grid = CODEC.pieces(format)
    for start in range(0, len(grid), task):
        for first, run in grid.runs(start, min(start + task, len(grid))):
            shown = windows(levels, run.top, run.left, run.height, run.width, rows)
            yield from CODEC.encode(first, shown, format)


def plan_for(target, format):
    return SimpleNamespace(target=str(target), format=format, execution=Execution())


def write(path, levels, format, **cut):
    body = path.with_name("body")
    body.touch()
    sink = WRITER.open(body, plan_for(path, format), [])
    for piece in encoded(levels, format, **cut):
        sink.put(piece)
    return sink.finish()


def cascade(levels, format):
    found = [levels]
    for _ in range(overviews(format)):
        found.append(halve_numpy(found[-1], nodata=format.nodata, alpha=format.alpha))
    return found


def read(path, level):
    options = {"overview_level": level - 1} if level else {}
    with rasterio.open(path, **options) as found:
        return np.moveaxis(found.read(), 0, -1)


def valid_cog(path):
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    return valid and not errors and not warnings


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (512, 512), (513, 700), (2049, 4100), (5000, 300)])
@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint16"), (3, "uint8"), (4, "uint8")])
def test_every_pixel_of_every_level(tmp_path, shape, bands, dtype):
    format = format_of(shape, bands, dtype)
    levels = picture(format)
    path = tmp_path / "out.tif"
    facts = write(path, levels, format)
    wanted = cascade(levels, format)
    index = facts["index"]
    assert facts == {"bytes": path.stat().st_size, "overviews": len(wanted) - 1, "bigtiff": False, "index": index}
    with tifffile.TiffFile(path) as file:
        assert index == min(min(page.dataoffsets) for page in file.pages) - 4, "the header ends where tiles begin"
    for level, want in enumerate(wanted):
        np.testing.assert_array_equal(read(path, level), want)
    assert valid_cog(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.tif"]
    with tifffile.TiffFile(path) as tiff:
        np.testing.assert_array_equal(tiff.pages[0].asarray().reshape(levels.shape), levels)


@pytest.mark.parametrize(
    "options",
    [
        {"compress": "deflate", "level": 6},
        {"compress": "deflate", "predictor": 1},
        {"compress": "zstd"},
        {"compress": "zstd", "level": "9"},
        {"compress": "lzw"},
        {"compress": "none"},
        {"bigtiff": "yes"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("bands", "dtype"), [(2, "uint16"), (3, "uint16"), (3, "uint8")])
def test_every_option(tmp_path, options, bands, dtype):
    format = format_of((700, 1300), bands, dtype, tile=128, **options)
    levels = picture(format)
    path = tmp_path / "out.tif"
    facts = write(path, levels, format)
    for level, want in enumerate(cascade(levels, format)):
        np.testing.assert_array_equal(read(path, level), want)
    assert valid_cog(path)
    assert facts["bigtiff"] == ("bigtiff" in options)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff == facts["bigtiff"]
        np.testing.assert_array_equal(tiff.pages[0].asarray(), levels)


def test_tiles_larger_than_the_smallest_overview(tmp_path):
    format = format_of((4500, 1100), 1, tile=1024)
    levels = picture(format)
    write(tmp_path / "out.tif", levels, format)
    assert overviews(format) == 4
    for level, want in enumerate(cascade(levels, format)):
        np.testing.assert_array_equal(read(tmp_path / "out.tif", level), want)
    assert valid_cog(tmp_path / "out.tif")


@pytest.mark.parametrize("bands", [1, 3])
def test_without_nodata_every_pixel_counts(tmp_path, bands):
    format = format_of((300, 400), bands, tile=64)
    format = WRITER.format(replace(format, nodata=None))
    levels = np.random.default_rng(3).integers(0, 256, (*format.shape, bands), dtype=np.uint8)
    write(tmp_path / "out.tif", levels, format)
    for level, want in enumerate(cascade(levels, format)):
        np.testing.assert_array_equal(read(tmp_path / "out.tif", level), want)


@pytest.mark.parametrize("task", [1, 2, 7, 10_000])
@pytest.mark.parametrize("rows", [1, 37, 64, 512])
def test_bodies_do_not_depend_on_the_cut(task, rows):
    format = format_of((1100, 1300), tile=64)
    levels = picture(format)
    want = list(encoded(levels, format, rows=10_000))
    assert list(encoded(levels, format, task, rows)) == want
    assert len(want) == len(CODEC.pieces(format))


def test_bodies_stay_below_their_bound():
    rng = np.random.default_rng(4)
    for compress in ("deflate", "zstd", "lzw", "none"):
        for spread in (256, 200, 20, 2):
            format = format_of((1024, 1024), tile=256, compress=compress)
            levels = rng.integers(1, 1 + spread, (1024, 1024, 3)).astype(np.uint8)
            assert all(len(piece.body) <= CODEC.bound(format) for piece in encoded(levels, format))


@pytest.mark.parametrize("compress", ["deflate", "none", "jpeg"])
@pytest.mark.parametrize("rows", [100, 256])
def test_scratch_is_truthful(compress, rows):
    format = format_of((2048, 4096), tile=256, compress=compress)
    levels = np.random.default_rng(7).integers(1, 256, (*format.shape, 3), dtype=np.uint8)
    for across in (1, 4):
        shown = list(windows(levels, 0, 0, 1024, 1024 * across, rows))
        shown = [replace(part, levels=np.ascontiguousarray(part.levels)) for part in shown]
        tracemalloc.start()
        bodies = sum(len(piece.body) for piece in list(CODEC.encode(0, shown, format)))
        peak = tracemalloc.get_traced_memory()[1] - bodies
        tracemalloc.stop()
        assert peak <= CODEC.scratch(format, across)


def test_a_resumed_sink_gives_the_same_file(tmp_path):
    format = format_of((1100, 1300), tile=64)
    levels = picture(format)
    whole, resumed, body = tmp_path / "whole.tif", tmp_path / "resumed.tif", tmp_path / "parts"
    write(whole, levels, format)
    pieces = list(encoded(levels, format))
    body.touch()
    sink = WRITER.open(body, plan_for(resumed, format), [])
    done = [sink.put(piece) for piece in pieces[:5]]
    sink.abort(keep=True)
    assert body.stat().st_size == sum(placed.length for placed in done)
    sink = WRITER.open(body, plan_for(resumed, format), done)
    for piece in pieces[5:]:
        sink.put(piece)
    assert done[5] == Placed(
        index=5,
        offset=done[4].offset + done[4].length,
        length=len(pieces[5].body),
        sha256=pieces[5].sha256,
        facts=pieces[5].facts,
    )
    sink.finish()
    assert resumed.read_bytes() == whole.read_bytes()


def test_finish_can_be_done_again(tmp_path, monkeypatch):
    """Killed after the file was written and before it was put in place."""
    format = format_of((1100, 1300), tile=64)
    levels = picture(format)
    path, body = tmp_path / "out.tif", tmp_path / "parts"
    body.touch()
    sink = WRITER.open(body, plan_for(path, format), [])
    done = [sink.put(piece) for piece in encoded(levels, format)]
    before = body.read_bytes()
    monkeypatch.setattr(sink, "_clear", lambda: None)
    monkeypatch.setattr(sink._body.target, "commit", lambda *paths, **sides: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        sink.finish()
    assert body.read_bytes() == before
    assert not path.exists()
    WRITER.open(body, plan_for(path, format), done).finish()
    np.testing.assert_array_equal(read(path, 0), levels)


def test_copying_without_the_kernels_help(tmp_path, monkeypatch):
    format = format_of((700, 900), tile=64)
    levels = picture(format)
    write(tmp_path / "fast.tif", levels, format)

    def refused(*_args, **_kwargs):
        raise OSError(errno.EXDEV, "other device")

    monkeypatch.setattr(os, "copy_file_range", refused)
    write(tmp_path / "slow.tif", levels, format)
    assert (tmp_path / "fast.tif").read_bytes() == (tmp_path / "slow.tif").read_bytes()


def test_no_space_is_a_failed_write(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    format = format_of((700, 900), tile=64)
    monkeypatch.setattr(cog, "copy", full)
    with pytest.raises(WriteFailed, match="no space left"):
        write(tmp_path / "out.tif", picture(format), format)
    assert [entry.name for entry in tmp_path.iterdir()] == ["body"]


def test_missing_pieces_are_refused(tmp_path):
    format = format_of((700, 900), tile=64)
    (tmp_path / "body").touch()
    sink = WRITER.open(tmp_path / "body", plan_for(tmp_path / "out.tif", format), [])
    with pytest.raises(WriteFailed, match="12 pieces are missing"):
        sink.finish()
    sink.abort(keep=False)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_not_committed(tmp_path, monkeypatch):
    format = format_of((700, 900), tile=64)
    real = cog.copy
    monkeypatch.setattr(cog, "copy", lambda source, offset, length, file: real(source, offset + 1, length - 1, file))
    with pytest.raises(WriteFailed, match="read back"):
        write(tmp_path / "out.tif", picture(format), format)
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("crs", "affine"),
    [
        ("EPSG:32626", NORTH_UP),
        ("EPSG:3031", Affine(250, 0, -3_333_000, 0, -250, 3_333_000)),
        ("EPSG:4326", Affine(0.1, 0.02, 10, 0.03, -0.1, 60)),
        (ALBERS, NORTH_UP),
        (None, NORTH_UP),
        (None, Affine.identity()),
    ],
    ids=["utm", "polar", "rotated", "wkt", "affine", "nothing"],
)
def test_georeference(tmp_path, crs, affine):
    format = format_of((70, 90), crs=crs, affine=affine)
    write(tmp_path / "out.tif", picture(format), format)
    with rasterio.open(tmp_path / "out.tif") as found:
        assert found.crs == (CRS.from_user_input(crs) if crs else None)
        assert found.transform.almost_equals(affine, 1e-12)
        assert found.tags().get("AREA_OR_POINT") == ("Area" if crs else None)
    assert valid_cog(tmp_path / "out.tif")


def test_a_crs_that_would_be_lost_is_refused():
    with pytest.raises(WriteFailed, match="cannot hold the CRS"):
        format_of((3, 4), crs="+proj=ob_tran +o_proj=longlat +o_lat_p=40 +lon_0=10 +type=crs")


def test_masks_tags_and_structure(tmp_path):
    texts = {"TITLE": 'A <fjord> & "more" or it\'s &amp;', "Ort": "Grönland"}
    for bands in (3, 4):
        format = format_of((1100, 900), bands, tile=64, metadata=texts)
        levels, path = picture(format), tmp_path / f"{bands}.tif"
        write(path, levels, format)
        with rasterio.open(path) as found:
            np.testing.assert_array_equal(found.dataset_mask() > 0, levels.any(axis=-1))
            assert texts.items() <= found.tags().items()
            assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert found.nodata == (0 if bands == 3 else None)
            assert [band.name for band in found.colorinterp] == ["red", "green", "blue", "alpha"][:bands]
        with tifffile.TiffFile(path) as tiff:
            assert not {"DateTime", "Software"} & {tag.name for tag in tiff.pages[0].tags}


def test_leaders_and_trailers_are_as_promised(tmp_path):
    format = format_of((1100, 900), tile=64)
    path = tmp_path / "out.tif"
    write(path, picture(format), format)
    data, last = path.read_bytes(), 0
    with tifffile.TiffFile(path) as tiff:
        pages = tiff.pages[:]
        assert [page.offset for page in pages] == sorted(page.offset for page in pages)
        for page in reversed(pages):
            for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                assert offset - 4 == last or last == 0
                last = offset + size + 4
                assert int.from_bytes(data[offset - 4 : offset], "little") == size
                assert data[last - 8 : last - 4] == data[last - 4 : last]
    assert last == len(data)


@pytest.mark.parametrize(
    "options",
    [
        {"compress": "webp"},
        {"compress": "deflate", "level": 13},
        {"compress": "lzw", "level": 1},
        {"compress": "none", "predictor": 2},
        {"tile": 100},
        {"tile": "big"},
        {"bigtiff": "maybe"},
        {"colour": "red"},
        {"compress": "jpeg", "dtype": "uint16"},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_options_that_make_no_sense(options):
    with pytest.raises(UsageError):
        format_of((10, 10), **options)


def test_a_plan_carries_all_options():
    format = format_of((10, 10), compress="ZSTD")
    assert format.options["compress"] == "zstd"
    assert format.options["predictor"] == 2
    assert WRITER.format(format) == format


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_predictor_is_that_of_tiff(dtype, bands):
    imagecodecs = pytest.importorskip("imagecodecs")
    rng = np.random.default_rng(5)
    levels = rng.integers(0, np.iinfo(dtype).max, (50, 70, bands)).astype(dtype)
    padded = np.zeros((64, 64, bands), dtype)
    padded[:50, :6] = levels[:, 64:]
    out = np.empty((64, 64 * bands), dtype)
    cut(levels.reshape(50, -1), 64 * bands, bands, out)
    np.testing.assert_array_equal(out.reshape(padded.shape), imagecodecs.delta_encode(padded, axis=1))
