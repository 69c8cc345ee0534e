"""The offset referee: never a wrong verdict, whatever lies below, in either state; the right one where darkness is known."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from gigascene.sensors._offset_referee import judged
from where import DATA, needs_data

SIDE = 160
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")

SURFACES = {
    # reflectance in BANDS, spread between pixels, class of the scene classification
    "clear ocean": ((0.025, 0.012, 0.005, 0.003, 0.002, 0.001), 0.10, 6),
    "turbid water": ((0.06, 0.10, 0.09, 0.04, 0.008, 0.004), 0.20, 6),
    "glint, weak": ((0.06, 0.05, 0.045, 0.042, 0.040, 0.035), 0.25, 6),
    "glint, strong": ((0.13, 0.12, 0.11, 0.105, 0.10, 0.09), 0.20, 6),
    "glint, as high as the offset": ((0.10, 0.10, 0.10, 0.10, 0.10, 0.10), 0.15, 6),
    "rain forest": ((0.015, 0.035, 0.018, 0.30, 0.14, 0.055), 0.12, 4),
    "conifers": ((0.012, 0.022, 0.014, 0.20, 0.09, 0.04), 0.15, 4),
    "crop": ((0.03, 0.06, 0.035, 0.45, 0.20, 0.10), 0.12, 4),
    "dry savanna": ((0.06, 0.09, 0.12, 0.22, 0.32, 0.24), 0.15, 5),
    "bare soil": ((0.08, 0.11, 0.15, 0.22, 0.30, 0.26), 0.15, 5),
    "sand desert": ((0.14, 0.22, 0.32, 0.40, 0.48, 0.44), 0.08, 5),
    "stony desert": ((0.10, 0.13, 0.17, 0.21, 0.26, 0.25), 0.10, 5),
    "dark desert": ((0.10, 0.11, 0.12, 0.13, 0.14, 0.14), 0.10, 5),
    "salt flat": ((0.40, 0.45, 0.48, 0.50, 0.35, 0.20), 0.06, 5),
    "lava": ((0.05, 0.055, 0.06, 0.07, 0.09, 0.09), 0.20, 5),
    "grey lava as high as the offset": ((0.10, 0.10, 0.10, 0.10, 0.10, 0.10), 0.10, 5),
    "city": ((0.10, 0.11, 0.12, 0.18, 0.20, 0.18), 0.30, 5),
    "fresh snow": ((0.90, 0.91, 0.90, 0.82, 0.12, 0.10), 0.05, 11),
    "old snow": ((0.60, 0.60, 0.58, 0.48, 0.05, 0.05), 0.10, 11),
    "glacier ice": ((0.45, 0.47, 0.44, 0.30, 0.03, 0.02), 0.12, 11),
    "blue ice": ((0.62, 0.58, 0.44, 0.20, 0.01, 0.01), 0.10, 11),
    "dark glacier ice": ((0.24, 0.25, 0.24, 0.18, 0.02, 0.015), 0.25, 5),
    "ice with debris": ((0.10, 0.12, 0.13, 0.14, 0.12, 0.10), 0.30, 5),
    "melt ponds": ((0.34, 0.28, 0.14, 0.06, 0.008, 0.006), 0.25, 11),
    "dark melt ponds": ((0.18, 0.14, 0.09, 0.05, 0.008, 0.006), 0.20, 6),
    "nilas": ((0.10, 0.09, 0.08, 0.06, 0.01, 0.008), 0.20, 6),
    "pack ice": ((0.70, 0.70, 0.68, 0.60, 0.06, 0.05), 0.30, 11),
    "frost on forest": ((0.16, 0.15, 0.14, 0.22, 0.10, 0.07), 0.25, 11),
    "snow in shade": ((0.28, 0.22, 0.17, 0.12, 0.012, 0.01), 0.20, 2),
    "thick cloud": ((0.62, 0.60, 0.62, 0.65, 0.45, 0.35), 0.12, 9),
    "thin cloud over ocean": ((0.13, 0.12, 0.11, 0.11, 0.09, 0.08), 0.20, 10),
    "thin cloud over forest": ((0.12, 0.13, 0.12, 0.38, 0.20, 0.13), 0.20, 10),
    "even cloud deck, dim": ((0.25, 0.25, 0.25, 0.26, 0.20, 0.16), 0.04, 8),
    "smoke over forest": ((0.13, 0.12, 0.09, 0.32, 0.15, 0.06), 0.20, 4),
    "haze over sea": ((0.11, 0.09, 0.075, 0.06, 0.03, 0.02), 0.12, 6),
    "hill shade": ((0.02, 0.02, 0.02, 0.06, 0.04, 0.03), 0.30, 2),
}
"""Typical values of spectral libraries, of the field's textbooks and of scenes."""

DARK = {"clear ocean", "turbid water", "rain forest", "conifers", "crop", "hill shade"}
"""Where darkness is known, one of the states must be found."""


def scene(cover, seed=1, *, low=1.0, negative=0.0):
    """Reflectance of every band, and the classes: patches of surfaces under an uneven light.

    `low` is how much darker a low sun makes it; `negative` the error of an over-corrected blue.
    """
    rng = np.random.default_rng(seed)
    names = list(cover)
    weights = np.array([cover[name] for name in names], float)
    place = np.kron(rng.choice(len(names), (SIDE // 8, SIDE // 8), p=weights / weights.sum()), np.ones((8, 8), int))
    spread = np.array([SURFACES[name][1] for name in names])[place]
    light = low * np.clip(1 + spread * rng.standard_normal((SIDE, SIDE)), 0.2, 3)
    bands = {}
    for number, key in enumerate(BANDS):
        value = np.array([SURFACES[name][0][number] for name in names])[place] * light
        value = value + 0.002 * rng.standard_normal((SIDE, SIDE))
        bands[key] = value - (negative if key == "B02" else 0)
    return bands, np.array([SURFACES[name][2] for name in names], np.uint8)[place]


def stored(bands, state):
    """Numbers in a state; below the smallest they are 1, as processors write them."""
    shift = 1000 if state == "raw" else 0
    return {key: np.clip(np.rint(value * 10000) + shift, 1, 65534).astype(np.uint16) for key, value in bands.items()}


KEPT = [BANDS, ("B02", "B03", "B04"), ("B04", "B08", "B11"), ("B02", "B03", "B04", "B08"), ("B03", "B04", "B12")]


def wrong(cover, **how):
    """Verdicts that are wrong, over both states, all sets of bands, with and without classes."""
    bands, classes = scene(cover, **how)
    for state in ("raw", "applied"):
        numbers = stored(bands, state)
        for keys in KEPT:
            for told in (None, classes):
                verdict = judged({key: numbers[key] for key in keys}, told)
                if verdict.state not in {state, "undecided"}:
                    yield state, keys, told is not None, verdict


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_single_surface_is_judged_wrong(name, seed):
    assert list(wrong({name: 1}, seed=seed)) == []


@pytest.mark.parametrize("name", SURFACES)
def test_nor_under_a_low_sun_or_after_too_much_correction(name):
    assert list(wrong({name: 1}, low=0.5)) == []
    assert list(wrong({name: 1}, negative=0.02)) == []


@given(
    st.dictionaries(st.sampled_from(sorted(SURFACES)), st.integers(1, 20), min_size=1, max_size=5), st.integers(0, 99)
)
def test_nor_is_any_mixture(cover, seed):
    assert list(wrong(cover, seed=seed)) == []


@pytest.mark.parametrize("dark", sorted(DARK - {"turbid water"}))
@pytest.mark.parametrize("other", ["thick cloud", "sand desert", "fresh snow", "bare soil"])
def test_a_little_darkness_is_enough(dark, other):
    bands, classes = scene({dark: 1, other: 4})
    assert judged(stored(bands, "applied"), classes).state == "applied"
    if dark not in {"conifers", "hill shade"}:  # their near infrared is too low for either kind of known darkness
        assert judged(stored(bands, "raw"), classes).state == "raw"


@pytest.mark.parametrize("name", ["fresh snow", "thick cloud", "sand desert", "even cloud deck, dim", "salt flat"])
@pytest.mark.parametrize("state", ["raw", "applied"])
def test_where_nothing_is_dark_nothing_is_said(name, state):
    bands, classes = scene({name: 1})
    verdict = judged(stored(bands, state), classes)
    assert verdict.state == "undecided"
    assert verdict.why


def test_edges_where_only_some_bands_have_data_are_not_darkness():
    bands, classes = scene({"sand desert": 1})
    numbers = stored(bands, "raw")
    for number, key in enumerate(BANDS):
        numbers[key][:, : 10 + 3 * number] = 0
    assert judged(numbers, classes).state == "undecided"


def test_pixels_mixed_with_missing_ones_are_not_darkness():
    """As a reduced picture has them along the edge of a swath, here a long one."""
    bands, classes = scene({"sand desert": 1})
    numbers = stored(bands, "raw")
    for array in numbers.values():
        array[:, ::20] = 0
        array[:, 1::20] = array[:, 1::20] // 4
    assert judged(numbers, classes).state == "undecided"


def test_saturated_pixels_and_few_pixels_say_nothing():
    bands, _ = scene({"rain forest": 1})
    numbers = stored(bands, "applied")
    for array in numbers.values():
        array[:, 1:] = 65535
    assert judged(numbers).state == "undecided"
    assert judged({key: np.zeros((SIDE, SIDE), np.uint16) for key in BANDS}).state == "undecided"
    assert judged({"B02": numbers["B02"], "B03": numbers["B03"]}).why.startswith("fewer than three bands")


# Real pixels: T29UNU, baseline 04.00, of which the offset is known to be in


def real():
    folder = next((DATA / "sentinel2").glob("S2A_MSIL2A_20221005*/GRANULE/*/IMG_DATA/R60m"))

    def read(key):
        with rasterio.open(next(folder.glob(f"*_{key}_60m.jp2"))) as source:
            return source.read(1, out_shape=(384, 384))

    return {key: read(key) for key in ("B02", "B03", "B04", "B8A")}, read("SCL")


def subtracted(raw):
    return {
        key: np.where(dn > 0, np.clip(dn.astype(int) - 1000, 1, None), 0).astype(np.uint16) for key, dn in raw.items()
    }


@needs_data
def test_real_pixels_in_both_states():
    raw, classes = real()
    for numbers, state in ((raw, "raw"), (subtracted(raw), "applied")):
        for told in (None, classes):
            assert judged(numbers, told).state == state
        assert judged({key: numbers[key] for key in ("B02", "B03", "B04")}, classes).state == state


@needs_data
@pytest.mark.parametrize("kind", range(2, 11))
def test_no_class_of_real_pixels_is_judged_wrong(kind):
    raw, classes = real()
    for numbers, state in ((raw, "raw"), (subtracted(raw), "applied")):
        alone = {key: np.where(classes == kind, dn, 0).astype(np.uint16) for key, dn in numbers.items()}
        assert judged(alone).state in {state, "undecided"}


@needs_data
@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("column", range(4))
def test_no_part_of_real_pixels_is_judged_wrong(row, column):
    raw, classes = real()
    part = np.s_[row * 96 : row * 96 + 96, column * 96 : column * 96 + 96]
    for numbers, state in ((raw, "raw"), (subtracted(raw), "applied")):
        for told in (None, classes[part]):
            assert judged({key: dn[part] for key, dn in numbers.items()}, told).state in {state, "undecided"}
