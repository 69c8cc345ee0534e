"""What is measured once: the same for any workers, engine and memory; and plans survive being written down."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import gigascene
from gigascene.model import wire
from gigascene.model.plan import Plan
from gigascene.plan import survey
from gigascene.plan.build import Wish, gathered
from gigascene.plan.fingerprint import fingerprint


def numbers(plan):
    """All that was measured."""
    recipe = plan.recipe
    return (
        [(pair.low, pair.high) for pair in recipe.look.limits],
        dict(recipe.maxima),
        [row.tobytes() for row in recipe.tone.thresholds],
    )


@pytest.fixture
def scarce(monkeypatch):
    """A sample that has enough after a part of the test's small scene."""
    monkeypatch.setattr(survey, "ENOUGH", 150_000)


WISHES = [("true-color", {}), ("pan-sharpened", {}), ("ndvi", {"curve": "equalize"}), ("temperature", {})]


@pytest.mark.parametrize(("product", "wishes"), WISHES)
def test_a_sample_is_the_same_for_any_workers_engine_and_memory(product, wishes, scene, tmp_path, scarce):
    def planned(**execution):
        return numbers(gigascene.plan_compose(product, scene, tmp_path / "a.png", **wishes, **execution))

    one = planned(workers=1, engine="serial")
    assert one == planned(workers=3)
    assert one == planned(workers=8, memory="6G")
    assert one == planned(workers=2, engine="processes", memory="3G")


def test_a_sample_stops_when_it_is_enough(scene, tmp_path, scarce, monkeypatch):
    seen = []
    stored = survey.Gather.stored
    monkeypatch.setattr(survey.Gather, "stored", lambda self, window: seen.append(window) or stored(self, window))
    gigascene.plan_compose("true-color", scene, tmp_path / "a.png", workers=2)
    pixels = sum(window.height * window.width for window in seen)
    assert 150_000 <= pixels < 1500 * 1100
    seen.clear()
    gigascene.plan_compose("true-color", scene, tmp_path / "a.png", survey="exact", workers=2)
    assert sum(window.height * window.width for window in seen) == 1500 * 1100


def test_exact_counts_every_valid_pixel_once(scene):
    found = gigascene.histogram(scene, ("red",), units="dn", mode="exact").channels[0]
    with rasterio.open(next(scene.glob("*_B4.TIF"))) as source:
        dn = source.read(1)
    assert np.array_equal(found.counts[1:], np.bincount(dn.ravel(), minlength=65_536)[1:])
    assert found.counts[0] == 0


def test_a_sample_is_near_the_truth(scene, tmp_path, scarce):
    sample = gigascene.plan_compose("true-color", scene, tmp_path / "a.png").recipe.look.limits
    exact = gigascene.plan_compose("true-color", scene, tmp_path / "a.png", survey="exact").recipe.look.limits
    assert sample != exact
    for some, all_ in zip(sample, exact, strict=True):
        assert abs(some.low - all_.low) < 0.1
        assert abs(some.high - all_.high) < 0.3


@pytest.mark.parametrize("mode", ["sample", "exact"])
@pytest.mark.parametrize(
    ("block", "shape"), [((512, 512), (1500, 1100)), ((1, 1100), (700, 1100)), ((16, 64), (300, 257))]
)
def test_cells_are_whole_blocks_and_cover_the_scene_once(mode, block, shape):
    covered = np.zeros(shape, np.int64)
    for window in survey.cells(block, shape, mode):
        assert window.top % block[0] == window.left % block[1] == 0
        assert window.bottom % block[0] == 0 or window.bottom == shape[0]
        assert window.right % block[1] == 0 or window.right == shape[1]
        covered[window.top : window.bottom, window.left : window.right] += 1
    assert (covered == 1).all()


def test_the_sample_is_spread_over_the_scene():
    """The first tenth of the cells has some in every quarter."""
    cells = survey.cells((256, 256), (256 * 40, 256 * 40), "sample")[:160]
    quarters = {(window.top >= 5120, window.left >= 5120) for window in cells}
    assert len(quarters) == 4
    assert cells != sorted(cells, key=lambda window: (window.top, window.left))


PLANS = [
    ("true-color", "a.png", {}),
    ("pan-sharpened", "a.tif", {"depth": 16, "mask": ("clouds", "snow")}),
    ("ndvi", "a.jpg", {"options": {"quality": 55}}),
    ("rgb", "a.pam", {"bands": ("swir16", "B5", "coastal"), "packing": "document", "gamma": (1.0, 1.5, 0.7)}),
    ("temperature", "a.tif", {"stretch": "250:290", "palette": "ice", "units": "default"}),
]


@pytest.mark.parametrize(("product", "name", "wishes"), PLANS)
def test_a_plan_survives_being_written_down(product, name, wishes, small_scene, tmp_path):
    plan = gigascene.plan_compose(product, small_scene, tmp_path / name, **wishes)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    again = gigascene.load_plan(tmp_path / "plan.json")
    assert wire.dumps(again) == wire.dumps(plan)
    assert numbers(again) == numbers(plan)
    assert again.format.geobox == plan.format.geobox
    assert (again.format.shape, again.cut, again.execution, again.target) == (
        plan.format.shape, plan.cut, plan.execution, plan.target,
    )  # fmt: skip
    assert again.scenes[0].assets == plan.scenes[0].assets
    assert json.loads((tmp_path / "plan.json").read_text())["recipe"]["product"] == product


@pytest.mark.parametrize(("product", "name", "wishes"), PLANS)
def test_a_plan_that_was_written_down_makes_the_same_bytes(product, name, wishes, small_scene, tmp_path):
    plan = gigascene.plan_compose(product, small_scene, tmp_path / name, **wishes)
    gigascene.run(plan)
    before = (tmp_path / name).read_bytes()
    gigascene.run(wire.loads(Plan, wire.dumps(plan)))
    assert (tmp_path / name).read_bytes() == before


def test_other_levels_are_another_fingerprint(small_scene, tmp_path):
    """One threshold, one float32 away: a picture that differs must not bear the same name."""
    plan = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="0:0.3")
    first, *others = plan.recipe.tone.thresholds
    moved = first.copy()
    moved[100] = np.nextafter(moved[100], np.float32(np.inf))
    tone = replace(plan.recipe.tone, thresholds=(moved, *others))
    assert fingerprint(replace(plan, recipe=replace(plan.recipe, tone=tone))) != fingerprint(plan)


def test_maxima_are_those_of_each_band_alone(scene):
    """Not only where all bands are valid."""
    gather = gathered(gigascene.open_scene(scene), Wish(product="pan-sharpened", target="", survey="exact"))
    found = gather.recipe.maxima
    for token, name in ((4, "red"), (3, "green"), (2, "blue"), (8, "pan")):
        with rasterio.open(next(scene.glob(f"*_B{token}.TIF"))) as source:
            dn = int(source.read(1).max())
        calibration = next(a for a in gather.assets if a.name == name).calibrations["reflectance"]
        assert found[name] == np.float32(calibration.scale * dn + calibration.offset)
