"""Runs that meet: on one target, over an older picture, with inputs that are no longer what they were."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

import gigascene
from cli.shell import band, spoken
from gigascene.execute import receipt as receipts
from gigascene.model import wire
from gigascene.model.errors import Stopped, WriteFailed
from gigascene.plan.fingerprint import fingerprint, identity
from gigascene.storage.local import locked


def test_a_second_run_is_told(tmp_path):
    with locked(tmp_path / "a.part"), pytest.raises(WriteFailed, match="another run"), locked(tmp_path / "a.part"):
        pass


def test_a_body_that_became_the_file_is_not_written_again(tmp_path, monkeypatch):
    """The second run opened the body, then the first one finished: what is open now is the finished file."""
    import fcntl

    part, target = tmp_path / ".a.png.part", tmp_path / "a.png"
    part.write_bytes(b"finished")
    flock, met = fcntl.flock, []

    def late(handle, how):
        if not met:
            met.append(part.rename(target))
        return flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(part) as body:
        body.truncate(0)
        body.write(b"anew")
    assert target.read_bytes() == b"finished"
    assert part.read_bytes() == b"anew"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_run_is_alone_until_its_receipt_is_there(small_scene, tmp_path, monkeypatch, suffix):
    """The picture has its name, and what tells of it is not written yet: a second run would write what the first then clears away."""
    target, met = tmp_path / f"a{suffix}", []
    write = receipts.write

    def meanwhile(*args):
        assert target.exists()
        with pytest.raises(WriteFailed, match="another run"):
            gigascene.compose("swir2nirg", small_scene, target)
        met.append(target)
        write(*args)

    monkeypatch.setattr(receipts, "write", meanwhile)
    gigascene.compose("true-color", small_scene, target)
    assert met
    assert gigascene.verify(target).holds
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_decides_pixels_decides_identity(small_scene, tmp_path):
    plan = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", mask=("clouds",))
    scene = plan.scenes[0]
    red = scene.assets["B4"]
    brighter = replace(red.calibrations["reflectance"], offset=0.1)
    changed = [
        replace(scene, assets={**scene.assets, "B4": replace(red, calibrations={"reflectance": brighter})}),
        replace(scene, assets={**scene.assets, "B4": replace(red, nodata=7)}),
        replace(scene, assets={**scene.assets, "B4": replace(red, index=2)}),
        replace(scene, masks={"clouds": scene.masks["clouds"].__class__(asset="QA_PIXEL", flags=())}),
    ]
    for other in changed:
        assert identity(replace(plan, scenes=(other,))) != identity(plan)
        assert fingerprint(replace(plan, scenes=(other,))) != fingerprint(plan)


def test_a_crs_that_is_merely_like_a_code_stays_what_it_is():
    like = GeoBox((3, 4), Affine(1, 0, 0, 0, -1, 0), "+proj=utm +zone=26 +datum=WGS84 +units=m +no_defs")
    found = wire.from_wire(GeoBox, wire.to_wire(like))
    assert found.crs.to_wkt() == like.crs.to_wkt()


def test_a_figure_is_not_placed_by_the_picture_before_it(small_scene, tmp_path):
    target = tmp_path / "a.png"
    gigascene.compose("ndvi", small_scene, target)
    assert (tmp_path / "a.pgw").exists()
    gigascene.compose("ndvi", small_scene, target, writer="figure")
    assert not (tmp_path / "a.pgw").exists()
    assert not (tmp_path / "a.png.aux.xml").exists()


def test_an_input_that_changes_while_it_is_read_makes_no_picture(small_scene, tmp_path):
    folder = tmp_path / small_scene.name
    shutil.copytree(small_scene, folder)
    target = tmp_path / "a.png"
    plan = gigascene.plan_compose("true-color", folder, target)
    band = next(folder.glob("*_B4.TIF"))

    def meanwhile(progress):
        os.utime(band, ns=(1, 1))

    with pytest.raises(gigascene.BadInput, match="has changed"):
        gigascene.run(plan, watch=meanwhile)
    assert not target.exists()


def stopped(progress):
    raise Stopped(2, "stopped by the test")


@pytest.mark.parametrize("product", ["true-color", "ndvi"])
def test_a_resume_after_an_input_changed_names_it(product, small_scene, tmp_path, capsys, monkeypatch):
    """Planned anew, with other measured limits or the same: not the plan is another, a file is."""
    folder = Path(shutil.copytree(small_scene, tmp_path / small_scene.name))
    target = tmp_path / "a.png"
    with pytest.raises(Stopped):
        gigascene.compose(product, folder, target, watch=stopped)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert ".a.png.journal" in kept
    changed = band(folder, "B4")
    with rasterio.open(changed, "r+") as source:
        source.write(source.read(1) // 2, 1)
    os.utime(changed, ns=(1, 1))
    said = spoken(capsys, monkeypatch, "compose", product, folder, "-o", target, "--resume")
    assert said.code == 4, said
    for word in (changed.name, "band B4", "has changed since", "without --resume"):
        assert word in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    assert spoken(capsys, monkeypatch, "compose", product, folder, "-o", target).code == 0


def test_a_resume_of_another_recipe_is_another_plan(small_scene, tmp_path, capsys, monkeypatch):
    with pytest.raises(Stopped):
        gigascene.compose("true-color", small_scene, tmp_path / "a.png", watch=stopped)
    words = ("compose", "true-color", small_scene, "-o", tmp_path / "a.png")
    said = spoken(capsys, monkeypatch, *words, "--gamma", "1.5", "--resume")
    assert (said.code, "another plan" in said.err) == (2, True), said
    assert spoken(capsys, monkeypatch, *words, "--resume").code == 0
