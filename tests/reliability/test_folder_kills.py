"""Folders of tiles, killed at any byte, tile, change of a name or moment: the old whole one, the new whole one or none.

`GIGASCENE_KILLS` sets how many kills at random, as in `test_kills`.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import numpy as np
import pytest

import gigascene
from cli.shell import PROGRAM
from gigascene.codecs.tile_grid import GEODETIC, MERCATOR
from gigascene.model.grid import Window
from gigascene.registry import WRITERS
from gigascene.storage.folder import MARKER
from reliability.kills import KILLS, rows
from serve.pictures import geotiff

SIDE = 128
"""Of a tile, pixels."""

SHAPE = (2100, 1700)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Noise with a blank corner, on the grid of each kind of map tiles; as GeoTIFF, and one as PNG."""
    folder = tmp_path_factory.mktemp("pictures")
    levels = np.random.default_rng(8).integers(1, 40, (*SHAPE, 3), dtype=np.uint8)
    levels[:900, :600] = 0
    for name, grid, first in (("mercator", MERCATOR, (363, 534)), ("geodetic", GEODETIC, (200, 561))):
        box = grid.geobox(Window(top=first[0], left=first[1], height=1, width=1), 10, SIDE)
        geotiff(folder / f"{name}.tif", levels, nodata=0, crs=f"EPSG:{grid.epsg}", affine=box.affine, tiled=True)
    gigascene.convert(folder / "geodetic.tif", folder / "geodetic.png")
    return folder


KINDS = {
    "composed map": ("tiles", "scene"),
    "composed Deep Zoom": ("world.dzi", "scene"),
    "web mercator": ("tiles", "mercator.tif"),
    "geodetic": ("tiles", "geodetic.tif"),
    "Deep Zoom": ("world.dzi", "mercator.tif"),
}
"""What is made, of what."""

SLOW = {"composed map", "composed Deep Zoom"}
"""Seconds for every kill that comes before the end."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=pytest.mark.slow if kind in SLOW else ()) for kind in KINDS],
)
def made(request, scene, pictures, tmp_path_factory, victims):
    """Target, saved plan, what it must make, how long it takes, and former output to take the place of."""
    name, source = KINDS[request.param]
    folder = tmp_path_factory.mktemp("kind")
    target, saved = folder / "out" / name, folder / "plan.json"
    target.parent.mkdir()
    suffixed, options = f"{target}/" if name == "tiles" else target, {"tile": SIDE}
    if source == "scene":
        gigascene.compose("ndvi", scene, suffixed, options=options)
    else:
        gigascene.convert(pictures / source, suffixed, options={**options, "tiles": "jpg"})
    former = folder / "former"
    target.parent.rename(former)
    target.parent.mkdir()
    if source == "scene":
        plan = gigascene.plan_compose("true-color", scene, suffixed, options=options)
    else:
        plan = gigascene.plan_convert(pictures / source, suffixed, options=options)
        assert (plan.format.geobox.crs.epsg, plan.mosaic) == (4326 if "geodetic" in source else 3857, None)
    assert len(WRITERS[plan.format.writer].codec.pieces(plan.format)) > 8
    gigascene.save_plan(plan, saved)
    began = time.monotonic()
    assert victims(plan=str(saved)) == 0
    took = time.monotonic() - began
    return target, saved, found(target), took, former


@pytest.fixture
def job(made):
    """The same, and nothing is made."""
    clear(made[0])
    return made


def found(target):
    """Every file of the picture by its name, without what only tells of it; of a folder that it is whole by its marker."""
    folder = target.with_name("world_files") if target.suffix else target
    files = [target, *folder.rglob("*")] if target.exists() and target.suffix else [*folder.rglob("*")]
    if folder.exists():
        marker = json.loads((folder / MARKER).read_text())
        assert sorted([*marker["names"], MARKER]) == sorted(path.name for path in folder.iterdir())
    return {path.relative_to(target.parent).as_posix(): path.read_bytes() for path in files if path.is_file()}


def clear(target):
    shutil.rmtree(target.parent)
    target.parent.mkdir()


def same(target, whole, what=""):
    """Equal, file by file; says which is not without printing a thousand of them."""
    now = found(target)
    assert sorted(now) == sorted(whole), what
    assert not [name for name in whole if now[name] != whole[name]], what


def is_one_of(target, *wholes):
    """Nothing, or a whole output; of Deep Zoom the folder may already be there while nothing speaks for it yet."""
    now = found(target)
    if target.suffix and target.name not in now:
        wholes = [{name: data for name, data in whole.items() if name != target.name} for whole in wholes]
    assert now in [{}, *wholes]


def left_over(target):
    return [path.name for path in target.parent.iterdir() if path.name.startswith(".")]


def a_kill(chance, whole, took):
    """At a byte of the body, at a moment, at a file or folder touched in the end, or half through a tile."""
    tiles = len(whole)
    return chance.choice(
        [
            {"byte": chance.randrange(sum(map(len, whole.values())))},
            {"after_s": chance.random() * took},
            {"event": chance.randrange(tiles + tiles // 4 + 40)},
            {"half": chance.randrange(tiles - 3)},
        ]
    )


def test_killed_at_random(job, victims):
    target, saved, whole, took, former = job
    chance = random.Random(len(whole))
    killed, kills = 0, KILLS // 2 + 1
    for kill in range(kills):
        clear(target)
        if kill % 2:
            shutil.copytree(former, target.parent, dirs_exist_ok=True)
        before = found(target)
        how = a_kill(chance, whole, took)
        status = victims(plan=str(saved), rows=chance.choice([1000, 256, 64]), **how)
        while status != 0:
            killed += 1
            assert status == -signal.SIGKILL, how
            is_one_of(target, before, whole)
            how = a_kill(chance, whole, took) if chance.random() < 0.4 else {}
            status = victims(plan=str(saved), resume=True, rows=chance.choice([1000, 256, 64]), **how)
        same(target, whole, how)
        assert gigascene.verify(target).state == "whole"
        assert not left_over(target), how
    assert killed > kills // 2


def newest_rows_lost(journal):
    """As if the last commits had never reached the disk."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("DELETE FROM piece WHERE number >= (SELECT max(number) / 2 FROM piece)")


def halved(suffix):
    def cut(journal):
        path = journal.with_name(journal.name + suffix)
        os.truncate(path, path.stat().st_size // 2)

    return cut


def a_row_is_missing(journal):
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("DELETE FROM piece WHERE number = 1")


def folded_and_halved(journal):
    """All in one file, of which half is there."""
    list(rows(journal))  # the last to close it folds the log in
    os.truncate(journal, journal.stat().st_size // 2)


CUTS = {
    "newest rows": newest_rows_lost,
    "a row in the middle": a_row_is_missing,
    "half of its log": halved("-wal"),
    "half of its file": halved(""),
    "half of all": folded_and_halved,
    "all": lambda journal: os.truncate(journal, 0),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_journal_cut_short(job, victims, cut):
    """What it still tells is resumed; one that cannot be read is refused, and costs the work that was done."""
    target, saved, whole, _, _ = job
    assert victims(plan=str(saved), byte=int(sum(map(len, whole.values())) * 0.5)) == -signal.SIGKILL
    journal = target.with_name(f".{target.name}.journal")
    CUTS[cut](journal)
    status = victims(plan=str(saved), resume=True)
    if status != 0:
        assert status == 99  # a refusal: see _victims.py
        assert found(target) == {}
        assert victims(plan=str(saved)) == 0
    same(target, whole)
    assert not left_over(target)


COMMANDS = {
    "map of a PNG": ("tiles/", "geodetic.png", ()),
    "map, by processes": ("tiles/", "mercator.tif", ("--engine", "processes")),
    "Deep Zoom of a PNG": ("world.dzi", "geodetic.png", ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_program_itself_is_killed(pictures, tmp_path, command):
    """`gigascene convert`, a process of its own that gets SIGKILL at a random moment, and then --resume."""
    name, source, options = COMMANDS[command]
    target = tmp_path / "out" / name.strip("/")
    target.parent.mkdir()
    words = [PROGRAM, "convert", pictures / source, "-o", f"{tmp_path}/out/{name}", "--tile", str(SIDE), *options, "-q"]
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    took = time.monotonic() - began
    whole, chance, killed = found(target), random.Random(len(command)), 0
    for _ in range(KILLS // 3 + 1):  # each takes seconds
        clear(target)
        resume = []
        for moment in (0.3 + 0.7 * chance.random(), 0.3 + 0.7 * chance.random(), 20):
            with subprocess.Popen([*words, *resume], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    status = process.wait(moment * took)
                except subprocess.TimeoutExpired:
                    process.kill()
                    status = process.wait()
            killed += status == -signal.SIGKILL
            if status == 0:
                break
            assert status == -signal.SIGKILL
            is_one_of(target, whole)
            resume = ["--resume"]
        same(target, whole)
        assert gigascene.verify(target).state == "whole"
        assert not left_over(target)
    assert killed > 0
