"""Levels: compiled kernels against NumPy, tables against thresholds, and what every stretch must keep."""

import json
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gigascene.kernels import calibrate, histogram, stretch
from gigascene.model.scene import Calibration
from kernels import portable

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
FLOATS = st.floats(-1e6, 1e6, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38])
IMAGES = hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 11)), elements=FLOATS)
STEPS = st.sampled_from([1, 2, 254, 255, 1000])


@st.composite
def limits(draw):
    """A pair that float32 can tell apart."""
    low = draw(st.floats(-1e4, 1e4))
    return low, low + draw(st.floats(1e-3, 1e4))


GAMMAS = st.floats(0.05, 20)


def printed(values, low, high, gamma, steps):
    """1 + rint(steps * s), the formula that users read, as they would write it."""
    s = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    return 1 + np.rint(steps * s ** (1 / gamma))


def near(thresholds, low, high, share):
    """The awkward values: every threshold and its float32 neighbours, the limits, and some in between."""
    with np.errstate(under="ignore"):
        below, above = (np.nextafter(thresholds, np.float32(to)) for to in (-np.inf, np.inf))
    others = [0.0, low, high, *(low + one * (high - low) for one in share)]
    return np.concatenate([below, thresholds, above, np.float32(others), np.float32([-3e38, 3e38, -np.inf, np.inf])])


@QUICK
@given(IMAGES, hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32)), st.integers(0, 1))
def test_levels_twins_agree(values, thresholds, base):
    thresholds = np.sort(thresholds)
    picture = np.full((*values.shape, 3), 7, np.uint16)
    stretch.levels(values, thresholds, base, picture[..., 1])
    assert np.array_equal(picture[..., 1], stretch.levels_numpy(values, thresholds, base, "uint16"))
    assert (picture[..., [0, 2]] == 7).all()


@QUICK
@given(IMAGES, hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)))
def test_levels_are_a_count(values, thresholds):
    """Against the words of the definition, threshold by threshold."""
    thresholds = np.sort(thresholds)
    found = stretch.levels_numpy(values, thresholds, 1)
    for v, level in zip(values.flat, found.flat, strict=True):
        want = 0 if np.isnan(v) else 1 + sum(bool(t <= v) for t in thresholds)
        assert level == want


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([np.uint8, np.uint16]), st.booleans())
def test_look_up_twins_agree(seed, bands, dtype, wide):
    rng = np.random.default_rng(seed)
    size = 1 << 8 * np.dtype(dtype).itemsize
    stored = rng.integers(0, size, (bands, 5, 7)).astype(dtype)
    valid = rng.random((5, 7)) < 0.7
    tables = rng.integers(0, 256, (bands, size)).astype(np.uint8)
    ours, theirs = (np.full((5, 7, bands + wide), 9, np.uint8) for _ in range(2))
    stretch.look_up(stored, valid, tables, ours)
    stretch.look_up_numpy(stored, valid, tables, theirs)
    assert np.array_equal(ours, theirs)
    for band in range(bands):
        want = [tables[band, s] if v else 0 for s, v in zip(stored[band].flat, valid.flat, strict=True)]
        assert ours[..., band].ravel().tolist() == want
    if wide:
        assert (ours[..., -1] == 9).all()


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([np.uint8, np.uint16, np.int16]))
def test_all_present_is_where_no_band_is_nodata(seed, bands, dtype):
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 4, (bands, 6, 5)).astype(dtype)
    nodata = rng.choice([-(1 << 40), 0, 1, 3], bands).astype(np.int64)
    want = np.all([band.astype(np.int64) != number for band, number in zip(stored, nodata, strict=True)], axis=0)
    assert np.array_equal(stretch.all_present(stored, nodata), want)


PACKINGS = st.sampled_from(["nodata", "document"])


@QUICK
@given(limits(), GAMMAS, STEPS, st.sampled_from(["linear", "sigmoid"]), PACKINGS, st.floats(0.1, 30))
def test_thresholds_ascend_within_the_limits(pair, gamma, steps, curve, packing, contrast):
    low, high = pair
    found = {
        "linear": lambda: stretch.linear(steps, low, high, gamma, packing),
        "sigmoid": lambda: stretch.sigmoid(steps, low, high, contrast, gamma, packing),
    }[curve]()
    assert (found.dtype, found.shape) == (np.float32, (steps,))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert found[0] >= np.nextafter(np.float32(low), np.float32(-np.inf))
    assert found[-1] <= np.nextafter(np.float32(high), np.float32(np.inf))


SHARES = st.lists(st.floats(-0.2, 1.2), min_size=1, max_size=30)


@QUICK
@given(limits(), st.just(1.0) | GAMMAS, SHARES, st.sampled_from([1, 2, 254, 65_534]))
def test_linear_is_the_printed_formula(pair, gamma, shares, steps):
    """At every threshold and its neighbours too: no value is a level off, and no tolerance is needed."""
    thresholds = stretch.linear(steps, *pair, gamma)
    values = near(thresholds, *pair, shares)
    found = stretch.levels_numpy(values, thresholds, 1, "uint16")
    assert np.array_equal(found, printed(values, *pair, gamma, steps))


@pytest.mark.parametrize("steps", [254, 65_534])
@pytest.mark.parametrize("exponent", [-130, -3, 0, 5])
@pytest.mark.parametrize("shift", [0, 1, -7])
def test_exact_ties_go_to_even(steps, exponent, shift):
    """Limits at which (k + 1/2) / steps is a float32, and nothing is rounded on the way but the tie itself."""
    unit = Fraction(2) ** exponent
    low, high = float(shift * unit), float((shift + steps) * unit)
    ties = [Fraction(2 * k + 1, 2) for k in range(steps)]
    values = np.array([float((shift + tie) * unit) for tie in ties])
    assert np.array_equal(values.astype(np.float32), values), "these are no float32 numbers"
    found = stretch.levels_numpy(values.astype(np.float32), stretch.linear(steps, low, high), 1, "uint16")
    share = (values - low) / (high - low)
    exact = np.array([steps * Fraction(s) == tie for s, tie in zip(share.tolist(), ties, strict=True)])
    want = 1 + np.array([round(tie) for tie in ties])
    assert np.array_equal(found[exact], want[exact])
    assert np.array_equal(found, printed(values.astype(np.float32), low, high, 1.0, steps))


@pytest.mark.parametrize("steps", [254, 65_534])
def test_ties_of_a_stretch_of_stored_numbers(steps):
    """`--units dn --stretch 0:508` and the like: every other stored number is a tie."""
    numbers = np.arange(65_536, dtype=np.float32)
    low, high = 5000.0, 5000.0 + 2 * steps / (1 if steps == 254 else 4)
    thresholds = stretch.linear(steps, low, high)
    assert np.array_equal(
        stretch.levels_numpy(numbers, thresholds, 1, "uint16"), printed(numbers, low, high, 1.0, steps)
    )
    shown = (numbers > low) & (numbers < high)
    tie = (steps * ((numbers.astype(np.float64) - low) / (high - low))) % 1 == 0.5
    assert steps > 254 or (shown & tie).sum() >= 200, "nothing would be tested"


@QUICK
@given(limits(), st.just(1.0) | GAMMAS, SHARES)
def test_document_cuts_fractions_off(pair, gamma, shares):
    low, high = pair
    thresholds = stretch.linear(255, low, high, gamma, "document")
    values = near(thresholds, low, high, shares)
    n = (values.astype(np.float64).clip(low, high) - low) / (high - low)
    want = np.trunc(255 * (n if gamma == 1 else n ** (1 / gamma)))
    assert np.array_equal(stretch.levels_numpy(values, thresholds, 0), want)


@QUICK
@given(limits(), GAMMAS, SHARES)
def test_document_of_16_bits_takes_gamma_of_the_stretched_picture(pair, gamma, shares):
    low, high = pair
    thresholds = stretch.linear(65_535, low, high, gamma, "document")
    values = near(thresholds[::97], low, high, shares)
    picture = np.trunc(65_535 * ((values.astype(np.float64).clip(low, high) - low) / (high - low)))
    want = picture if gamma == 1 else np.trunc((picture / 65_535) ** (1 / gamma) * 65_535)
    assert np.array_equal(stretch.levels_numpy(values, thresholds, 0, "uint16"), want)


@QUICK
@given(limits(), st.floats(0.5, 30), st.just(1.0) | GAMMAS, SHARES)
def test_sigmoid_is_the_printed_formula(pair, contrast, gamma, shares):
    low, high = pair
    thresholds = stretch.sigmoid(254, low, high, contrast, gamma)
    values = near(thresholds, low, high, shares)
    x = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    dark, mid, bright = (1 / (1 + np.exp(-contrast * (at - 0.5))) for at in (np.zeros(1), x, np.ones(1)))
    want = 1 + 254 * np.clip((mid - dark) / (bright - dark), 0, 1) ** (1 / gamma)
    found = stretch.levels_numpy(values, thresholds, 1)
    assert (np.abs(found - want) <= 0.5 + 1e-9).all()


def test_limits_that_float32_cannot_hold():
    thresholds = stretch.linear(254, -1e300, 1e300)
    assert stretch.levels_numpy(np.float32([-np.inf, -3e38, 0, 3e38, np.inf]), thresholds, 1).tolist() == [
        1, 128, 128, 128, 255,
    ]  # fmt: skip


@st.composite
def looks(draw):
    """Thresholds of any curve for 8 bits."""
    low, high = draw(limits())
    gamma = draw(GAMMAS)
    kind = draw(st.sampled_from(["linear", "sigmoid", "document"]))
    if kind == "document":
        return stretch.linear(255, low, high, gamma, "document"), 0
    if kind == "sigmoid":
        return stretch.sigmoid(254, low, high, draw(st.floats(0.5, 20)), gamma), 1
    return stretch.linear(254, low, high, gamma), 1


@QUICK
@given(st.floats(1e-5, 2), st.floats(-200, 200), looks(), st.booleans())
def test_a_table_shows_every_stored_number_as_the_thresholds_do(scale, offset, look, thermal):
    thresholds, base = look
    planck = {"k1": 774.8853, "k2": 1321.0789} if thermal else {}
    calibration = Calibration(scale=scale, offset=offset, **planck)
    numbers = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    physical = calibrate.table(calibration, "uint16")
    table = stretch.table(physical, thresholds, base, "uint8")
    by_table = np.empty((256, 256, 1), np.uint8)
    stretch.look_up(numbers[None], np.ones((256, 256), np.bool_), table[None], by_table)
    by_threshold = np.empty((256, 256), np.uint8)
    stretch.levels(calibrate.physical(numbers, calibration), thresholds, base, by_threshold)
    assert np.array_equal(by_table[..., 0], by_threshold)


@QUICK
@given(IMAGES, limits(), GAMMAS)
def test_dark_but_valid_is_never_nodata(values, pair, gamma):
    found = stretch.levels_numpy(values, stretch.linear(254, *pair, gamma), 1)
    assert np.array_equal(found == 0, np.isnan(values))
    assert (found[values == -np.inf] == 1).all()
    assert (found[values == np.inf] == 255).all()


@QUICK
@given(IMAGES, looks())
def test_brighter_is_never_darker(values, look):
    thresholds, base = look
    order = np.sort(values[~np.isnan(values)])
    assert (np.diff(stretch.levels_numpy(order, thresholds, base).astype(int)) >= 0).all()


@QUICK
@given(limits(), st.floats(1.05, 10))
def test_gamma_above_1_brightens(pair, gamma):
    values = np.linspace(*pair, 500, dtype=np.float32)
    assume(np.unique(values).size > 100)
    plain, bright = (stretch.levels_numpy(values, stretch.linear(254, *pair, g), 1).astype(int) for g in (1, gamma))
    assert (bright >= plain).all()
    assert bright.sum() > plain.sum()


@pytest.mark.parametrize("contrast", [0.5, 5.0, 10.0, 25.0])
def test_sigmoid_is_symmetric_and_steepest_in_the_middle(contrast):
    found = stretch.sigmoid(254, 0.0, 1.0, contrast).astype(np.float64)
    np.testing.assert_allclose(found + found[::-1], 1.0, atol=3e-7)
    steps = np.diff(found)
    assert steps.argmin() in range(120, 134)
    x = found[100]
    logistic = [1 / (1 + math.exp(-contrast * (t - 0.5))) for t in (0.0, x, 1.0)]
    assert (logistic[1] - logistic[0]) / (logistic[2] - logistic[0]) == pytest.approx(100.5 / 254, abs=1e-5)


@pytest.mark.parametrize("shape", ["uniform", "normal", "bimodal", "long tail"])
def test_equalize_flattens(shape):
    rng = np.random.default_rng(4)
    pixels = {
        "uniform": rng.uniform(0, 1, 400_000),
        "normal": rng.normal(0.5, 0.08, 400_000),
        "bimodal": np.r_[rng.normal(0.1, 0.01, 300_000), rng.normal(0.8, 0.05, 100_000)],
        "long tail": rng.exponential(0.05, 400_000),
    }[shape].clip(0, 1)
    values = pixels.astype(np.float32)
    counts, starts = histogram.count_values(values, (0.0, 1.0)), histogram.bin_starts((0.0, 1.0))
    levels = stretch.levels_numpy(values, stretch.equalized(254, counts, starts), 1)
    shown = np.bincount(levels, minlength=256)[2:255] / values.size
    assert shown.max() < 1.6 / 254
    cumulative = np.cumsum(np.bincount(levels, minlength=256))[1:] / values.size
    assert np.abs(cumulative - np.arange(1, 256) / 255).max() < 0.005


def test_16_bits_have_a_level_each():
    thresholds = stretch.linear(65_534, 0.0, 1.0, 2.0)
    values = np.linspace(0, 1, 200_001, dtype=np.float32)
    found = stretch.levels_numpy(values, thresholds, 1, "uint16").astype(int)
    assert (found[0], found[-1]) == (1, 65_535)
    want = 1 + 65_534 * np.sqrt(values.astype(np.float64))
    assert np.abs(found - want).max() < 0.6


def run(code, **environment):
    """JSON that a child process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_plain_python_gives_what_compiled_code_gives():
    compiled = portable.digests()
    code = "import json; from kernels import portable; import numba; assert numba.config.DISABLE_JIT; "
    assert run(code + "print(json.dumps(portable.digests()))", NUMBA_DISABLE_JIT="1") == compiled
    assert len(set(compiled.values())) == len(compiled), "two kernels gave one result: something is empty"


def features():
    """SIMD features of this CPU that NumPy may be told to leave alone."""
    from numpy._core._multiarray_umath import __cpu_baseline__, __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name) and name not in __cpu_baseline__]


@pytest.mark.slow
def test_an_older_cpu_shows_the_same_pixels(small_scene, tmp_path):
    """NumPy without its vector code and numba for a CPU of 2008 (no AVX, no FMA): equal decoded pixels."""
    left_out = features()
    if not left_out:
        pytest.skip("this CPU has no features that NumPy dispatches on")
    here = portable.pictures(small_scene, tmp_path / "here")
    assert len(set(here.values())) == len(here)
    code = (
        "import json; from kernels import portable; from pathlib import Path; "
        f"print(json.dumps(portable.pictures(Path({str(small_scene)!r}), Path({str(tmp_path / 'there')!r}))))"
    )
    there = run(
        code,
        NPY_DISABLE_CPU_FEATURES=" ".join(left_out),
        NUMBA_CPU_NAME="nehalem",
        NUMBA_CPU_FEATURES="",
        NUMBA_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert there == here
