"""Simulated Sentinel-2 regions: what a catalogue would offer, seamless across tiles, and the same every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject
from rio_cogeo.cogeo import cog_validate

from gigascene.model.errors import UsageError, WriteFailed
from gigascene.simulate.sentinel2 import simulate
from where import DATA, needs_data

CLEAR = (2, 4, 5, 6, 11)
SIDE = 360


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region")
    assert simulate(folder, size=SIDE, tiles=(2, 2), dates=2, truth=True) == folder / "scenes.json"
    return folder


def items(region: Path) -> list[dict[str, Any]]:
    return json.loads((region / "scenes.json").read_text())["features"]


def read(region: Path, item: dict[str, Any], key: str) -> NDArray[Any]:
    with rasterio.open(region / item["assets"][key]["href"]) as file:
        return file.read().squeeze()


def place(item: dict[str, Any], key: str) -> tuple[int, int]:
    """Row and column of the first pixel, counted from the origin of the plane."""
    step, _, west, _, _, north = item["assets"][key]["proj:transform"]
    return round(-north / step), round(west / step)


def surely_clear(scl: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of 20 m that are clear and have only such neighbours."""
    clear = np.pad(np.isin(scl, CLEAR), 1)
    rows, columns = scl.shape
    return np.all([clear[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)


def digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_items_tell_of_their_files(region: Path) -> None:
    found = items(region)
    assert [item["id"] for item in found] == [
        f"S2A_{tile}_{date}_0_L2A" for date in ("20230726", "20230729") for tile in ("26WND", "26WPD", "26WNC", "26WPC")
    ]
    for item in found:
        assert json.loads((region / item["id"] / f"{item['id']}.json").read_text())["properties"] == item["properties"]
        for key, asset in item["assets"].items():
            path = region / asset["href"]
            assert path.stat().st_size == asset["file:size"], key
            with rasterio.open(path) as file:
                assert list(file.shape) == asset["proj:shape"]
                assert list(file.transform)[:6] == asset["proj:transform"]
                assert file.crs.to_epsg() == item["properties"]["proj:epsg"] == 32626
                assert file.res == (asset["gsd"], asset["gsd"])
                assert file.nodata == 0
                assert file.dtypes[0] == asset.get("raster:bands", [{"data_type": "uint8"}])[0]["data_type"]


@needs_data
def test_items_have_the_catalogues_layout(region: Path) -> None:
    """The real item is of the sister collection, level 1C."""
    (real,) = json.loads((DATA / "stac/sentinel2/earth_search_search.json").read_text())["features"]
    item = items(region)[0]
    assert set(real) - {"context"} <= set(item) | {"collection"}
    left_out = {"earthsearch:s3_path", "earthsearch:payload_id"}
    assert set(real["properties"]) - set(item["properties"]) == left_out
    for name, value in real["properties"].items():
        if name not in left_out:
            assert type(item["properties"][name]) in {type(value), float}, name
    for key in set(real["assets"]) & set(item["assets"]):
        theirs, mine = real["assets"][key], item["assets"][key]
        assert set(theirs) - set(mine) == set(), key
        assert mine["title"] == theirs["title"]
        assert mine["roles"] == theirs["roles"]
        assert [band["name"] for band in mine["eo:bands"]] == [band["name"] for band in theirs["eo:bands"]]
        assert [set(band) for band in mine["eo:bands"]] == [set(band) for band in theirs["eo:bands"]]
        for one, other in zip(mine.get("raster:bands", []), theirs.get("raster:bands", []), strict=True):
            assert {name: other[name] for name in one} == one
    schemas = {url.split("/")[-3] for url in real["stac_extensions"]}
    assert schemas <= {url.split("/")[-3] for url in item["stac_extensions"]}


def test_files_are_cloud_optimised(region: Path) -> None:
    for path in sorted(region.glob("S2A_26WND_20230726_0_L2A/*.tif")) + sorted(region.glob("truth*.tif")):
        assert cog_validate(path, strict=True) == (True, [], []), path


def test_overlapping_tiles_agree(region: Path) -> None:
    """Same date: also where there are clouds. Bands of every resolution, classes too."""
    one, two = (
        item for item in items(region) if item["id"] in {"S2A_26WND_20230729_0_L2A", "S2A_26WPD_20230729_0_L2A"}
    )
    for key in one["assets"]:
        a, b = read(region, one, key), read(region, two, key)
        shift = place(two, key)[1] - place(one, key)[1]
        assert place(two, key)[0] == place(one, key)[0]
        overlap = a.shape[-1] - shift
        assert overlap > 3
        assert np.array_equal(a[..., shift:], b[..., :overlap]), key


def test_truth_is_what_clear_pixels_show(region: Path) -> None:
    for item in items(region):
        sure = surely_clear(read(region, item, "scl")).repeat(2, axis=0).repeat(2, axis=1)
        with rasterio.open(region / f"truth_{item['id'].split('_')[2]}.tif") as file:
            top, left = place(item, "red")[0] + file.transform.f / 10, place(item, "red")[1] - file.transform.c / 10
            truth = file.read(window=((int(top), int(top) + SIDE), (int(left), int(left) + SIDE)))
        assert (truth > 0).all()
        for band, key in enumerate(("red", "green", "blue", "nir")):
            assert np.array_equal(read(region, item, key)[sure], truth[band][sure]), (item["id"], key)


def test_dates_differ_by_their_clouds(region: Path) -> None:
    found = items(region)
    covers = [item["properties"]["eo:cloud_cover"] for item in found]
    assert max(covers) > 10
    assert len(set(covers)) == len(covers)
    first, second = (read(region, found[at], "scl") for at in (0, 4))
    assert ((first >= 8) & (first <= 10) & np.isin(second, CLEAR)).any()
    assert found[0]["properties"]["view:sun_elevation"] > found[4]["properties"]["view:sun_elevation"] > 35


def test_classes_follow_the_pixels(region: Path) -> None:
    scl = np.concatenate([read(region, item, "scl").ravel() for item in items(region)])
    blue, nir, swir = (
        np.concatenate([every_second(read(region, item, key), key) for item in items(region)])
        for key in ("blue", "nir", "swir16")
    )
    counted = {number: int((scl == number).sum()) for number in (3, 5, 6, 9, 11)}
    assert min(counted.values()) > 300, counted
    reflectance = {
        name: (values.astype(float) - 1000) / 10000 for name, values in (("blue", blue), ("nir", nir), ("swir", swir))
    }
    assert np.median(reflectance["nir"][scl == 6]) < 0.05
    assert np.median(reflectance["swir"][scl == 11]) < 0.12 < 0.3 < np.median(reflectance["blue"][scl == 11])
    assert np.median(reflectance["swir"][scl == 9]) > 0.3
    assert np.median(reflectance["blue"][scl == 9]) > 0.5
    assert (blue[scl == 0] == 0).all()
    assert (blue[scl > 0] > 0).all()


def every_second(image: NDArray[Any], key: str) -> NDArray[Any]:
    return (image if key == "swir16" else image[::2, ::2]).ravel()


def test_percentages_are_counted(region: Path) -> None:
    for item in items(region):
        scl, said = read(region, item, "scl"), item["properties"]
        valid = scl[scl > 0]
        assert said["eo:cloud_cover"] == pytest.approx(100 * np.isin(valid, (8, 9, 10)).mean(), abs=1e-5)
        assert said["s2:water_percentage"] == pytest.approx(100 * (valid == 6).mean(), abs=1e-5)
        assert said["s2:nodata_pixel_percentage"] == pytest.approx(100 * (scl == 0).mean(), abs=1e-5)


def test_true_colour_is_the_agencys(region: Path) -> None:
    item = items(region)[0]
    picture = read(region, item, "visual").astype(float)
    for band, key in zip(picture, ("red", "green", "blue"), strict=True):
        numbers = read(region, item, key).astype(float)
        expected = np.where(numbers > 0, np.clip(np.rint((numbers - 1000) * 255 / 2500), 0, 255), 0)
        assert np.abs(band - expected).max() <= 1


def test_neighbouring_zone_shows_the_same_earth(tmp_path: Path) -> None:
    simulate(tmp_path, size=300, tiles=(2, 1), neighbor=True, bands=("red", "scl"), dates=2)
    found = {item["id"]: item for item in items(tmp_path)}
    tiles = [name.split("_")[1] for name in found]
    assert tiles == 2 * ["26WND", "26WNC", "27WUU", "27WUT"]
    home, other = found["S2A_26WND_20230729_0_L2A"], found["S2A_27WUU_20230729_0_L2A"]
    assert other["properties"]["proj:epsg"] == 32627
    numbers = read(tmp_path, home, "red")
    with (
        rasterio.open(tmp_path / home["assets"]["red"]["href"]) as grid,
        rasterio.open(tmp_path / other["assets"]["red"]["href"]) as file,
    ):
        there = np.zeros_like(numbers)
        reproject(
            rasterio.band(file, 1), there, src_nodata=0, dst_nodata=0, dst_transform=grid.transform, dst_crs=grid.crs,
            resampling=Resampling.bilinear,
        )  # fmt: skip
    both = (there > 0) & (numbers > 0)
    assert 0.3 < both.mean() < 0.7
    assert np.corrcoef(there[both], numbers[both])[0, 1] > 0.99
    assert np.median(np.abs(there[both].astype(int) - numbers[both])) < 60
    north, south = (found[f"S2A_27W{square}_20230729_0_L2A"] for square in ("UU", "UT"))
    one, two = (read(tmp_path, item, "red") for item in (north, south))
    down, right = (there - here for here, there in zip(place(north, "red"), place(south, "red"), strict=True))
    assert 200 < down < 300
    columns = slice(max(right, 0), 300 + min(right, 0)), slice(max(-right, 0), 300 - max(right, 0))
    assert np.array_equal(one[down:, columns[0]], two[: 300 - down, columns[1]])


def test_same_bytes_with_any_workers(region: Path, tmp_path: Path) -> None:
    simulate(tmp_path, size=SIDE, tiles=(1, 1), dates=2, workers=1)
    mine = digests(tmp_path)
    assert len(mine) == 2 * 17 + 1
    theirs = digests(region)
    assert all(theirs[name] == value for name, value in mine.items() if name != "scenes.json")


def test_seed_and_offset(tmp_path: Path) -> None:
    for name, options in {"one": {}, "other": {"seed": 1}, "applied": {"offset_applied": True}}.items():
        simulate(tmp_path / name, size=60, bands=("red",), **options)
    one, other, applied = (
        read(tmp_path / name, items(tmp_path / name)[0], "red") for name in ("one", "other", "applied")
    )
    assert not np.array_equal(one, other)
    assert np.array_equal(np.maximum(one.astype(int) - 1000, 1), applied)
    assert items(tmp_path / "applied")[0]["properties"]["earthsearch:boa_offset_applied"] is True
    assert items(tmp_path / "one")[0]["assets"]["red"]["raster:bands"][0]["offset"] == -0.1


def test_stac_1_1_spells_bands_anew(tmp_path: Path) -> None:
    simulate(tmp_path, size=60, bands=("red", "scl"), stac_version="1.1.0")
    (item,) = items(tmp_path)
    assert item["stac_version"] == "1.1.0"
    assert item["properties"]["proj:code"] == "EPSG:32626"
    (red,) = item["assets"]["red"]["bands"]
    assert (red["eo:common_name"], red["raster:scale"], red["raster:offset"], red["nodata"]) == ("red", 0.0001, -0.1, 0)
    assert "eo:bands" not in item["assets"]["red"]


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(tmp_path, size=492, bands=("scl",), truth=True, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_refuses_what_is_there(region: Path) -> None:
    before = digests(region)
    with pytest.raises(WriteFailed, match="exists already"):
        simulate(region, size=60)
    assert digests(region) == before


def test_leaves_nothing_half_done(tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, size=60, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "huge"}, "huge"),
        ({"size": 100}, "multiple of 6"),
        ({"tiles": (1, 9)}, "1 to 7"),
        ({"dates": 0}, "1 to 40"),
        ({"bands": ("pan",)}, "pan"),
        ({"stac_version": "0.9"}, "0.9"),
    ],
)
def test_makes_no_sense(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        simulate(tmp_path, **{"size": 60, **options})
    assert list(tmp_path.iterdir()) == []
