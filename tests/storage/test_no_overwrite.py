"""What is there already stays, where that was asked: told before any work, and at the last step too."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from cli.shell import spoken
from gigascene.model.errors import WriteFailed
from gigascene.storage.local import Target


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dzi", "tiles/"])
def test_told_before_any_work(name, small_scene, tmp_path):
    target = f"{tmp_path}/{name}"
    gigascene.compose("true-color", small_scene, target, overwrite=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for call in (gigascene.plan_compose, gigascene.compose):
        with pytest.raises(WriteFailed, match="it is there already"):
            call("ndvi", small_scene, target, overwrite=False)
    plan = gigascene.plan_compose("ndvi", small_scene, target)
    with pytest.raises(WriteFailed, match="it is there already"):
        gigascene.run(replace(plan, execution=replace(plan.execution, overwrite=False)))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    gigascene.compose("ndvi", small_scene, target)  # it is the word alone that keeps it


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dzi", "tiles/"])
def test_what_comes_meanwhile_stays(name, small_scene, tmp_path):
    target = tmp_path / name

    def watch(_):
        if name == "tiles/":
            target.mkdir(exist_ok=True)
            (target / "mine").write_text("mine")
        else:
            target.write_text("mine")

    with pytest.raises(WriteFailed, match="it is there already"):
        gigascene.compose("true-color", small_scene, f"{tmp_path}/{name}", overwrite=False, watch=watch)
    assert (target / "mine" if target.is_dir() else target).read_text() == "mine"
    assert not list(tmp_path.glob("*.receipt.json"))


def test_between_the_last_look_and_the_name(tmp_path, monkeypatch):
    target = Target(tmp_path / "a", keep=True)
    (tmp_path / "new").write_text("new")
    monkeypatch.setattr(Target, "check_free", lambda _: (tmp_path / "a").write_text("mine"))
    with pytest.raises(WriteFailed, match="it is there already"):
        target.commit(tmp_path / "new")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_plan_keeps_the_promise(small_scene, tmp_path, capsys, monkeypatch):
    plan, picture = tmp_path / "plan.json", tmp_path / "a.png"
    words = ["compose", "true-color", small_scene, "-o", picture]
    assert spoken(capsys, monkeypatch, "plan", *words, "--no-overwrite", "--save", plan).code == 0
    assert json.loads(plan.read_text())["execution"]["overwrite"] is False
    assert spoken(capsys, monkeypatch, "run", plan).code == 0
    for again in (["run", plan], [*words, "--no-overwrite"], ["run", plan, "--workers", "1"]):
        said = spoken(capsys, monkeypatch, *again)
        assert (said.code, "it is there already" in said.err) == (5, True)
    assert spoken(capsys, monkeypatch, *words, "--quiet").code == 0


def test_a_plan_of_before(small_scene, tmp_path):
    """One that says nothing of it replaces, as it did."""
    plan = tmp_path / "plan.json"
    gigascene.save_plan(gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png"), plan)
    told = json.loads(plan.read_text())
    del told["execution"]["overwrite"]
    plan.write_text(json.dumps(told))
    Path(tmp_path / "a.png").write_text("former")
    gigascene.run(gigascene.load_plan(plan))
