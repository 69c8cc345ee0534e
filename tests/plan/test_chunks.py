"""Advice on chunks: whole native blocks, about 100 MB, as many as cover the picture."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

import gigascene
from gigascene.plan.chunks import WANTED, advice
from gigascene.plan.explain import explain


def test_whole_blocks_of_the_file(small_scene, tmp_path):
    plan = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.tif")
    found = advice(plan)
    with rasterio.open(next(iter(plan.scenes[0].assets.values())).href) as file:
        block, shape = file.block_shapes[0], file.shape
    assert tuple(found["native_block"]) == block
    assert found["rows"] % block[0] == 0 or found["rows"] == shape[0]
    assert found["columns"] % block[1] == 0 or found["columns"] == shape[1]
    assert found["count"] == -(-shape[0] // found["rows"]) * -(-shape[1] // found["columns"])
    assert explain(plan)["chunks"] == found


@pytest.mark.parametrize("block", [(1, 20000), (256, 256), (512, 512), (1024, 1024), (16, 20000)])
@pytest.mark.parametrize("bands", [1, 3])
def test_about_a_hundred_megabytes(small_scene, tmp_path, block, bands):
    plan = gigascene.plan_compose("true-color" if bands == 3 else "temperature", small_scene, tmp_path / "a.tif")
    scene = plan.scenes[0]
    large = {
        key: replace(one, blocks=block, geobox=one.geobox.expand((20000, 20000))) for key, one in scene.assets.items()
    }
    found = advice(replace(plan, scenes=(replace(scene, assets=large),)))
    size = found["rows"] * found["columns"] * len(large) * np.dtype("float32").itemsize
    assert 0.5 * WANTED < size <= WANTED
    assert found["mb"] == round(size / 1e6, 1)
    assert (found["rows"] % block[0], found["columns"] % block[1]) == (0, 0)


def test_none_without_bands(small_scene, tmp_path):
    gigascene.compose("true-color", small_scene, tmp_path / "a.pam")
    assert advice(gigascene.plan_convert(tmp_path / "a.pam", tmp_path / "b.png")) == {}


def test_what_a_worker_needs(small_scene, tmp_path):
    asked = {"engine": "processes", "workers": 3, "memory": "3G"}
    facts = explain(gigascene.plan_compose("true-color", small_scene, tmp_path / "a.tif", **asked))
    assert 50 < facts["memory_worker_mb"] < facts["memory_mb"] / 3
    alone = explain(gigascene.plan_compose("true-color", small_scene, tmp_path / "a.tif", engine="threads"))
    assert "memory_worker_mb" not in alone
