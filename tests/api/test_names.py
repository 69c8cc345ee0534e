"""What `import gigascene` offers, and what it costs."""

import json
import subprocess
import sys

import pytest

import gigascene

HEAVY = (
    "numpy",
    "numba",
    "rasterio",
    "xarray",
    "dask",
    "matplotlib",
    "pyproj",
    "odc",
    "shapely",
    "isal",
    "psutil",
    "rich",
)


@pytest.mark.parametrize("name", gigascene.__all__)
def test_every_name_is_there(name):
    thing = getattr(gigascene, name)
    assert thing is not None
    if name != "__version__" and callable(thing):
        assert (thing.__doc__ or "").strip(), f"gigascene.{name} says nothing of itself"


def test_names_are_listed_and_no_others_exist():
    assert set(gigascene.__all__) <= set(dir(gigascene))
    assert list(gigascene.__all__) == sorted(gigascene.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gigascene.nonsense  # noqa: B018


def test_a_star_import_gives_them_all():
    space = {}
    exec("from gigascene import *", space)
    assert set(gigascene.__all__) <= set(space)


def loaded(code):
    """Top-level modules that are imported when `code` has run."""
    code += "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_costs_nothing():
    assert loaded("import gigascene; gigascene.__version__; dir(gigascene)") & set(HEAVY) == set()


@pytest.mark.parametrize("words", ["--help", "compose --help", "plan --help"])
def test_help_costs_nothing(words):
    code = (
        f"import sys; sys.argv = ['gigascene', *{words.split()}]\n"
        "from gigascene.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code"
    )
    assert loaded(code) & set(HEAVY) == set()


def test_names_by_kind():
    assert {"true-color", "ndvi"} <= set(gigascene.product_names())
    assert {"landsat-c2-l1", "landsat-c2-l2"} <= set(gigascene.sensor_names())
    assert {"grey", "ndvi", "thermal"} <= set(gigascene.palette_names())
