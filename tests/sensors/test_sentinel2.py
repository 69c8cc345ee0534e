"""Sentinel-2 from SAFE: folders and zip files, old names and new, offsets, resolutions, masks, and what is refused."""

import os
import re
import shutil
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from rasterio.features import geometry_mask

import gigascene
from gigascene.api.describe import describe
from gigascene.model.errors import BadInput, TaskFailed, UsageError, exit_code
from gigascene.sensors import open_scene
from tiny_safe import (
    CLOUDY,
    HOLE,
    LEVEL2A,
    NATIVE,
    ORIGIN,
    THIN,
    TIME,
    classi,
    dn,
    manifest,
    scl,
    tile_xml,
    write_jp2,
    write_l1c,
    write_l2a,
    write_old_l1c,
    zipped,
)

RGB = ("B04", "B03", "B02")


@pytest.fixture(scope="module")
def l2a(tmp_path_factory):
    return write_l2a(tmp_path_factory.mktemp("l2a"))


@pytest.fixture(scope="module")
def l1c(tmp_path_factory):
    return write_l1c(tmp_path_factory.mktemp("l1c"))


@pytest.fixture
def spoiled(l2a, tmp_path):
    """A copy whose files may be changed."""
    return shutil.copytree(l2a, tmp_path / l2a.name)


def reflectance(band, size, offset=-1000):
    stored = dn(band, size)
    values = ((stored.astype(float) + offset) / 10000).astype("f4")
    values[stored == 0] = np.nan
    return values


def image(root, key):
    return next(root.rglob(f"*_{key}.jp2"))


def metadata(root):
    return next(root.glob("MTD_MSIL*.xml"))


def change(path, pattern, by):
    text, count = re.subn(pattern, by, path.read_text(), flags=re.DOTALL)
    assert count
    path.write_text(text)


# What a scene says


def test_level_2a_has_every_band_at_every_resolution(l2a):
    scene = open_scene(l2a)
    assert scene.sensor == "sentinel2-l2a"
    assert scene.platform == "sentinel-2b"
    assert scene.id == l2a.name.removesuffix(".SAFE")
    assert scene.datetime == "2023-08-15T10:20:31.024Z"
    keys = [f"{band}_{size}m" for band, sizes in LEVEL2A.items() for size in sizes]
    assert set(scene.assets) == {*keys, "SCL_20m", "SCL_60m"}
    assert scene.absent == {}
    assert scene.asset("red").key == "B04_10m"
    assert [asset.key for asset in scene.assets_of("B04")] == ["B04_10m", "B04_20m", "B04_60m"]
    assert scene.asset("rededge071").key == "B05_20m"
    assert scene.assets["B12_20m"].wavelength_um == pytest.approx(0.56)  # the product's own number
    assert scene.properties["grid:code"] == "MGRS-32TMT"
    assert scene.properties["view:sun_elevation"] == pytest.approx(54.5)
    assert scene.properties["eo:cloud_cover"] == 12.5
    assert len(scene.checksums) == len(scene.assets) + 2


def test_level_1c_has_every_band_once(l1c):
    scene = open_scene(l1c)
    assert scene.sensor == "sentinel2-l1c"
    assert list(scene.assets)[:13] == list(NATIVE)
    assert {key: scene.assets[key].gsd_m for key in NATIVE} == NATIVE
    assert set(scene.masks) == {"nodata", "saturated", "cloud", "cirrus", "snow", "clouds"}


@pytest.mark.parametrize("letter", "ABCD")
def test_every_satellite(letter, tmp_path):
    root = write_l2a(tmp_path, bands={"B04": (60,)}, platform=f"Sentinel-2{letter}")
    assert open_scene(root).platform == f"sentinel-2{letter.lower()}"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_file_gives_the_same_picture_and_a_plan_that_runs(compression, l2a, tmp_path):
    path = zipped(shutil.copytree(l2a, tmp_path / l2a.name), compression)
    shutil.rmtree(tmp_path / l2a.name)
    gigascene.compose("true-color", l2a, tmp_path / "folder.png", mask=["clouds"], verify_inputs=True)
    plan = gigascene.plan_compose("true-color", path, tmp_path / "zip.png", mask=["clouds"], verify_inputs=True)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    gigascene.run(gigascene.load_plan(tmp_path / "plan.json"))
    assert (tmp_path / "zip.png").read_bytes() == (tmp_path / "folder.png").read_bytes()
    assert open_scene(path).id == open_scene(l2a).id


def test_a_scene_is_found_by_what_lies_in_it_and_by_id(l2a):
    id = l2a.name.removesuffix(".SAFE")
    for place in (metadata(l2a), l2a / "GRANULE", next((l2a / "GRANULE").iterdir()), f"{l2a}/"):
        assert open_scene(place).id == id
    assert open_scene(id[:30], root=l2a.parent).id == id


def test_a_product_of_many_tiles_asks_for_one(tmp_path):
    root = write_old_l1c(tmp_path)
    with pytest.raises(BadInput, match=r"holds 2 tiles: T32TLT, T32TMT") as caught:
        open_scene(root)
    assert exit_code(caught.value) == 4
    for number, granule in enumerate(sorted((root / "GRANULE").iterdir(), reverse=True)):
        scene = open_scene(granule)
        assert scene.id.endswith(("_T32TMT", "_T32TLT")[number])
        assert scene.platform == "sentinel-2a"
        assert scene.footprint is None
        assert set(scene.masks) == {"nodata", "saturated", "cloud", "cirrus", "clouds"}
        found = gigascene.load("rgb", granule, bands=RGB, units="dn").values
        assert np.array_equal(np.nan_to_num(found[2]), dn("B02", 10) // (number + 1))


def test_an_old_product_of_one_tile(tmp_path):
    root = write_old_l1c(tmp_path, tiles=("T32TMT",))
    found = gigascene.load("true-color", root).values
    assert np.array_equal(found, np.stack([reflectance(band, 10, offset=0) for band in RGB]), equal_nan=True)


# Offsets


@pytest.mark.parametrize(("baseline", "offset"), [("05.09", -1000), ("02.14", 0), ("02.14", -1000), ("99.99", 0)])
def test_the_offset_is_what_the_metadata_says(baseline, offset, tmp_path):
    for write in (write_l2a, write_l1c):
        few = {"B04": (10,), "B03": (10,), "B02": (10,)} if write is write_l2a else dict.fromkeys(RGB, 10)
        root = write(tmp_path / f"{write.__name__}", bands=few, baseline=baseline, offset=offset)
        found = gigascene.load("true-color", root).values
        expected = np.stack([reflectance(band, 10, offset) for band in RGB])
        assert np.array_equal(found, expected, equal_nan=True)


def test_every_band_has_its_own_offset_by_band_id(tmp_path):
    values = {number: -100 * number for number in range(13)}  # B10 counts, though level 2A does not have it
    root = write_l2a(tmp_path, bands={"B8A": (20,), "B11": (20,), "B12": (20,)}, values=values)
    scene = open_scene(root)
    offsets = {
        key: round(scene.assets[f"{key}_20m"].calibrations["reflectance"].offset * 10000)
        for key in ("B8A", "B11", "B12")
    }
    assert offsets == {"B8A": -800, "B11": -1100, "B12": -1200}


def test_a_new_product_without_offsets_is_refused(tmp_path):
    root = write_l2a(tmp_path, bands={"B04": (60,)}, baseline="05.09", offset=0)
    with pytest.raises(BadInput, match=r"baseline 05\.09.*states none"):
        open_scene(root)


def test_offsets_of_other_bands_are_refused(tmp_path):
    root = write_l2a(tmp_path, bands={"B04": (60,)}, values={0: -1000, 1: -1000})
    with pytest.raises(BadInput, match=r"BOA_ADD_OFFSET for other bands"):
        open_scene(root)


# Resolutions


@pytest.mark.parametrize(
    ("product", "keys", "size"),
    [
        ("true-color", ["B04_10m", "B03_10m", "B02_10m"], 10),
        ("color-infrared", ["B08_10m", "B04_10m", "B03_10m"], 10),
        ("ndvi", ["B08_10m", "B04_10m"], 10),
        ("ndsi", ["B03_20m", "B11_20m"], 20),
        ("nbr", ["B8A_20m", "B12_20m"], 20),
        ("swir-color", ["B12_20m", "B8A_20m", "B03_20m"], 20),
        ("swir2nirg", ["B12_20m", "B8A_20m", "B01_20m"], 20),
        ("natural-color-swir", ["B11_20m", "B8A_20m", "B04_20m"], 20),
    ],
)
def test_the_finest_resolution_that_all_bands_have(product, keys, size, l2a, tmp_path):
    plan = gigascene.plan_compose(product, l2a, tmp_path / "a.png")
    assert list(plan.recipe.bands) == keys
    assert abs(plan.format.geobox.affine.a) == size
    assert plan.notes[0].startswith(f"Made at {size} m from {keys[0]}")


def test_a_missing_file_leads_to_the_next_resolution_and_says_so(tmp_path):
    root = write_l2a(tmp_path, leave_out=("B03_10m",))
    plan = gigascene.plan_compose("true-color", root, tmp_path / "a.png")
    assert list(plan.recipe.bands) == ["B04_20m", "B03_20m", "B02_20m"]
    assert "Not there: B03_10m." in plan.notes
    with pytest.raises(BadInput, match=r"_B03_10m\.jp2, band B03_10m: the product lists it, and it is not there"):
        gigascene.plan_compose("true-color", root, tmp_path / "a.png", resolution=10)


def test_bands_of_two_resolutions_come_to_one_grid(l1c, tmp_path):
    plan = gigascene.plan_compose("natural-color-swir", l1c, tmp_path / "a.png")
    assert list(plan.recipe.bands) == ["B11", "B08", "B04"]
    assert abs(plan.format.geobox.affine.a) == 10
    assert "B11 is brought from 20 m to 10 m." in plan.notes
    found = gigascene.load("natural-color-swir", l1c).values
    swir = reflectance("B11", 20).astype(float)
    weights = (
        0.75 * swir[20:40, 20:40] + 0.25 * swir[20:40, 21:41]
    )  # centres of 10 m pixels lie at a quarter of 20 m ones
    down = 0.75 * weights[:-1] + 0.25 * weights[1:]
    assert np.abs(found[0, 41:79:2, 41:81:2][:19] - down).max() < 2e-6
    assert np.array_equal(found[1:][:, 2:, 30:-2], np.stack([reflectance(b, 10) for b in ("B08", "B04")])[:, 2:, 30:-2])


@pytest.mark.parametrize(("size", "factor"), [(20, 2), (60, 6)])
def test_a_coarser_resolution_is_the_mean(size, factor, l1c, tmp_path):
    found = gigascene.load("true-color", l1c, resolution=size).values
    assert found.shape == (3, 240 // factor, 240 // factor)
    for channel, band in zip(found, RGB, strict=True):
        fine = reflectance(band, 10).astype(float)
        with np.errstate(invalid="ignore"):
            blocks = (
                fine.reshape(240 // factor, factor, -1, factor).swapaxes(1, 2).reshape(240 // factor, -1, factor**2)
            )
            mean = np.array([[np.nanmean(b) if np.isfinite(b).any() else np.nan for b in row] for row in blocks])
        assert np.allclose(channel, mean, rtol=1e-6, atol=0, equal_nan=True)


def test_an_unknown_resolution(l2a, tmp_path):
    with pytest.raises(UsageError, match="has bands at 10, 20, 60 m, not at 15") as caught:
        gigascene.plan_compose("true-color", l2a, tmp_path / "a.png", resolution=15)
    assert exit_code(caught.value) == 2


def test_one_key_is_one_file(l2a, tmp_path):
    plan = gigascene.plan_compose("rgb", l2a, tmp_path / "a.png", bands=["B04_60m", "B03_20m", "B02"])
    assert list(plan.recipe.bands) == ["B04_60m", "B03_20m", "B02_10m"]
    assert abs(plan.format.geobox.affine.a) == 10
    two = gigascene.load("normalized-difference", l2a, bands=["B04_20m", "B04_60m"])
    assert float(np.nanmax(np.abs(two.values))) > 0


# Masks


@pytest.mark.parametrize(
    ("name", "classes"),
    [("clouds", (3, 8, 9, 10)), ("cloud_shadow", (3,)), ("water", (6,)), ("not-vegetated", (5,)), ("cirrus", (10,))],
)
def test_classes_are_brought_to_the_grid_by_the_nearest(name, classes, l2a):
    found = gigascene.load("true-color", l2a, mask=[name]).values[0]
    hidden = np.isin(scl(20), classes).repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(np.isnan(found), hidden | (dn("B04", 10) == 0))


def test_the_classification_of_the_same_grid_is_taken(l2a, tmp_path):
    for size, key in ((10, "SCL_20m"), (20, "SCL_20m"), (60, "SCL_60m")):
        plan = gigascene.plan_compose("true-color", l2a, tmp_path / "a.png", mask=["clouds"], resolution=size)
        assert key in plan.scenes[0].assets
        assert len(plan.scenes[0].assets) == 4


def test_saturated_pixels_of_any_band_and_class(l2a):
    found = gigascene.load("true-color", l2a, mask=["saturated"]).values[0]
    hidden = (scl(20) == 1).repeat(2, axis=0).repeat(2, axis=1) | (dn("B04", 10) == 65535)
    assert hidden[-1, -1]
    assert np.array_equal(np.isnan(found), hidden | (dn("B04", 10) == 0))


def test_cloud_masks_of_level_1c_as_raster(l1c):
    layers = classi().repeat(6, axis=1).repeat(6, axis=2) > 0
    for name, hidden in {
        "cloud": layers[0],
        "cirrus": layers[1],
        "snow": layers[2],
        "clouds": layers[:2].any(axis=0),
    }.items():
        found = gigascene.load("true-color", l1c, mask=[name]).values[0]
        assert np.array_equal(np.isnan(found), hidden | (dn("B04", 10) == 0))


@pytest.mark.parametrize("pack", [False, True])
def test_cloud_masks_of_level_1c_as_polygons(pack, tmp_path):
    root = write_l1c(tmp_path, masks="gml", baseline="02.14", offset=0)
    source = zipped(root, zipfile.ZIP_DEFLATED) if pack else root

    def drawn(*rings):
        points = [np.array(ring.split(), float).reshape(-1, 2).tolist() for ring in rings]
        shape = {"type": "Polygon", "coordinates": points}
        coarse = rasterio.Affine(60, 0, ORIGIN[0], 0, -60, ORIGIN[1])
        return geometry_mask([shape], (40, 40), coarse, invert=True).repeat(6, axis=0).repeat(6, axis=1)

    opaque, cirrus = drawn(CLOUDY, HOLE), drawn(THIN)
    assert opaque.any()
    assert cirrus.any()
    for name, hidden in {"cloud": opaque, "cirrus": cirrus, "clouds": opaque | cirrus}.items():
        found = gigascene.load("true-color", source, mask=[name]).values[0]
        assert np.array_equal(np.isnan(found), hidden | (dn("B04", 10) == 0))


def test_a_mask_that_a_product_does_not_carry(tmp_path):
    root = write_l1c(tmp_path, masks="", bands=dict.fromkeys(RGB, 10))
    with pytest.raises(BadInput, match=r"carries no mask 'clouds'; it carries nodata, saturated") as caught:
        gigascene.plan_compose("true-color", root, tmp_path / "a.png", mask=["clouds"])
    assert exit_code(caught.value) == 4


def test_a_classification_that_is_not_there_is_named(tmp_path):
    root = write_l2a(tmp_path, bands={"B04": (60,), "B8A": (60,)}, leave_out=("SCL_20m", "SCL_60m"))
    words = r"carries no mask 'clouds'.*\n.*_SCL_20m\.jp2, band SCL_20m: the product lists it, and it is not there"
    with pytest.raises(BadInput, match=words):
        gigascene.load("ndvi", root, mask=["clouds"])


# Checksums


@pytest.mark.parametrize("algorithm", ["MD5", "SHA3-256"])
def test_inputs_are_verified(algorithm, spoiled, tmp_path):
    manifest(spoiled, algorithm)
    gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png", verify_inputs=True, resolution=60)
    other, used = image(spoiled, "B05_60m"), image(spoiled, "B03_60m")
    other.write_bytes(other.read_bytes()[:-2] + b"\0\0")
    gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png", verify_inputs=True, resolution=60)
    data = bytearray(used.read_bytes())
    data[len(data) // 2] ^= 1
    used.write_bytes(data)
    with pytest.raises(BadInput, match=rf"B03_60m\.jp2: its {algorithm} checksum is") as caught:
        gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png", verify_inputs=True, resolution=60)
    assert exit_code(caught.value) == 4


def test_metadata_is_verified_too(spoiled, tmp_path):
    change(metadata(spoiled), "-1000", "-1001")
    with pytest.raises(BadInput, match=r"MTD_MSIL2A\.xml: its SHA3-256 checksum"):
        gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png", verify_inputs=True)


def test_without_checksums_nothing_is_verified(spoiled, tmp_path):
    (spoiled / "manifest.safe").unlink()
    gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png")
    with pytest.raises(BadInput, match="carries no checksums"):
        gigascene.plan_compose("true-color", spoiled, tmp_path / "a.png", verify_inputs=True)


# Bad input


def test_a_file_cut_short_names_band_and_window(spoiled, tmp_path):
    path = image(spoiled, "B03_10m")
    os.truncate(path, path.stat().st_size * 2 // 3)
    with pytest.raises(
        TaskFailed, match=r"B03_10m\.jp2, band B03_10m, rows \d+-\d+, columns \d+-\d+: cannot be read"
    ) as caught:
        gigascene.compose("true-color", spoiled, tmp_path / "a.png", stretch="0:0.3", memory="600M")
    assert exit_code(caught.value) == 4
    assert not (tmp_path / "a.png").exists()


def test_a_broken_header_harms_only_its_band(spoiled, tmp_path):
    image(spoiled, "B02_10m").write_bytes(b"<html>404</html>")
    scene = open_scene(spoiled)
    assert "is no JPEG 2000 file" in scene.absent["B02_10m"]
    assert gigascene.plan_compose("ndvi", spoiled, tmp_path / "a.png").recipe.bands == ("B08_10m", "B04_10m")


def test_a_vrt_under_the_name_of_an_image_is_not_opened(spoiled):
    image(spoiled, "B02_10m").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>")
    assert "is no JPEG 2000 file" in open_scene(spoiled).absent["B02_10m"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: metadata(root).unlink(), "has no MTD_MSIL2A.xml"),
        (lambda root: (root / "MTD_MSIL1C.xml").write_text("<x/>"), "holds 2 product metadata files"),
        (lambda root: next(root.rglob("MTD_TL.xml")).unlink(), "has no MTD_TL.xml"),
        (lambda root: next(root.rglob("MTD_TL.xml")).write_text(tile_xml("1C")), "not Level-2A_Tile_ID"),
        (lambda root: next(root.rglob("MTD_TL.xml")).write_text(tile_xml("2A", "T33UVB")), "the product lists tile T32TMT"),
        (lambda root: metadata(root).write_text("<a/>"), "is a, not Level-2A_User_Product"),
        (lambda root: metadata(root).write_text("<a><b>"), "is not well-formed XML"),
        (lambda root: metadata(root).write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "is refused"),
        (lambda root: change(metadata(root), "Sentinel-2B", "Sentinel-1B"), "is 'Sentinel-1B', which is no Sentinel-2"),
        (lambda root: change(metadata(root), ">10000<", ">zero<"), "is 'zero', which is no number"),
        (lambda root: change(metadata(root), ">10000<", ">0<"), "divides nothing"),
        (lambda root: change(metadata(root), "<BOA_QUANT.*?VALUE>", ""), "has no BOA_QUANTIFICATION_VALUE"),
        (lambda root: change(metadata(root), "<Granule_List>.*</Granule_List>", ""), "lists no granule"),
        (lambda root: (root / "GRANULE").rename(root / "OTHER"), "has no folder GRANULE/"),
        (lambda root: change(metadata(root), "2023-08-15T10:20:31.024Z", "yesterday"), "time of acquisition is 'yesterday'"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_is_told(spoil, words, spoiled):
    spoil(spoiled)
    with pytest.raises(BadInput, match=words) as caught:
        open_scene(spoiled)
    assert exit_code(caught.value) == 4


def test_images_of_the_list_never_lead_outside(spoiled, tmp_path):
    write_jp2(tmp_path / "outside" / "T32TMT_x_B04_10m.jp2", dn("B04", 10), 10)
    change(metadata(spoiled), r"GRANULE/[^<]*_B04_10m<", "../outside/T32TMT_x_B04_10m<")
    scene = open_scene(spoiled)
    assert "B04_10m" not in scene.assets
    assert "B04_10m" in scene.absent


def test_bands_without_metadata_are_plain_rasters(tmp_path):
    for band in RGB:
        write_jp2(tmp_path / "plain" / f"T32TMT_{TIME}_{band}_10m.jp2", dn(band, 10), 10)
    scene = open_scene(tmp_path / "plain")
    assert scene.sensor == "raster"
    assert list(scene.assets) == ["B02_10m", "B03_10m", "B04_10m"]
    found = gigascene.load("rgb", tmp_path / "plain", bands=[f"{band}_10m" for band in RGB]).values
    stored = np.stack([dn(band, 10) for band in RGB])
    assert np.array_equal(found[:, stored[0] > 0], stored[:, stored[0] > 0])
    with pytest.raises(BadInput, match=r"has no MTD_MSIL2A\.xml, which says offset and quantification"):
        gigascene.plan_compose("true-color", tmp_path / "plain", tmp_path / "a.png")
    files = sorted((tmp_path / "plain").glob("*.jp2"), reverse=True)
    gigascene.compose("rgb", files, tmp_path / "a.png", stretch="1000:4000")
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "name", ["S2B_MSIL2A_20250815T102031_N0511_R065_T32TMT_20250815T123456.zarr", "store.zarr.zip", "plain"]
)
def test_a_zarr_product_is_told_apart(name, tmp_path):
    path = tmp_path / name
    if name.endswith(".zip"):
        path.write_bytes(b"PK")
    else:
        path.mkdir()
        (path / "zarr.json").write_text("{}")
    with pytest.raises(BadInput, match=r"is a Zarr store.*SAFE product") as caught:
        open_scene(path)
    assert exit_code(caught.value) == 4


# Footprints


@pytest.mark.parametrize(
    ("ring", "kind", "bounds"),
    [
        ("46.9 7.3 46.9 7.4 46.8 7.4 46.8 7.3 46.9 7.3", "Polygon", (7.3, 46.8, 7.4, 46.9)),
        (
            "65.7 180 65.6 178.6 66.6 178.4 66.7 180 66.7 -179 65.7 -178.9 65.7 180",
            "MultiPolygon",
            (-180, 65.6, 180, 66.7),
        ),
        ("83.6 -38 83.6 -30 82.6 -29 82.6 -37 83.6 -38", "Polygon", (-38, 82.6, -29, 83.6)),
        ("1 1 2", "Polygon", None),
    ],
)
def test_footprints_follow_geojson(ring, kind, bounds, tmp_path):
    root = write_l2a(tmp_path, bands={"B04": (60,)}, footprint=ring)
    found = describe(root)["footprint"]
    assert found["type"] == kind
    rings = [part[0] for part in found["coordinates"]] if kind == "MultiPolygon" else [found["coordinates"][0]]
    xs, ys = zip(*(point for one in rings for point in one), strict=True)
    if bounds:
        assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(bounds)
    else:  # a ring that is none: the grid tells
        assert 10 < min(xs) < max(xs) < 11
    for one in rings:
        assert one[0] == one[-1]
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(one))
        assert area > 0  # counter-clockwise
