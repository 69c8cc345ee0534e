"""JPEG 2000, bands of two resolutions, means, drawn masks, zip files: equal file bytes for any cut, engine and place."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from gigascene.model import wire
from gigascene.model.plan import Cut
from gigascene.plan.fingerprint import identity
from gigascene.registry import WRITERS
from tiny_safe import write_l1c, write_l2a, zipped

RECIPES = {
    "table": ("true-color", {"mask": ["clouds"]}),
    "two-resolutions": ("natural-color-swir", {"mask": ["clouds", "saturated"]}),
    "means": ("true-color", {"resolution": 60, "mask": ["cirrus"]}),
    "tci": ("true-color", {"look": "tci"}),
    "index": ("ndsi", {"resolution": 20}),
}


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return write_l1c(tmp_path_factory.mktemp("l1c"), masks="gml", baseline="02.14", offset=0)


def made(plan):
    gigascene.run(plan)
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", RECIPES)
def test_any_cut_engine_and_archive(name, product, tmp_path):
    wanted, wishes = RECIPES[name]
    plan = gigascene.plan_compose(wanted, product, tmp_path / "a.tif", options={"tile": 64}, memory="4G", **wishes)
    pieces = len(WRITERS["cog"].codec.pieces(plan.format))
    whole = made(replace(plan, cut=Cut(task_pieces=pieces, window_rows=plan.format.shape[0])))
    for engine, workers, tasks, rows, columns in (
        ("serial", 1, 1, 7, 13),
        ("threads", 4, 1, 64, 64),
        ("threads", 3, 2, 1, 1 << 30),
        ("processes", 2, 1, 64, 50),
    ):
        execution = replace(plan.execution, engine=engine, workers=workers)
        cut = Cut(task_pieces=tasks, window_rows=rows, window_columns=columns)
        assert made(replace(plan, execution=execution, cut=cut)) == whole, (engine, cut)
    packed = gigascene.plan_compose(
        wanted, zipped(product, zipfile.ZIP_DEFLATED), tmp_path / "b.tif", options={"tile": 64}, memory="4G", **wishes
    )
    assert made(packed) == whole


def test_a_plan_that_was_saved_is_the_same_plan(tmp_path):
    """Or an interrupted run could not be resumed by it."""
    plan = gigascene.plan_compose("true-color", write_l2a(tmp_path), tmp_path / "a.png", stretch="0:1")
    gigascene.save_plan(plan, tmp_path / "plan.json")
    again = gigascene.load_plan(tmp_path / "plan.json")
    assert identity(again) == identity(plan)
    assert wire.dumps(again) == wire.dumps(plan)
