"""A feathered, balanced mosaic is killed as single pictures are: at any byte, moment or step of its commit.

`GIGASCENE_KILLS` sets how many kills at random, as in `test_kills`.
"""

import random
import signal
import time

import pytest

import gigascene
from cuts import Cut, cut
from gigascene.registry import WRITERS
from reliability.kills import KILLS, clean, contents, rows

PARTS = (
    Cut(top=300, left=250, height=260, width=240),
    Cut(top=420, left=330, height=260, width=260, row=11, day="20140905", haze=(300, 200, 100, 0)),
    Cut(top=380, left=200, height=240, width=300, row=12, day="20140804", gain=(1.05, 1.02, 0.97, 1.1)),
)
OUTPUTS = {"cog": (".tif", {"tile": 64}), "png": (".png", {})}
SHARES = (0.3, 0.8)
"""Of the body, where it breaks off."""


@pytest.fixture(scope="module")
def folders(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return [cut(scene, folder, part) for part in PARTS]


@pytest.fixture(scope="module", params=OUTPUTS)
def made(request, folders, tmp_path_factory, victims):
    """A saved plan, its target, the bytes it should make, and how long it takes."""
    suffix, options = OUTPUTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    target = folder / f"picture{suffix}"
    plan = gigascene.plan_mosaic(
        "true-color", folders, target, feather=3000, balance=True, grid="utm26:12m", options=options
    )
    assert all(layer.gain and layer.edges for layer in plan.mosaic.layers)
    assert len(WRITERS[plan.format.writer].codec.pieces(plan.format)) > 1
    gigascene.save_plan(plan, folder / "plan.json")
    began = time.monotonic()
    assert victims(plan=str(folder / "plan.json")) == 0
    return folder / "plan.json", target, contents(target), time.monotonic() - began


@pytest.fixture
def job(made):
    """The same, and nothing is made."""
    clean(made[1])
    return made


def brought_to_an_end(job, victims, **words):
    """Go on after a kill, and perhaps be killed again: the same bytes, and nothing left behind."""
    plan, target, whole, _ = job
    status = victims(plan=str(plan), resume=True, **words)
    if status != 0:
        assert status == -signal.SIGKILL
        assert not target.exists() or contents(target) == whole
        assert victims(plan=str(plan), resume=True) == 0
    assert contents(target) == whole
    assert gigascene.verify(target).state == "whole"
    assert not [path for path in target.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("share", SHARES)
def test_killed_at_a_byte(job, victims, share):
    plan, target, whole, _ = job
    assert victims(plan=str(plan), byte=int(len(whole) * share)) == -signal.SIGKILL
    assert not target.exists()
    kept = sum(1 for _ in rows(target.with_name(f".{target.name}.journal"))) if share > 0.5 else 0
    brought_to_an_end(job, victims, rows=64)
    assert int(plan.with_suffix(".resumed").read_text()) >= kept
    assert kept > 0 or share < 0.5 or target.suffix == ".png"


@pytest.mark.parametrize("steps", [(1, 4), pytest.param(range(100), marks=pytest.mark.slow)], ids=["two", "all"])
def test_killed_at_a_step_of_its_commit(job, victims, steps):
    plan, target, whole, _ = job
    for step in steps:
        status = victims(plan=str(plan), step=step)
        if target.exists():
            assert contents(target) == whole, f"step {step}"
        if status == 0:
            break
        assert status == -signal.SIGKILL
        brought_to_an_end(job, victims)
        clean(target)
    assert step > 1
    assert status == 0 or len(steps) < 100, "it never came to an end"


@pytest.mark.slow
def test_killed_at_random(job, victims):
    plan, target, whole, took = job
    chance = random.Random(len(whole))
    for kill in range(KILLS):
        chosen = {"byte": chance.randrange(len(whole))} if kill % 2 else {"after_s": chance.random() * took}
        status = victims(plan=str(plan), **chosen)
        assert status in {0, -signal.SIGKILL}
        if target.exists():
            assert contents(target) == whole
        if status != 0:
            again = {"byte": chance.randrange(len(whole))} if chance.random() < 0.3 else {}
            brought_to_an_end(job, victims, rows=chance.choice([1000, 100, 33]), **again)
        clean(target)
