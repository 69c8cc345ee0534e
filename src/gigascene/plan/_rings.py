"""Rings on their way to another map: cut to what can be seen there, and with as many corners as their edges are bent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""West, south, east, north."""

Carry = Callable[[F64, F64], tuple[F64, F64]]
"""From coordinates of one map to those of another, not finite where there are none."""

ROUNDS = 14
"""How often an edge is halved at most."""

ALONG = (0.25, 0.5, 0.75)
"""Where an edge is tried: one place alone could lie on the chord of a line that bends both ways."""


def cut(ring: F64, box: Box) -> F64:
    """The part of a ring, (n, 2), within a box (Sutherland and Hodgman, 1974); no corner where there is none.

    Parts that hang together only outside stay joined along the border of the box, to and fro, which encloses nothing.

    >>> cut(np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]]), (1.0, -1.0, 9.0, 3.0)).tolist()
    [[1.0, 0.0], [8.0, 0.0], [5.0, 3.0], [1.0, 3.0]]
    """
    west, south, east, north = box
    for axis, sign, limit in ((0, 1.0, west), (0, -1.0, -east), (1, 1.0, south), (1, -1.0, -north)):
        ring = _on_one_side(ring, axis, sign, limit)
    return ring


def _on_one_side(ring: F64, axis: int, sign: float, limit: float) -> F64:
    """What of a ring has ``sign * coordinate >= limit``."""
    if not len(ring):
        return ring
    after = np.roll(ring, -1, axis=0)
    here, there = sign * ring[:, axis] - limit, sign * after[:, axis] - limit
    inside, crosses = here >= 0, (here >= 0) != (there >= 0)
    share = np.where(crosses, here / np.where(crosses, here - there, 1.0), 0.0)
    at = ring + share[:, None] * (after - ring)
    at[:, axis] = np.where(crosses, sign * limit, at[:, axis])
    both = np.stack([ring, at], axis=1)  # each corner, and where the edge behind it crosses
    return both[np.stack([inside, crosses], axis=1)]


def divided(ring: F64, longest: float) -> F64:
    """The same ring with corners on edges that go further along x than so much (0: anything), at equal distances.

    >>> divided(np.array([[0.0, 0.0], [8.0, 4.0]]), 4.0).tolist()
    [[0.0, 0.0], [4.0, 2.0], [8.0, 4.0], [4.0, 2.0]]
    """
    if not longest:
        return ring
    edges = np.roll(ring, -1, axis=0) - ring
    parts = np.maximum(np.ceil(np.abs(edges[:, 0]) / longest), 1).astype(np.int64)
    shares = np.concatenate([np.arange(count) / count for count in parts])
    return np.repeat(ring, parts, axis=0) + shares[:, None] * np.repeat(edges, parts, axis=0)


def carried(ring: F64, carry: Carry, near: float) -> F64:
    """A ring on another map, (n, 2), with corners added so that its edges are `near` to what straight lines become there."""
    places = _moved(ring, carry)
    for _ in range(ROUNDS):
        ends, after = np.roll(ring, -1, axis=0), np.roll(places, -1, axis=0)
        off = np.zeros(len(ring), np.bool_)
        for share in ALONG:
            true = _moved(ring + share * (ends - ring), carry)
            # What is not finite is told by the caller.
            off |= np.hypot(*(true - (places + share * (after - places))).T) > near
        if not off.any():
            break
        middle = (ring + ends) / 2
        kept = np.stack([np.ones_like(off), off], axis=1)
        ring = np.stack([ring, middle], axis=1)[kept]
        places = np.stack([places, _moved(middle, carry)], axis=1)[kept]
    return places


def _moved(ring: F64, carry: Carry) -> F64:
    with np.errstate(invalid="ignore"):
        return np.stack(carry(ring[:, 0], ring[:, 1]), axis=1)
