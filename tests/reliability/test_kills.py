"""Killed at any byte or moment: never a file that opens and holds wrong pixels, and a resume gives the same bytes.

`GIGASCENE_KILLS` sets how many kills for each writer: 6 by default, 100 before a release.
"""

import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

import gigascene
from gigascene.codecs import _rows
from gigascene.registry import WRITERS
from reliability.kills import KILLS, clean, contents, rows

OUTPUTS = {
    "png": (".png", {}),
    "pam": (".pam", {}),
    "raw": (".raw", {"byteorder": "little"}),
    "jpeg": (".jpg", {}),
    "cog": (".tif", {"tile": 64}),
    "figure": (".svg", {"width_px": 400}),
    "preview": (".png", {"width_px": 500}),
    "deepzoom": (".dzi", {"tile": 64}),
}
ELSEWHERE = {"tiles"}
"""Folders, killed in test_folder_kills.py."""


STRIP = 64 << 10
"""Bytes of a strip here: the picture is small, and one strip is no resume."""

WHOLE = {"figure", "preview"}
"""Of one piece, or few."""

DRAWN_S = 0.8
"""What takes longer is killed less often."""


@pytest.fixture(scope="module", autouse=True)
def short_strips():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "STRIP", STRIP)
        yield


@pytest.fixture(scope="module")
def victims(victims):
    return partial(victims, strip=STRIP)


def test_every_writer_is_killed():
    assert set(OUTPUTS) | ELSEWHERE == set(WRITERS.names())


@pytest.fixture(scope="module", params=OUTPUTS)
def made(request, scene, tmp_path_factory, victims):
    """A saved plan, its target, the bytes it should make, how long it takes, and how many pieces it has."""
    suffix, options = OUTPUTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    target = folder / f"picture{suffix}"
    plan = gigascene.plan_compose("true-color", scene, target, options=options, writer=request.param)
    gigascene.save_plan(plan, folder / "plan.json")
    began = time.monotonic()
    assert victims(plan=str(folder / "plan.json")) == 0
    took = time.monotonic() - began
    whole = contents(target)
    pieces = len(WRITERS[plan.format.writer].codec.pieces(plan.format))
    return folder / "plan.json", target, whole, took, pieces


@pytest.fixture
def job(made):
    """The same, and nothing is made."""
    clean(made[1])
    return made


def test_kills(job, victims):
    plan, target, whole, took, _ = job
    chance = random.Random(len(whole))
    for kill in range(KILLS if took < DRAWN_S else KILLS // 3):
        chosen = {"byte": chance.randrange(len(whole))} if kill % 2 else {"after_s": chance.random() * took}
        status = victims(plan=str(plan), **chosen)
        assert status in {0, -signal.SIGKILL}
        if target.exists():
            assert contents(target) == whole
        while status != 0:
            again = {"byte": chance.randrange(len(whole))} if chance.random() < 0.3 else {}
            status = victims(plan=str(plan), resume=True, rows=chance.choice([1000, 256, 64]), **again)
            assert status in {0, -signal.SIGKILL}
        assert contents(target) == whole
        assert not [path for path in target.parent.iterdir() if path.name.startswith(".")]
        clean(target)


def test_resume_redoes_no_more_than_was_in_flight(job, victims):
    plan, target, whole, _, pieces = job
    _needs_pieces(plan, pieces)
    assert victims(plan=str(plan), byte=int(len(whole) * 0.6)) == -signal.SIGKILL
    kept = sum(1 for _ in rows(target.with_name(f".{target.name}.journal")))
    assert kept > 0
    assert victims(plan=str(plan), resume=True) == 0
    assert int(plan.with_suffix(".resumed").read_text()) == kept
    assert contents(target) == whole


def _needs_pieces(plan, pieces):
    if gigascene.load_plan(plan).format.writer in WHOLE:
        pytest.skip("this format has too few pieces at any size to tell")
    assert pieces >= 4


def test_a_tampered_body_is_redone(job, victims):
    plan, target, whole, _, pieces = job
    _needs_pieces(plan, pieces)
    assert victims(plan=str(plan), byte=int(len(whole) * 0.6)) == -signal.SIGKILL
    body = target.with_name(f".{target.name}.part")
    data = bytearray(body.read_bytes())
    data[len(data) // 2] ^= 0xFF
    body.write_bytes(data)
    assert victims(plan=str(plan), resume=True) == 0
    assert contents(target) == whole


def test_another_plan_does_not_resume(job, victims, scene):
    plan, target, whole, _, _ = job
    if victims(plan=str(plan), byte=len(whole) // 2) != -signal.SIGKILL:
        pytest.skip("this format writes too little to its body to be stopped in it")
    if not target.with_name(f".{target.name}.journal").exists():
        pytest.skip("nothing was journaled before the kill")
    other = gigascene.plan_compose("swir2nirg", scene, target)
    with pytest.raises(gigascene.GigasceneError, match="cannot be resumed"):
        gigascene.run(other, resume=True)
    assert victims(plan=str(plan), resume=True) == 0
    assert contents(target) == whole


BEFORE_AND_AFTER = {
    "png over png of another grid": ((".png", "png", "ndvi"), ("png", "pan-sharpened")),
    "png over png of the same grid": ((".png", "png", "ndvi"), ("png", "true-color")),
    "figure over png": ((".png", "png", "ndvi"), ("figure", "pan-sharpened")),
    "png over figure": ((".png", "figure", "ndvi"), ("png", "pan-sharpened")),
    "jpeg": ((".jpg", "jpeg", "true-color"), ("jpeg", "pan-sharpened")),
    "pam": ((".ppm", "pam", "true-color"), ("pam", "pan-sharpened")),
    "cog": ((".tif", "cog", "true-color"), ("cog", "pan-sharpened")),
}
"""Suffix, writer and product of the picture that is there; writer and product of the one that takes its place."""

TOLD = (".receipt.json", ".stac.json")


SLOW = {"figure over png"}
"""Drawn anew after every kill."""


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in BEFORE_AND_AFTER]
)
def change(request, small_scene, tmp_path):
    """Two pictures of one path, each with all that lies beside it: as dicts of bytes by name; and the plan of the second."""
    (suffix, old, product), (new, other) = BEFORE_AND_AFTER[request.param]
    target = tmp_path / "out" / f"picture{suffix}"
    target.parent.mkdir()
    gigascene.compose(product, small_scene, target, writer=old)
    before = beside(target)
    options = {"dpi": 40, "size_in": 4} if new == "figure" else {}
    plan = gigascene.plan_compose(other, small_scene, target, writer=new, options=options)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    gigascene.run(gigascene.load_plan(tmp_path / "plan.json"))
    return target, before, beside(target), tmp_path / "plan.json"


def beside(target: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in target.parent.iterdir() if not path.name.startswith(".")}


def as_it_is_read(files: dict[str, bytes]) -> dict[str, bytes]:
    """The picture and the files that change how it is read."""
    return {name: data for name, data in files.items() if not name.endswith(TOLD)}


def test_killed_while_it_takes_its_place(change, victims):
    """At every step: the old picture with its own side files, the new one with its own, or none; and no false witness."""
    target, before, after, plan = change
    same_place = {n: d for n, d in before.items() if n != target.name and not n.endswith(TOLD)} == {
        n: d for n, d in after.items() if n != target.name and not n.endswith(TOLD)
    }
    seen = set()
    for step in range(100):
        clean(target)
        for name, data in before.items():
            (target.parent / name).write_bytes(data)
        status = victims(plan=str(plan), step=step)
        found = beside(target)
        if target.exists():
            whole = next(whole for whole in (before, after) if whole[target.name] == found[target.name])
            assert as_it_is_read(found) == as_it_is_read(whole), f"step {step}"
            if f"{target.name}.receipt.json" in found:
                assert gigascene.verify(target).state == "whole", f"step {step}"
            if (item := f"{target.name}.stac.json") in found:
                assert found[item] == whole.get(item), f"step {step}"
        seen.add("old" if found.get(target.name) == before[target.name] else "new" if target.exists() else "nothing")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        if step % 3:
            continue
        assert victims(plan=str(plan), resume=True) == 0
        assert as_it_is_read(beside(target)) == as_it_is_read(after)
        assert gigascene.verify(target).state == "whole"
        assert not [path for path in target.parent.iterdir() if path.name.startswith(".")], f"step {step}"
    assert status == 0, "it never came to an end"
    assert {"old", "new"} <= seen
    assert ("nothing" not in seen) or not same_place, "a picture with the same side files is replaced in one step"
