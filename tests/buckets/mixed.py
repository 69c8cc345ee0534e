"""A mosaic and a composite of three overlapping scenes, from disk and from a bucket, as plans for any engine."""

import hashlib
import json
from dataclasses import replace

import gigascene
import stac_scene
from gigascene.execute.run import tasks
from gigascene.model.plan import Cut
from gigascene.registry import WRITERS

SCENES = {
    "S2A_32TMS_20240607_0_L2A": ({"forest": 3, "soil": 1, "water": 1}, "2024-06-07T10:26:05.123000Z"),
    "S2B_32TMS_20240612_0_L2A": ({"crop": 2, "cloud": 1}, "2024-06-12T10:26:01.456000Z"),
    "S2A_32TMS_20240617_0_L2A": ({"forest": 1, "soil": 2, "snow": 1}, "2024-06-17T10:26:05.789000Z"),
}
MASK = ("clouds",)
KINDS = {"mosaic": "first", "composite": "median"}


def write(folder):
    """The scenes' items and bands below a folder; its items by path in it."""
    names = []
    for seed, (id, (cover, when)) in enumerate(SCENES.items()):
        stac_scene.write_bands(folder / id, cover, raw=True, seed=seed + 1)
        item = stac_scene.item(id, properties={"datetime": when})
        (folder / id / "item.json").write_text(json.dumps(item))
        names.append(f"{id}/item.json")
    return names


def planned(kind, items, target):
    """Many small tasks on one core."""
    wishes = {"combine": KINDS[kind], "mask": MASK, "options": {"tile": 64}}
    plan = gigascene.plan_mosaic("true-color", items, target, engine="serial", **wishes)
    return replace(
        plan, cut=Cut(task_pieces=1, window_rows=plan.cut.window_rows, window_columns=plan.cut.window_columns)
    )


def made_by_one_core(folder, names, made):
    """SHA-256 of what one core makes of files, by kind."""
    for kind in KINDS:
        gigascene.run(planned(kind, [folder / name for name in names], made / f"{kind}.tif"))
    found = {kind: sha256(made / f"{kind}.tif") for kind in KINDS}
    assert len(set(found.values())) == len(KINDS)
    return found


def tasks_of(plan):
    """What a plan is cut into."""
    return list(tasks(plan, WRITERS[plan.format.writer].codec))


def lying(where, folder, names, bucket):
    """Items on disk, or in a bucket with all that belongs to them."""
    if where == "file":
        return [folder / name for name in names]
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.put(f"in/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return [bucket.url(f"in/{name}") for name in names]


def on(plan, engine, target):
    """The same plan for another engine and target."""
    return replace(plan, target=target, execution=replace(plan.execution, engine=engine, workers=2))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
