"""Scenes that many tests share, simulated once for each run."""

import os

import pytest
from hypothesis import settings

settings.register_profile("gigascene", deadline=None)  # the first call of a kernel compiles it
settings.register_profile("the same examples every time", settings.get_profile("gigascene"), derandomize=True)
settings.load_profile("the same examples every time" if os.environ.get("CI") else "gigascene")
os.environ.pop("GIGASCENE_SCENES", None)


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """A Landsat 8 Collection 2 Level 1 scene: 1,500 x 1,100 pixels, all bands."""
    from gigascene.simulate.landsat import simulate

    return simulate(tmp_path_factory.mktemp("scenes"), size=(1500, 1100), seed=3)


@pytest.fixture(scope="session")
def small_scene(tmp_path_factory):
    """The same kind, 300 x 260 pixels."""
    from gigascene.simulate.landsat import simulate

    return simulate(tmp_path_factory.mktemp("small"), size=(300, 260), seed=5)


@pytest.fixture(scope="session")
def small_safe(tmp_path_factory):
    """A Sentinel-2 level 2A product, true to format, 240 x 240 pixels of 10 m."""
    from tiny_safe import write_l2a

    return write_l2a(tmp_path_factory.mktemp("safe"))
