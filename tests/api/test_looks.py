"""Looks by name, as files, and in parts."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import gigascene
from gigascene.kernels.stretch import levels_numpy
from gigascene.model.errors import BadInput, UsageError, exit_code
from gigascene.model.look import Look
from gigascene.model.named_looks import LOOKS
from gigascene.plan.tone import tone

PRINTED = {"exoparaproc": (200, 9800), "reflectance-10000": (0, 10000)}


def pixels(path):
    with rasterio.open(path) as picture:
        return picture.read()


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("offset", [0, -1000])
@pytest.mark.parametrize("quantity", ["reflectance", "dn"])
def test_every_number_that_can_be_stored(name, offset, quantity):
    stored = np.arange(65536, dtype=np.float64)
    x = stored + offset if quantity == "reflectance" else stored
    values = (x / 10000 if quantity == "reflectance" else x).astype(np.float32)
    low, high = PRINTED[name]
    expected = np.trunc(255 * ((x - low) / (high - low)).clip(0, 1) ** 0.6)
    [thresholds] = tone(LOOKS[name].applied(Look(), quantity), "uint8", "document").thresholds
    assert np.array_equal(levels_numpy(values, thresholds, 0), expected)


@pytest.mark.parametrize("offset", [0, -1000])
def test_tci_rounds_every_number(offset):
    stored = np.arange(65536, dtype=np.float64)
    values = ((stored + offset) / 10000).astype(np.float32)
    [thresholds] = tone(LOOKS["tci"].applied(Look(), "reflectance"), "uint8", "document").thresholds
    exact = ((stored + offset) * 255 / 2500).clip(0, 255)
    levels = levels_numpy(values, thresholds, 0)
    ties = exact % 1 == 0.5  # five numbers; there the float32 of a reflectance lies on one side or the other
    assert ties.sum() == 5
    assert np.array_equal(levels[~ties], np.rint(exact[~ties]))
    assert np.array_equal(np.abs(levels - exact)[ties], [0.5] * 5)


def test_parts_of_a_named_look_can_be_replaced(small_safe, tmp_path):
    plan = gigascene.plan_compose("true-color", small_safe, tmp_path / "a.png", look="tci")
    assert plan.recipe.packing == "document"
    assert plan.format.alpha
    assert plan.recipe.look.rounding == "nearest"
    other = gigascene.plan_compose(
        "true-color", small_safe, tmp_path / "a.png", look="tci", packing="nodata", gamma=2.0, stretch="0.1:0.2"
    )
    assert other.format.nodata == 0
    assert other.recipe.look.gamma == (2.0,)
    assert [(pair.low, pair.high) for pair in other.recipe.look.limits] == [(0.1, 0.2)] * 3


def test_a_measured_look_shows_another_scene_the_same_way(small_safe, tmp_path):
    plan = gigascene.plan_compose("true-color", small_safe, tmp_path / "a.tif", stretch="2%:98%", gamma=1.4)
    gigascene.save_look(plan, tmp_path / "look.json")
    gigascene.run(plan)
    again = gigascene.plan_compose("true-color", small_safe, tmp_path / "b.tif", look=tmp_path / "look.json")
    assert again.recipe.look == plan.recipe.look
    assert again.recipe.tone.base == plan.recipe.tone.base
    gigascene.run(again)
    assert np.array_equal(pixels(tmp_path / "a.tif"), pixels(tmp_path / "b.tif"))
    other = gigascene.plan_compose(
        "rgb", small_safe, tmp_path / "c.tif", bands=["nir", "red", "green"], look=str(tmp_path / "look.json")
    )
    assert other.recipe.look.limits == plan.recipe.look.limits
    assert other.recipe.quantity == "reflectance"


def test_a_kept_look_keeps_units_packing_and_palette(small_safe, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_safe, tmp_path / "a.png", packing="document")
    gigascene.save_look(plan, tmp_path / "look.json")
    again = gigascene.plan_compose("nbr", small_safe, tmp_path / "b.png", look=tmp_path / "look.json")
    assert again.recipe.look.palette == "ndvi"
    assert again.recipe.packing == "document"
    dn = gigascene.plan_compose("true-color", small_safe, tmp_path / "c.png", units="dn", stretch="1%:99%")
    gigascene.save_look(dn, tmp_path / "dn.json")
    assert (
        gigascene.plan_compose("true-color", small_safe, tmp_path / "d.png", look=tmp_path / "dn.json").recipe.quantity
        == "dn"
    )


@pytest.mark.parametrize(
    ("product", "wishes", "words"),
    [
        ("true-color", {"look": "tcl"}, "Did you mean 'tci'"),
        ("true-color", {"look": "tci", "units": "dn"}, "the look 'tci' is one of reflectance, and this is dn"),
        ("ndvi", {"look": "tci"}, "'ndvi' is computed of them"),
    ],
)
def test_looks_that_make_no_sense(product, wishes, words, small_safe, tmp_path):
    with pytest.raises(UsageError, match=words) as caught:
        gigascene.plan_compose(product, small_safe, tmp_path / "a.png", **wishes)
    assert exit_code(caught.value) == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"look": 7}', "\xff"])
def test_files_that_are_no_look(text, small_safe, tmp_path):
    (tmp_path / "look.json").write_text(text, encoding="latin-1")
    with pytest.raises(BadInput, match=r"look\.json") as caught:
        gigascene.plan_compose("true-color", small_safe, tmp_path / "a.png", look=tmp_path / "look.json")
    assert exit_code(caught.value) == 4


def test_a_file_that_is_not_there(small_safe, tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        gigascene.plan_compose("true-color", small_safe, tmp_path / "a.png", look=tmp_path / "look.json")


def test_a_look_of_another_shape(small_safe, tmp_path):
    plan = gigascene.plan_compose("true-color", small_safe, tmp_path / "a.png", stretch="0:0.3")
    gigascene.save_look(plan, tmp_path / "look.json")
    with pytest.raises(UsageError, match="shows 3 channels, and 'ndvi' has 1"):
        gigascene.plan_compose("ndvi", small_safe, tmp_path / "b.png", look=tmp_path / "look.json")
    with pytest.raises(UsageError, match="shows reflectance, not dn"):
        gigascene.plan_compose("true-color", small_safe, tmp_path / "b.png", look=tmp_path / "look.json", units="dn")
    kept = json.loads((tmp_path / "look.json").read_text())
    kept["look"]["limits"][0]["percent"] = True
    (tmp_path / "look.json").write_text(json.dumps(kept))
    with pytest.raises(BadInput, match="limits are not numbers"):
        gigascene.plan_compose("true-color", small_safe, tmp_path / "b.png", look=tmp_path / "look.json")


def test_what_cannot_be_kept(small_safe, tmp_path):
    plan = gigascene.plan_compose("true-color", small_safe, tmp_path / "a.png", curve="equalize")
    with pytest.raises(UsageError, match="an equalised look is a whole histogram"):
        gigascene.save_look(plan, tmp_path / "look.json")
    linear = replace(plan, recipe=replace(plan.recipe, look=replace(plan.recipe.look, curve="linear")))
    with pytest.raises(UsageError, match="save the look elsewhere"):
        gigascene.save_look(linear, tmp_path / "a.png")
    with pytest.raises(UsageError, match="is an input"):
        gigascene.save_look(linear, next(small_safe.rglob("*_B04_10m.jp2")))


@pytest.mark.parametrize("wishes", [{"units": "dn"}, {"packing": "document"}, {"units": "dn", "packing": "document"}])
def test_stored_numbers_and_documents_mean_a_straight_line(wishes, small_scene, tmp_path):
    """The product's own gamma is for reflectance; limits that a document prints must give its picture."""
    plain = gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", stretch="2%:98%", **wishes)
    bright = gigascene.plan_compose(
        "true-color", small_scene, tmp_path / "a.png", stretch="2%:98%", gamma="2", **wishes
    )
    assert plain.recipe.look.gamma == (1.0,)
    assert bright.recipe.look.gamma == (2.0,)


@pytest.mark.parametrize("wrong", ["bright", "1.8;2", [None], ""])
def test_a_gamma_that_cannot_be_read(wrong, small_scene, tmp_path):
    with pytest.raises(UsageError, match="gamma"):
        gigascene.plan_compose("true-color", small_scene, tmp_path / "a.png", gamma=wrong)
