"""JPEG 2000 in windows and threads, cut short, and under false names; vector masks as pixels."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.readers import gml, jpeg2000
from gigascene.readers.window import forget, read
from gigascene.storage.identity import identity
from tiny_safe import CLOUDY, clouds_gml, write_jp2


@pytest.fixture
def numbers():
    return np.random.default_rng(3).integers(0, 9000, (300, 260)).astype("uint16")


@pytest.fixture
def asset(numbers, tmp_path):
    write_jp2(tmp_path / "a.jp2", numbers, 10)
    return described(tmp_path / "a.jp2")


def described(path, key="B04"):
    header = jpeg2000.describe(str(path), band=key)
    return Asset(
        key=key,
        name=key,
        href=str(path),
        geobox=header.geobox,
        dtype=header.dtype,
        nodata=None,
        blocks=header.blocks,
        identity=identity(str(path)),
    )


def test_the_header(asset):
    assert tuple(asset.geobox.shape) == (300, 260)
    assert asset.geobox.affine == Affine(10, 0, 600000, 0, -10, 5200020)
    assert asset.geobox.crs.epsg == 32632
    assert asset.blocks == (64, 260)
    assert asset.dtype == "uint16"


def test_windows_in_threads(asset, numbers):
    rng = np.random.default_rng(5)
    windows = [
        Window(top=int(y), left=int(x), height=int(h), width=int(w))
        for y, x, h, w in zip(rng.integers(0, 200, 40), rng.integers(0, 160, 40), rng.integers(1, 100, 40),
                              rng.integers(1, 100, 40), strict=True)
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        for window, found in zip(windows, pool.map(lambda window: read(asset, window), windows), strict=True):
            assert np.array_equal(found, numbers[window.top : window.bottom, window.left : window.right])


def test_a_handle_stays_open(asset, monkeypatch):
    forget()
    opened = []
    original = rasterio.open
    monkeypatch.setattr(rasterio, "open", lambda *args, **options: opened.append(args) or original(*args, **options))
    for top in range(0, 300, 30):
        read(asset, Window(top=top, left=0, height=30, width=260))
    assert len(opened) == 1


@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_a_file_cut_short_is_never_read_as_something_else(share, asset, numbers):
    """With threads of its own, GDAL hands on what a broken tile left in memory, and no error."""
    os.truncate(asset.href, int(Path(asset.href).stat().st_size * share))
    broken = 0
    for top in range(0, 300, 64):
        window = Window(top=top, left=0, height=min(64, 300 - top), width=260)
        try:
            found = read(asset, window)
        except BadInput as error:
            broken += 1
            assert f"a.jp2, band B04, {window}: cannot be read" in str(error)
            continue
        assert np.array_equal(found, numbers[top : window.bottom])
    assert broken >= 1


@pytest.mark.parametrize(
    "content", [b"", b"II*\0" + bytes(100), b"<VRTDataset/>", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40)]
)
def test_what_is_no_jpeg_2000(content, tmp_path):
    (tmp_path / "a.jp2").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.jp2, band B02: (is no JPEG 2000 file|cannot be read)"):
        jpeg2000.describe(str(tmp_path / "a.jp2"), band="B02")


def test_what_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="cannot be opened"):
        jpeg2000.describe(str(tmp_path / "a.jp2"), band="B02")


def test_polygons_are_drawn_alike_in_every_window(tmp_path):
    (tmp_path / "m.gml").write_text(clouds_gml())
    grid = GeoBox((40, 40), Affine(60, 0, 600000, 0, -60, 5200020), "EPSG:32632")
    mask = Asset(
        key="M", name="m", href=str(tmp_path / "m.gml"), geobox=grid, dtype="uint8", nodata=None, blocks=(40, 40)
    )
    whole = read(mask, Window(top=0, left=0, height=40, width=40))
    # The cloud reaches from 240 to 1200 m east and 240 to 840 m south, with a hole of 240 by 240 m.
    assert whole.sum() == 16 * 10 - 16
    assert whole[4:14, 4:20].sum() == whole.sum()
    assert whole[7:11, 8:12].sum() == 0
    part = read(mask, Window(top=5, left=7, height=9, width=3))
    assert np.array_equal(part, whole[5:14, 7:10])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<Mask", "is no XML that can be trusted"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><Mask>&b;</Mask>", "is no XML that can be trusted"),
        ("<Other/>", "is no GML mask"),
        (clouds_gml().replace("600240", "east"), "has a ring that is none"),
        (clouds_gml().replace("600240", "nan"), "numbers, which is none"),
        (clouds_gml().replace(CLOUDY, "0 0 0 60 60 60"), "has a ring of 6 numbers, which is none"),
        (clouds_gml().replace(CLOUDY, CLOUDY + " 7"), "has a ring of 11 numbers, which is none"),
    ],
)
def test_polygons_that_cannot_be(text, words):
    with pytest.raises(BadInput, match=words):
        gml.polygons(text.encode(), "m.gml")


def test_a_mask_without_clouds():
    empty = "<eop:Mask xmlns:eop='e'><eop:maskMembers xmlns:xsi='x' xsi:nil='true'/></eop:Mask>"
    assert gml.polygons(empty.encode(), "m.gml") == {}
