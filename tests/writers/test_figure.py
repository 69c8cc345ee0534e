"""Figures: the reduced picture exactly; the drawing opens, has its size, says what it should, and is the same twice."""

import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from PIL import Image

from gigascene.codecs.reduced import CODEC, factor, reduced_shape
from gigascene.kernels.palette import colours, paint
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.writers._raw_figure import composed, rgba
from gigascene.writers.figure import WRITER
from writers import _drive as drive

LEGEND = {"palette": "ndvi", "low": -0.2, "high": 0.9, "unit": "K", "label": "Greenness", "gamma": 1.4}
SMALL = {"width_px": 64, "dpi": 50, "size_in": 4}


def reduced(levels, format, **cut):
    parts = b"".join(piece.body for piece in drive.pieces(levels, WRITER, format, **cut))
    return np.frombuffer(parts, format.dtype).reshape(*reduced_shape(format), format.bands)


def reduced_slowly(levels, format):
    """The specification: one block after the other."""
    n = factor(format)
    out = np.zeros((*reduced_shape(format), format.bands), format.dtype)
    for y, x in np.ndindex(out.shape[:2]):
        block = levels[y * n : (y + 1) * n, x * n : (x + 1) * n].reshape(-1, format.bands).astype(int)
        if format.alpha:
            block = block[block[:, -1] > 0]
        elif format.nodata is not None:
            block = block[(block != 0).any(axis=1)]
        if len(block):
            out[y, x] = (block.sum(axis=0) + len(block) // 2) // len(block)
    return out


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (257, 190), (200, 700)])
@pytest.mark.parametrize("options", [{"bands": bands} for bands in (1, 2, 3, 4)] + [{"bands": 3, "plain": True}])
def test_reduced_is_the_mean_of_valid_pixels(shape, options):
    format = drive.format_of(WRITER, shape, width_px=50, **options)
    levels = drive.picture(format)
    found = reduced(levels, format)
    np.testing.assert_array_equal(found, reduced_slowly(levels, format))
    assert max(found.shape) <= 50


def test_a_valid_mean_is_never_nodata():
    format = drive.format_of(WRITER, (100, 100), 1, width_px=16)
    levels = np.zeros((100, 100, 1), np.uint8)
    levels[::7, ::7] = 1
    assert (reduced(levels, format) == 1).all()


@pytest.mark.parametrize("rows", [1, 37, 512])
@pytest.mark.parametrize("run", [1, 2, 7, 10_000])
def test_cut_does_not_matter(run, rows):
    format = drive.format_of(WRITER, (1500, 700), width_px=300)
    levels = drive.picture(format)
    np.testing.assert_array_equal(reduced(levels, format), reduced(levels, format, run=run, rows=rows))


def test_pieces_are_whole_blocks():
    format = drive.format_of(WRITER, (30_000, 20_000))
    assert factor(format) == 15
    assert CODEC.pieces(format).piece == (120, 20_000)
    assert CODEC.bound(format) == 8 * 1334 * 3


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
@pytest.mark.parametrize("bands", [1, 4])
def test_the_same_bytes_twice(tmp_path, kind, bands):
    format = drive.format_of(WRITER, (300, 200), bands, legend=LEGEND, **SMALL)
    levels = drive.picture(format)
    for name in ("one", "two"):
        facts = drive.write(tmp_path / f"{name}.{kind}", levels, WRITER, format)
        assert facts["bytes"] == (tmp_path / f"{name}.{kind}").stat().st_size
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert drive.names(tmp_path) == [f"one.{kind}", f"two.{kind}"]


def test_png_has_its_size_and_shows_the_picture(tmp_path):
    format = drive.format_of(WRITER, (3000, 2000), legend=LEGEND, width_px=500, dpi=100, size_in=6)
    levels = np.full((3000, 2000, 3), (200, 40, 90), np.uint8)
    levels[:1500, :1000] = 0
    drive.write(tmp_path / "out.png", levels, WRITER, format)
    with Image.open(tmp_path / "out.png") as found:
        pixels = np.asarray(found.convert("RGB"))
        assert found.info["Title"] == drive.TEXTS["Title"]
        assert "Software" not in found.info
    assert 600 <= pixels.shape[0] <= 780
    assert 400 <= pixels.shape[1] <= 660
    painted = (pixels == (200, 40, 90)).all(axis=-1)
    (top, left), (bottom, right) = np.argwhere(painted).min(axis=0), np.argwhere(painted).max(axis=0)
    height, width = bottom - top, right - left
    assert height / width == pytest.approx(1.5, abs=0.02)
    assert painted.sum() / (height * width) == pytest.approx(0.75, abs=0.02)
    assert (pixels[top + 10 : top + height // 2 - 10, left + 10 : left + width // 2 - 10] == 255).all()


def test_svg_has_no_clock_and_pdf_neither(tmp_path):
    format = drive.format_of(WRITER, (300, 200), **SMALL)
    for kind in ("svg", "pdf"):
        drive.write(tmp_path / f"out.{kind}", drive.picture(format), WRITER, format)
    svg, pdf = (tmp_path / "out.svg").read_text(), (tmp_path / "out.pdf").read_bytes()
    assert "<dc:date>" not in svg
    assert b"CreationDate" not in pdf
    assert drive.TEXTS["Title"] in svg
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert any(
        b"Do" in zlib.decompress(part) for part in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", pdf, re.DOTALL)
    )


def axes_of(shape=(300, 200), **options):
    format = drive.format_of(WRITER, shape, options.pop("bands", 3), **SMALL, **options)
    levels = reduced(drive.picture(format), format)
    return composed(levels, format, "none").axes


@pytest.mark.parametrize(
    ("options", "labels", "xlim", "ylim"),
    [
        ({}, ("easting (m)", "northing (m)"), (500_000, 502_000), (6_997_000, 7_000_000)),
        ({"affine": Affine(100, 0, 5e5, 0, -100, 7e6)}, ("easting (km)", "northing (km)"), (500, 520), (6970, 7000)),
        (
            {"crs": "EPSG:4326", "affine": Affine(0.01, 0, -10, 0, -0.01, 60)},
            ("longitude (degrees)", "latitude (degrees)"),
            (-10, -8),
            (57, 60),
        ),
        ({"crs": None}, ("column (pixels)", "row (pixels)"), (0, 200), (300, 0)),
        ({"affine": Affine.rotation(20)}, ("column (pixels)", "row (pixels)"), (0, 200), (300, 0)),
        (
            {"crs": "EPSG:2263"},
            ("easting (US survey foot)", "northing (US survey foot)"),
            (500_000, 502_000),
            (6_997_000, 7_000_000),
        ),
    ],
)
def test_axes(options, labels, xlim, ylim):
    (axes,) = axes_of(**options)
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels
    np.testing.assert_allclose((axes.get_xlim(), axes.get_ylim()), (xlim, ylim))
    # The picture's blocks may reach beyond its edge, never fall short of it.
    left, right, bottom, top = axes.images[0].get_extent()
    assert (left, top) == pytest.approx((xlim[0], ylim[1]))
    assert abs(right - left) >= abs(xlim[1] - xlim[0]) - 1e-9
    assert abs(bottom - top) >= abs(ylim[1] - ylim[0]) - 1e-9


def test_title_is_the_scene_unless_given():
    assert axes_of()[0].get_title() == drive.TEXTS["Title"]
    assert axes_of(title="Spring " * 20)[0].get_title().count("\n") >= 3
    assert axes_of(metadata={})[0].get_title() == ""


def test_legend_shows_what_the_picture_does():
    _, bar = axes_of(legend=LEGEND)
    assert bar.get_ylabel() == "Greenness (K)"
    assert bar.get_ylim() == pytest.approx((-0.2, 0.9))
    # A quarter of the way up: low + (high - low) * 0.25 ** gamma.
    value = bar.transAxes.inverted().transform(bar.transData.transform((0, -0.2 + 1.1 * 0.25**1.4)))[1]
    assert value == pytest.approx(0.25, abs=0.01)


def test_no_data_is_transparent():
    format = drive.format_of(WRITER, (2, 2), **SMALL)
    levels = np.array([[[0, 0, 0], [0, 0, 1]], [[5, 5, 5], [255, 0, 0]]], np.uint8)
    assert rgba(levels, format)[..., 3].tolist() == [[0, 255], [255, 255]]
    plain = replace(format, nodata=None)
    assert (rgba(levels, plain)[..., 3] == 255).all()
    grey = replace(format, bands=2, nodata=None, alpha=True)
    assert rgba(levels[..., :2], grey)[1, 1].tolist() == [255, 255, 255, 0]


def test_a_palette_keeps_its_colours():
    format = drive.format_of(WRITER, (64, 64), **SMALL)
    levels = paint(np.full((64, 64), 200, np.uint8), colours("ndvi"))
    assert (rgba(reduced(levels, format), format)[..., :3] == colours("ndvi")[200]).all()


@pytest.mark.parametrize("options", [{"dpi": 1}, {"width_px": 100.5}, {"size_in": "wide"}, {"legend": {"low": 0}}])
def test_options_are_checked(options):
    with pytest.raises(UsageError):
        drive.format_of(WRITER, (70, 50), **options)


def test_refusals():
    with pytest.raises(UsageError, match="uint16"):
        drive.format_of(WRITER, (70, 50), dtype="uint16")
    with pytest.raises(UsageError, match=r"\.pdf, \.svg, \.png"):
        drive.format_of(WRITER, (70, 50), suffix=".tif")


def test_missing_rows_are_no_file(tmp_path):
    format = drive.format_of(WRITER, (1500, 700), width_px=300)
    sink = drive.opened(tmp_path / "out.svg", WRITER, format)
    sink.put(next(drive.pieces(drive.picture(format), WRITER, format)))
    with pytest.raises(WriteFailed, match="pieces are missing"):
        sink.finish()
    sink.abort(keep=False)
    assert drive.names(tmp_path) == []
