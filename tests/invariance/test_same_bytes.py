"""Tasks of any size, windows of any height, any engine, any number of workers, any order: equal file bytes."""

import hashlib
import json
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

import gigascene
from gigascene.execute import coordinate
from gigascene.model.plan import Cut
from gigascene.registry import WRITERS

RECIPES = {
    "table": ("true-color", ".png", {}),
    "table-16": ("swir2nirg", ".png", {"depth": 16}),
    "masked": ("true-color", ".png", {"mask": ("clouds",)}),
    "document": ("true-color", ".png", {"packing": "document", "units": "dn", "stretch": "5900:11000"}),
    "floats": ("ndvi", ".png", {}),
    "floats-16": ("ndvi", ".png", {"depth": 16, "palette": "grey"}),
    "sharpened": ("pan-sharpened", ".png", {}),
    "equalized": ("true-color", ".png", {"curve": "equalize"}),
    "cog": ("true-color", ".tif", {"options": {"tile": 64}}),
    "cog-alpha": ("true-color", ".tif", {"options": {"tile": 64}, "packing": "document"}),
    "cog-floats": ("temperature", ".tif", {"options": {"tile": 128}}),
    "drawn": ("true-color", ".png", {"overlay": "roads.geojson", "overlay_width": 3.5}),
    "pam": ("true-color", ".pam", {}),
    "jpeg": ("true-color", ".jpg", {}),
    "figure": ("temperature", ".svg", {}),
}

ROADS = {
    "type": "MultiLineString",
    "coordinates": [[[-26, 70.4], [-24, 70.6]], [[-25.2, 70], [-25, 70.5], [-24, 70.5]]],
}


@pytest.fixture(scope="module", params=RECIPES)
def reference(request, scene, tmp_path_factory):
    """A plan, and the SHA-256 of what it makes on one core in one task with one window."""
    product, suffix, wishes = RECIPES[request.param]
    target = tmp_path_factory.mktemp("out") / f"whole{suffix}"
    if "overlay" in wishes:
        wishes = wishes | {"overlay": target.with_name(wishes["overlay"])}
        wishes["overlay"].write_text(json.dumps(ROADS))
    plan = gigascene.plan_compose(product, scene, target, engine="serial", memory="8G", **wishes)
    pieces = len(WRITERS[plan.format.writer].codec.pieces(plan.format))
    whole = replace(plan, cut=Cut(task_pieces=pieces, window_rows=plan.format.shape[0]))
    return plan, pieces, made(whole)


def made(plan) -> str:
    coordinate.run(plan)
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


def on(plan, engine, workers):
    return replace(plan, execution=replace(plan.execution, engine=engine, workers=workers))


@pytest.mark.parametrize(
    ("tasks", "rows", "workers"), [(1, 512, 3), (2, 37, 2), (7, 1, 1), ("all", 37, 1), (1, 200, 8)]
)
def test_any_cut_and_number_of_threads(reference, tasks, rows, workers):
    plan, pieces, whole = reference
    if rows == 1 and plan.recipe.product == "pan-sharpened":
        rows = 3  # 3,000 rows of four bands one by one would take the test's whole minute
    cut = Cut(task_pieces=pieces if tasks == "all" else tasks, window_rows=rows)
    assert made(replace(on(plan, "threads", workers), cut=cut)) == whole


def test_processes(reference):
    plan, _, whole = reference
    assert made(replace(on(plan, "processes", 2), cut=Cut(task_pieces=2, window_rows=300))) == whole


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes, whose client is the current one."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with LocalCluster(**settings) as cluster, Client(cluster):
        yield cluster


def test_dask(reference, cluster):
    plan, _, whole = reference
    assert made(replace(on(plan, "dask", 2), cut=Cut(task_pieces=2, window_rows=300))) == whole


def test_any_order_of_completion(reference, monkeypatch):
    plan, _, whole = reference
    wait, call = random.Random(7), coordinate.Job.__call__

    def late(job, task):
        result = call(job, task)
        time.sleep(wait.random() * 0.02)
        return result

    monkeypatch.setattr(coordinate.Job, "__call__", late)
    assert made(replace(on(plan, "threads", 5), cut=Cut(task_pieces=1, window_rows=512))) == whole


def test_any_memory(scene, tmp_path):
    seen = set()
    for number, memory in enumerate(("450M", "600M", "2G")):
        receipt = gigascene.compose("true-color", scene, tmp_path / "p.png", memory=memory, workers=1 + number)
        seen.add(hashlib.sha256(Path(receipt.target).read_bytes()).hexdigest())
    assert len(seen) == 1


def test_the_place_of_the_files_is_not_in_the_output(scene, tmp_path):
    import shutil

    moved = tmp_path / "elsewhere" / scene.name
    shutil.copytree(scene, moved)
    first = gigascene.compose("ndvi", scene, tmp_path / "a.tif")
    second = gigascene.compose("ndvi", moved, tmp_path / "b.tif")
    assert Path(first.target).read_bytes() == Path(second.target).read_bytes()
    assert first.fingerprint == second.fingerprint
