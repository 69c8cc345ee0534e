"""What a drawn line covers: as Shapely measures distances, and the same whatever the window."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gigascene.kernels.outline import UNIT
from gigascene.kernels.stroke import LONGEST, WIDEST, covered, covered_numpy
from gigascene.model.grid import Window

WHOLE = Window(top=0, left=0, height=90, width=110)


def some(count, seed, long=LONGEST):
    rng = np.random.default_rng(seed)
    starts = rng.integers(-20 * UNIT, 130 * UNIT, (count, 2))
    return np.concatenate([starts, starts + rng.integers(-long, long + 1, (count, 2))], axis=1)


def as_shapely(pieces, reach, window):
    """Centres within reach of the geometry; None on the very edge, where floats cannot tell."""
    lines = shapely.union_all([shapely.LineString([p[:2], p[2:]]) for p in pieces / UNIT])
    y, x = np.mgrid[window.top : window.bottom, window.left : window.right] + 0.5
    shapely.prepare(lines)
    distance = shapely.distance(shapely.points(x, y), lines)
    return distance <= reach / UNIT, abs(distance - reach / UNIT) < 1e-9


@pytest.mark.parametrize("reach", [0, 64, 128, 256, 300, 2000])
@pytest.mark.parametrize("count", [1, 7, 60])
def test_as_shapely_measures(reach, count):
    pieces = some(count, seed=reach + count)
    want, edge = as_shapely(pieces, reach, WHOLE)
    for one in (covered, covered_numpy):
        assert ((one(pieces, reach, WHOLE) == want) | edge).all()
    assert want.any() or reach < 128 or count == 1


@given(
    st.integers(0, 1 << 30),
    st.integers(0, 3 * UNIT),
    st.integers(-5, 80),
    st.integers(-5, 100),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_a_window_is_cut_out_of_the_whole(seed, reach, top, left, height, width):
    pieces = some(5, seed)
    window = Window(top=top, left=left, height=height, width=width)
    found = covered(pieces, reach, window)
    assert np.array_equal(found, covered_numpy(pieces, reach, window))
    around = covered(pieces, reach, Window(top=-5, left=-5, height=130, width=150))
    assert np.array_equal(found, around[top + 5 : top + 5 + height, left + 5 : left + 5 + width])


def test_the_longest_and_widest_do_not_overflow():
    pieces = np.array([[0, 0, LONGEST, LONGEST], [LONGEST, 0, 0, LONGEST]]) + 60_000 * UNIT
    window = Window(top=59_480, left=59_480, height=70, width=1100)
    want, edge = as_shapely(pieces, WIDEST, window)
    found = covered(pieces, WIDEST, window)
    assert ((found == want) | edge).all()
    assert not found[0, 0]
    assert np.array_equal(found, covered_numpy(pieces, WIDEST, window))


def test_a_point_is_a_dot():
    point = np.array([[3 * UNIT, 3 * UNIT] * 2])
    found = covered(point, 2 * UNIT, Window(top=0, left=0, height=6, width=6))
    assert found.sum() == 12
    assert not found[1, 1]
    assert found[1, 2]
