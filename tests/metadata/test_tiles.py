"""Boxes of paths, rows and tiles against what catalogues say of scenes there."""

import json

import pytest

from gigascene.metadata.tiles import scene_box, tile_box
from where import DATA, needs_data

SCENES = [
    "landsat/examples/landsat-c2-l2/LC09_L2SP_010065_20220129_02_T1/LC09_L2SP_010065_20220129_02_T1.json",
    "landsat/examples/landsat-c2-l2/LT04_L2SP_002026_19830110_02_T1/LT04_L2SP_002026_19830110_02_T1.json",
    "other/LC08_L2SR_081119_20200101_20200823_02_T2.json",  # 81 degrees south
    "other/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json",
]
TILES = [
    "other/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json",
    "sentinel2/examples/sentinel2-l1c-example/S2A_T01LAC_20200717T221944_L1C/S2A_T01LAC_20200717T221944_L1C.json",
    "sentinel2/examples/sentinel2-l2a-example/S2A_T07HFE_20190212T192646_L2A/S2A_T07HFE_20190212T192646_L2A.json",
]


def told(name):
    return json.loads((DATA / "stac" / name).read_text())


@needs_data
@pytest.mark.parametrize("name", SCENES)
def test_a_scene_lies_in_the_box_of_its_path_and_row(name):
    item = told(name)
    west, south, east, north = scene_box(
        int(item["properties"]["landsat:wrs_path"]), int(item["properties"]["landsat:wrs_row"])
    )
    box = item["bbox"]
    assert west < box[0] < box[2] < east
    assert south < box[1] < box[3] < north
    assert north - south < 3.001


@needs_data
@pytest.mark.parametrize("name", TILES)
def test_a_tile_is_where_its_scenes_lie(name):
    item = told(name)
    said = item["properties"]
    west, south, east, north = tile_box(said.get("s2:mgrs_tile") or said["grid:code"].removeprefix("MGRS-"))
    box = item["bbox"]
    near = 0.01
    assert (west <= box[0] + near, south <= box[1] + near) == (True, True)
    assert (east >= box[2] - near, north >= box[3] - near) == (True, True)
    assert (west > east) == (box[0] > box[2])
    assert (east - west) % 360 < 2.5


@pytest.mark.parametrize("text", ["", "32TMI", "61TMS", "32TAS", "32IMS", "T32TMS", "32tms", "32TMSX"])
def test_what_is_no_tile(text):
    assert tile_box(text) is None
