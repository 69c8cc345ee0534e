"""Mosaics: tasks of any size, windows of any height and width, any engine, any order: equal file bytes."""

import hashlib
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from cuts import Cut, cut
from gigascene.execute import coordinate
from gigascene.model.plan import Cut as WorkCut
from gigascene.registry import WRITERS

REGION = {
    "type": "Polygon",
    "coordinates": [[[-25.2, 70.44], [-24.85, 70.42], [-24.83, 70.56], [-25.0, 70.58], [-25.2, 70.44]]],
}
RECIPES = {
    "first": ("true-color", ".png", {}),
    "latest-masked": ("true-color", ".tif", {"combine": "latest", "mask": ("clouds",), "options": {"tile": 64}}),
    "median": ("true-color", ".png", {"combine": "median"}),
    "mean-narrow": ("true-color", ".tif", {"combine": "mean", "feather": 300, "options": {"tile": 64}}),
    "feather-wide": ("true-color", ".png", {"feather": 3000, "balance": True, "depth": 16}),
    "darkest": ("ndvi", ".png", {"combine": "darkest"}),
    "greenest": ("true-color", ".jpg", {"combine": "best", "best": "ndvi"}),
    "clipped": ("true-color", ".tif", {"clip": "region.geojson", "options": {"tile": 64}, "packing": "document"}),
    "drawn": (
        "true-color",
        ".tif",
        {"overlay": "region.geojson", "overlay_width": 5, "options": {"tile": 64}, "grid": "utm25:45m"},
    ),
    "warped": ("true-color", ".png", {"grid": "EPSG:3857:80", "resampling": "bilinear", "feather": 900}),
    "warped-nearest": ("true-color", ".tif", {"grid": "utm25:45m", "options": {"tile": 64}}),
}


@pytest.fixture(scope="module")
def folders(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("some")
    parts = (
        Cut(top=300, left=250, height=330, width=300, haze=(300, 200, 100, 0)),
        Cut(top=450, left=350, height=350, width=300, row=11, day="20140905"),
        Cut(top=400, left=200, height=300, width=420, row=12, day="20140804", gain=(1.05, 1.02, 0.97, 1.1)),
    )
    return [cut(scene, folder, part) for part in parts]


@pytest.fixture(scope="module", params=RECIPES)
def reference(request, folders, tmp_path_factory):
    """A plan, and the SHA-256 of what it makes on one core in one task with one window."""
    product, suffix, wishes = RECIPES[request.param]
    folder = tmp_path_factory.mktemp("out")
    (folder / "region.geojson").write_text(json.dumps(REGION))
    wishes = {name: folder / said if said == "region.geojson" else said for name, said in wishes.items()}
    plan = gigascene.plan_mosaic(product, folders, folder / f"a{suffix}", engine="serial", memory="8G", **wishes)
    pieces = len(WRITERS[plan.format.writer].codec.pieces(plan.format))
    whole = WorkCut(task_pieces=pieces, window_rows=plan.format.shape[0])
    return plan, pieces, made(replace(plan, cut=whole))


def made(plan) -> str:
    receipt = coordinate.run(plan)
    assert 0.1 < receipt.mosaic["coverage"] <= 1
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest() + str(receipt.mosaic["coverage"])


def on(plan, engine, workers):
    return replace(plan, execution=replace(plan.execution, engine=engine, workers=workers))


@pytest.mark.parametrize(("tasks", "rows", "columns"), [(1, 61, 1 << 30), (3, 512, 37), ("all", 17, 100)])
def test_any_cut(reference, tasks, rows, columns):
    plan, pieces, whole = reference
    cut = WorkCut(task_pieces=pieces if tasks == "all" else tasks, window_rows=rows, window_columns=columns)
    assert made(replace(plan, cut=cut)) == whole


def test_processes(reference):
    plan, _, whole = reference
    assert made(replace(on(plan, "processes", 2), cut=WorkCut(task_pieces=2, window_rows=90))) == whole


def test_threads_in_any_order(reference, monkeypatch):
    plan, _, whole = reference
    wait, call = random.Random(7), coordinate.Job.__call__

    def late(job, task):
        result = call(job, task)
        time.sleep(wait.random() * 0.02)
        return result

    monkeypatch.setattr(coordinate.Job, "__call__", late)
    assert made(replace(on(plan, "threads", 5), cut=WorkCut(task_pieces=1, window_rows=200))) == whole


def test_planned_twice_it_is_the_same_plan(folders, tmp_path):
    from gigascene.model import wire

    wishes = {"balance": True, "feather": 3000, "combine": "mean"}
    plans = [
        gigascene.plan_mosaic("true-color", folders, tmp_path / "a.png", workers=workers, memory="2G", **wishes)
        for workers in (1, 3)
    ]
    assert wire.digest(plans[0].mosaic) == wire.digest(plans[1].mosaic)
    assert wire.digest(plans[0].recipe) == wire.digest(plans[1].recipe)
    gigascene.save_plan(plans[0], tmp_path / "plan.json")
    assert wire.dumps(gigascene.load_plan(tmp_path / "plan.json")) == wire.dumps(plans[0])


def test_the_table_and_the_values_tell_the_same(folders, tmp_path, monkeypatch):
    """`looked_up` against `physical`, its specification, with gains and a calibration of each scene's own."""
    from gigascene.works.mosaic import Mosaic

    for number, combine in enumerate(("first", "latest", "median")):
        found = []
        for tabled in (True, False):
            if not tabled:
                monkeypatch.setattr(Mosaic, "tabled", False)
            receipt = gigascene.mosaic(
                "true-color", folders, tmp_path / f"{number}.png", combine=combine, balance=True, stretch="0:0.5"
            )
            found.append(Path(receipt.target).read_bytes())
            monkeypatch.undo()
        assert found[0] == found[1], combine
