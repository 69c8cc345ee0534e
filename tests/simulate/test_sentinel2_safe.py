"""A simulated SAFE product is what the agency would send: tree, names, XML, checksums, JPEG 2000; and what the COGs show."""

from __future__ import annotations

import hashlib
import re
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning

from gigascene.model.errors import UsageError
from gigascene.simulate._jp2 import Jp2File
from gigascene.simulate.sentinel2 import simulate
from where import DATA, needs_data

SIDE = 1_098
NAME = re.compile(r"S2[AB]_MSIL2A_\d{8}T\d{6}_N0509_R\d{3}_T\d{2}[C-X][A-Z]{2}_\d{8}T\d{6}\.SAFE")
REAL = DATA / "sentinel2" / "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second pass over one tile; the same as COGs in ``cog``."""
    folder = tmp_path_factory.mktemp("safe")
    assert simulate(folder, size=SIDE, dates=2, layout="safe") == folder
    simulate(folder / "cog", size=SIDE, dates=2)
    return folder


@pytest.fixture(scope="module")
def product(folder: Path) -> Path:
    return sorted(folder.glob("*.SAFE"))[1]


def image(product: Path, name: str) -> NDArray[Any]:
    (path,) = product.glob(f"GRANULE/*/*/**/*{name}.jp2")
    with rasterio.open(path) as file:
        return file.read().squeeze()


def cog(folder: Path, name: str) -> NDArray[Any]:
    with rasterio.open(folder / "cog" / "S2A_26WND_20230729_0_L2A" / f"{name}.tif") as file:
        return file.read().squeeze()


def texts(product: Path, file: str, name: str) -> list[str]:
    (path,) = product.glob(file)
    return [element.text or "" for element in ET.parse(path).getroot().iter(name)]


def test_names_follow_the_rules(folder: Path, product: Path) -> None:
    found = [path.name for path in sorted(folder.glob("*.SAFE"))]
    assert all(NAME.fullmatch(name) for name in found)
    assert [name[:44] for name in found] == [
        "S2A_MSIL2A_20230726T131011_N0509_R081_T26WND",
        "S2A_MSIL2A_20230729T132011_N0509_R124_T26WND",
    ]
    (granule,) = product.glob("GRANULE/*")
    assert re.fullmatch(r"L2A_T26WND_A042306_20230729T132014", granule.name)
    # of 2A: relative orbit = (absolute orbit + 2) mod 143 + 1
    assert (42306 + 2) % 143 + 1 == 124
    assert texts(product, "MTD_MSIL2A.xml", "PRODUCT_URI") == [product.name]
    for listed in texts(product, "MTD_MSIL2A.xml", "IMAGE_FILE"):
        assert (product / f"{listed}.jp2").is_file(), listed
    for listed in texts(product, "GRANULE/*/MTD_TL.xml", "MASK_FILENAME"):
        assert (product / listed).is_file(), listed
    assert (product / texts(product, "GRANULE/*/MTD_TL.xml", "PVI_FILENAME")[0]).is_file()


def test_manifest_knows_every_file(product: Path) -> None:
    root = ET.parse(product / "manifest.safe").getroot()
    objects = {element.get("ID"): element for element in root.iter("dataObject")}
    found = set()
    for element in objects.values():
        stream, place, checksum = (next(element.iter(name)) for name in ("byteStream", "fileLocation", "checksum"))
        path = product / str(place.get("href"))
        content = path.read_bytes()
        assert int(str(stream.get("size"))) == len(content)
        assert checksum.get("checksumName") == "SHA3-256"
        assert checksum.text == hashlib.sha3_256(content).hexdigest()
        found.add(path)
    assert found == {path for path in product.rglob("*") if path.is_file()} - {product / "manifest.safe"}
    assert {element.get("dataObjectID") for element in root.iter("dataObjectPointer")} == set(objects)


def xml_paths(file: Path) -> set[str]:
    """All elements and attributes, by their way from the root."""

    def walk(element: ET.Element, above: str) -> set[str]:
        here = f"{above}/{element.tag}"
        below = (walk(child, here) for child in element)
        return {here} | {f"{here}@{name}" for name in element.attrib} | set().union(*below)

    return walk(ET.parse(file).getroot(), "")


@needs_data
@pytest.mark.parametrize("file", ["MTD_MSIL2A.xml", "GRANULE/*/MTD_TL.xml"])
def test_metadata_have_the_agencys_elements(product: Path, file: str) -> None:
    def plain(paths: set[str]) -> set[str]:
        return {re.sub(r"\{[^}]*\}", "", path) for path in paths}

    (mine,), (theirs,) = product.glob(file), REAL.glob(file)
    assert plain(xml_paths(mine)) == plain(xml_paths(theirs))
    assert ET.parse(mine).getroot().tag == ET.parse(theirs).getroot().tag


@needs_data
def test_tree_is_the_agencys(product: Path) -> None:
    def listed(product: Path) -> dict[str, str]:
        root = ET.parse(product / "manifest.safe").getroot()
        paths = {str(e.get("ID")): str(next(e.iter("fileLocation")).get("href")) for e in root.iter("dataObject")}
        return {
            name: re.sub(r"(T\d\d[A-Z]{3}|A\d{6}|S?\d{8}T\d{6}|ATOS|2APS)", "*", path) for name, path in paths.items()
        }

    mine, theirs = listed(product), listed(REAL)
    assert set(theirs) - set(mine) == {"CAMS_Tile1_Data", "ECMWF_Tile1_Data", "HTML_Presentation_Stylesheet"}
    assert {name: theirs[name] for name in mine} == mine


def test_gdals_own_driver_reads_it(product: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(product / "MTD_MSIL2A.xml", driver="SENTINEL2") as file:
            parts, tags = file.subdatasets, file.tags()
    assert tags["PROCESSING_BASELINE"] == "05.09"
    fine = next(part for part in parts if ":10m:" in part)
    with rasterio.open(fine) as file:
        assert file.shape == (SIDE, SIDE)
        assert file.crs.to_epsg() == 32626
        assert file.tags(1)["BOA_ADD_OFFSET"] == "-1000"
        bands = {str(file.tags(number)["BANDNAME"]): file.read(number) for number in (1, 2, 3, 4)}
    for name in ("B2", "B3", "B4", "B8"):
        assert np.array_equal(bands[name], image(product, f"B0{name[1]}_10m")), name


def test_images_are_those_of_the_cogs(folder: Path, product: Path) -> None:
    same = {f"{band}_10m": band for band in ("B02", "B03", "B04", "B08", "TCI")}
    same |= {f"{band}_20m": band for band in ("B05", "B06", "B07", "B8A", "B11", "B12", "SCL", "AOT", "WVP")}
    same |= {"B01_60m": "B01", "B09_60m": "B09"}
    for name, of in same.items():
        assert np.array_equal(image(product, name), cog(folder, of)), name


def test_resolutions_agree(product: Path) -> None:
    blue = image(product, "B02_10m").astype(float)
    assert np.abs(image(product, "B02_20m") - blue.reshape(549, 2, 549, 2).mean(axis=(1, 3))).max() <= 0.5
    assert np.abs(image(product, "B02_60m") - blue.reshape(183, 6, 183, 6).mean(axis=(1, 3))).max() <= 1.0
    assert np.array_equal(image(product, "SCL_60m"), image(product, "SCL_20m")[1::3, 1::3])


def test_masks_agree_with_the_classes(product: Path) -> None:
    coarse, scl = image(product, "SCL_60m"), image(product, "SCL_20m")
    opaque, cirrus, snow = image(product, "MSK_CLASSI_B00")
    assert np.array_equal(opaque, np.isin(coarse, (8, 9)))
    assert np.array_equal(cirrus, coarse == 10)
    assert np.array_equal(snow, coarse == 11)
    cloud = image(product, "MSK_CLDPRB_20m")
    assert cloud[scl == 9].min() >= 64 > 20 >= cloud[np.isin(scl, (4, 5, 6, 11))].max()
    assert image(product, "MSK_SNWPRB_20m")[scl == 11].min() == 100
    footprint = image(product, "MSK_DETFOO_B11")
    assert set(np.unique(footprint)) <= set(range(1, 13))
    assert not image(product, "MSK_QUALIT_B02").any()


def test_metadata_tell_of_the_pixels(product: Path) -> None:
    scl = image(product, "SCL_20m")
    for name, number in {"WATER": 6, "SNOW_ICE": 11, "NOT_VEGETATED": 5, "CLOUD_SHADOW": 3}.items():
        (said,) = texts(product, "MTD_MSIL2A.xml", f"{name}_PERCENTAGE")
        assert float(said) == pytest.approx(100 * (scl == number).mean(), abs=1e-5)
    clouds = 100 * np.isin(scl, (8, 9, 10)).mean()
    assert float(texts(product, "MTD_MSIL2A.xml", "Cloud_Coverage_Assessment")[0]) == pytest.approx(clouds, abs=1e-5)
    assert float(texts(product, "GRANULE/*/MTD_TL.xml", "CLOUDY_PIXEL_PERCENTAGE")[0]) == pytest.approx(
        clouds, abs=1e-5
    )
    assert texts(product, "GRANULE/*/MTD_TL.xml", "NROWS") == ["1098", "549", "183"]
    with rasterio.open(next(product.glob("GRANULE/*/IMG_DATA/R60m/*_B01_60m.jp2"))) as file:
        assert file.crs.to_epsg() == 32626
        corner = [texts(product, "GRANULE/*/MTD_TL.xml", name)[2] for name in ("ULX", "ULY", "XDIM", "YDIM")]
        assert [file.transform.c, file.transform.f, file.transform.a, file.transform.e] == [float(v) for v in corner]
    assert set(texts(product, "MTD_MSIL2A.xml", "BOA_ADD_OFFSET")) == {"-1000"}


def test_preview_covers_the_tile(product: Path) -> None:
    with rasterio.open(next(product.glob("GRANULE/*/QI_DATA/*_PVI.jp2"))) as file:
        assert (file.count, file.shape, file.res) == (3, (34, 34), (320, 320))
        assert file.read().std() > 20


def test_wedge_without_data(tmp_path: Path) -> None:
    """A corner tile of the region lies partly beyond the edge of the swath."""
    simulate(tmp_path, size=120, tiles=(3, 3), layout="safe")
    (product,) = tmp_path.glob("*_T26WME_*.SAFE")
    scl, red, detectors = (image(product, name) for name in ("SCL_20m", "B04_20m", "MSK_DETFOO_B05"))
    (said,) = texts(product, "MTD_MSIL2A.xml", "NODATA_PIXEL_PERCENTAGE")
    assert 10 < float(said) == pytest.approx(100 * (scl == 0).mean(), abs=1e-5)
    for other in (red, detectors):
        assert np.array_equal(other == 0, scl == 0)
    assert detectors.max() < 12 or detectors[scl > 0].min() > 1


def test_same_bytes_with_any_workers(product: Path, tmp_path: Path) -> None:
    one, two = (tmp_path / str(count) for count in (1, 3))
    for folder, workers in ((one, 1), (two, 3)):
        simulate(folder, size=120, layout="safe", workers=workers)
    (here,), (there,) = one.glob("*.SAFE"), two.glob("*.SAFE")
    files = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
    assert len(files) > 80
    assert files == sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file())
    assert all((here / path).read_bytes() == (there / path).read_bytes() for path in files)


def test_no_bands_to_choose(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="all bands"):
        simulate(tmp_path, size=60, layout="safe", bands=("red",))
    with pytest.raises(UsageError, match="zip"):
        simulate(tmp_path, size=60, layout="zip")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "bits", "bands"),
    [((2_060, 1_100), 15, 1), ((1_030, 1_024), 8, 3), ((183, 183), 15, 1), ((7, 9), 8, 1), ((1_100, 1_026), 8, 8)],
)
def test_jpeg_2000_is_lossless(tmp_path: Path, shape: tuple[int, int], bits: int, bands: int) -> None:
    numbers = np.random.default_rng(1).integers(0, 2**bits, (*shape, bands))
    pixels = numbers.astype(np.uint8 if bits == 8 else np.uint16)
    pixels[:1024, :1024] *= bands < 8
    path, grid = tmp_path / "a.jp2", GeoBox(shape, Affine(20, 0, 499_980, 0, -20, 7_900_020), "EPSG:32626")
    file = Jp2File(path, grid, bits, bands)
    for top in range(0, shape[0], 480):
        file.put(pixels[top : top + 480])
    file.finish()
    with rasterio.open(path) as read:
        assert read.crs.to_epsg() == 32626
        assert read.transform == grid.affine
        assert np.array_equal(np.moveaxis(read.read(), 0, -1), pixels)
        assert read.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", "8") == str(bits)
    assert np.array_equal(imagecodecs.jpeg2k_decode(path.read_bytes()).reshape(pixels.shape), pixels)
