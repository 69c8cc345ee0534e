"""An input's server that falls silent in the middle costs no finished work."""

from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from gigascene.execute import coordinate
from gigascene.model.errors import TaskFailed, WorkersLost
from gigascene.readers.window import forget as closed
from gigascene.storage import _requests
from range_server import forget, serving
from serve.pictures import geotiff, noise


@pytest.fixture
def raster(tmp_path, monkeypatch):
    """A GeoTIFF in many blocks behind HTTP: its address, and the server's files."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    monkeypatch.setattr(_requests, "WAIT_S", 0.01)
    forget()
    geotiff(tmp_path / "a.tif", noise((1500, 1200)), tiled=True, blockxsize=256, blockysize=256)
    with serving() as (url, files):
        files.files["/a.tif"] = (tmp_path / "a.tif").read_bytes()
        yield f"{url}/a.tif", files
    forget()


def small_tasks(plan):
    return replace(
        plan, cut=replace(plan.cut, task_pieces=1, window_rows=64), execution=replace(plan.execution, workers=1)
    )


def test_what_is_finished_is_kept_and_gone_on_with(raster, tmp_path):
    href, files = raster
    plan = small_tasks(gigascene.plan_convert(href, tmp_path / "out.tif", options={"tile": 64}, engine="serial"))
    whole = small_tasks(gigascene.plan_convert(href, tmp_path / "whole.tif", options={"tile": 64}, engine="serial"))
    gigascene.run(whole)

    def silent(progress):
        if progress.pieces > 1:
            files.failing["/a.tif"] = [503] * 1000
            closed()  # and what was read ahead
            forget()

    with pytest.raises(TaskFailed, match=r"HTTP 503.*Try again later") as caught:
        gigascene.run(plan, watch=silent)
    assert caught.value.args[3] == 4
    files.failing.clear()
    forget()
    assert gigascene.run(plan, resume=True).resumed > 1
    assert Path(plan.target).read_bytes() == Path(whole.target).read_bytes()


def test_all_pieces_there_and_not_committed_need_nobody(tmp_path, monkeypatch):
    """Killed behind the last piece: whoever goes on asks no engine."""
    geotiff(tmp_path / "a.tif", noise((300, 200)))
    plan = gigascene.plan_convert(tmp_path / "a.tif", tmp_path / "out.tif", options={"tile": 64}, engine="serial")
    looked, real = [], coordinate.check_inputs

    def lost_at_the_end(plan):
        looked.append(plan)
        if len(looked) == 2:
            raise WorkersLost("as if killed")
        real(plan)

    monkeypatch.setattr(coordinate, "check_inputs", lost_at_the_end)
    with pytest.raises(WorkersLost):
        gigascene.run(plan)
    monkeypatch.setattr(coordinate, "Job", None)
    receipt = gigascene.run(plan, resume=True)
    assert receipt.resumed == receipt.pieces
    assert gigascene.verify(plan.target).state == "whole"
