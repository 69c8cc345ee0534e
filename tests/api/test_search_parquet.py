"""Saved catalogues in GeoParquet, written by others: what is found in them is what is found in the JSON they were made of."""

import json
import subprocess
import sys

import pytest

import gigascene
import stac_scene
from api.test_search import BBOX, ITEMS, ids
from cli.shell import spoken
from gigascene.api.search import interval
from gigascene.metadata import stac_parquet
from gigascene.metadata.stac_parquet import Bounds, items
from gigascene.model.errors import BadInput
from range_server import forget, serving
from stac_server import HERE, RUSTAC, WHY

PYTHON = HERE / "build" / "stac-server" / "bin" / "python"
WRITERS = ("rustac", "stac-geoparquet")
WRITE = """
import json, sys
import stac_geoparquet.arrow as arrow
found = json.load(open(sys.argv[1]))["features"]
arrow.to_parquet(arrow.parse_stac_items_to_arrow(found, chunk_size=4), sys.argv[2])
"""


def written(writer, folder, features):
    """The items as a GeoParquet file of another program, and as JSON."""
    saved, path = folder / "items.json", folder / "items.parquet"
    saved.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    if RUSTAC is None or (writer != "rustac" and not PYTHON.is_file()):
        pytest.skip(WHY)
    words = (
        [RUSTAC, "translate", "--parquet-max-row-group-row-count", "4"] if writer == "rustac" else [PYTHON, "-c", WRITE]
    )
    done = subprocess.run([*words, saved, path], check=False, capture_output=True, text=True, timeout=120)
    if writer != "rustac" and "No module named 'stac_geoparquet'" in done.stderr:
        pytest.skip(WHY)
    assert done.returncode == 0, done.stderr
    return path, saved


@pytest.fixture(params=WRITERS, scope="module")
def pair(request, tmp_path_factory):
    """Sorted by time, as such files are, so that their statistics tell something."""
    features = sorted(ITEMS, key=lambda one: (one["properties"]["datetime"], one["id"]))
    return written(request.param, tmp_path_factory.mktemp("written"), features)


@pytest.mark.parametrize(
    "wishes",
    [
        {"bbox": BBOX, "date": "2024-06-03/2024-06-05"},
        {"bbox": BBOX, "cloud": 8},
        {"date": "../2024-06-02"},
        {"date": "2024-06-24/.."},
        {"bbox": BBOX, "limit": 2},
        {"bbox": (179.0, 45.0, -179.0, 47.0)},
        {"bbox": (179.0, 45.0, 180.0, 47.0)},
        {"date": "2024-06-09", "cloud": 50},
        {"date": "2024-06-03"},
        {},
    ],
)
def test_the_same_is_found_as_in_json(pair, wishes):
    path, saved = pair
    found = gigascene.search("sentinel-2-l2a", catalog=path, **wishes)
    expected = gigascene.search("sentinel-2-l2a", catalog=saved, **wishes)
    assert ids(found) == ids(expected) != []
    assert (found.unsaid, found.older) == (expected.unsaid, expected.older)
    told = {one["id"]: one for one in expected.items}
    for one in found.items:
        assert one["assets"] == told[one["id"]]["assets"]
        assert one["bbox"] == told[one["id"]]["bbox"]
        assert one["properties"].get("eo:cloud_cover") == told[one["id"]]["properties"]["eo:cloud_cover"]


@pytest.mark.parametrize(
    ("wishes", "words"), [({"bbox": BBOX, "cloud": 1}, "Without --cloud"), ({"date": "2023"}, "Without --date")]
)
def test_nothing_says_what_to_relax(pair, wishes, words):
    with pytest.raises(BadInput, match=words):
        gigascene.search("sentinel-2-l2a", catalog=pair[0], **wishes)


def test_rows_that_cannot_be_wanted_are_not_read(tmp_path):
    features = sorted(ITEMS, key=lambda one: (one["properties"]["datetime"], one["id"]))
    path, _ = written("rustac", tmp_path, features)  # the other makes one group of so few rows
    assert len(list(items(str(path)))) == len(ITEMS)
    first, last = interval("2024-06-03")
    some = [one["id"] for one in items(str(path), Bounds(first=first, last=last))]
    assert "S2A_03" in some
    assert len(some) <= 12
    assert list(items(str(path), Bounds(boxes=((-60.0, -5.0, -59.0, -4.0),)))) == []


def test_it_opens_is_described_and_fetched_like_any_other(pair, tmp_path, capsys, monkeypatch):
    path, _ = pair
    assert gigascene.open_scene(f"{path}#S2A_02").asset("red").href == "https://archive.invalid/B04.tif"
    assert gigascene.describe_catalog(path).items == len(ITEMS)
    said = spoken(
        capsys,
        monkeypatch,
        "search",
        "sentinel2-l2a",
        "--catalog",
        path,
        "--date",
        "2024-06-02",
        "-o",
        tmp_path / "a.json",
    )
    assert said.code == 0, said.err
    assert [scene.id for scene in gigascene.open_scenes(tmp_path / "a.json")] == ["S2A_02"]


@pytest.mark.parametrize("writer", WRITERS)
def test_behind_an_address_by_ranges(writer, tmp_path, monkeypatch):
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    forget()
    path, _ = written(writer, tmp_path, ITEMS)
    with serving() as (address, files):
        files.files["/items.parquet"] = path.read_bytes()
        found = gigascene.search("sentinel-2-l2a", catalog=f"{address}/items.parquet", date="2024-06-02")
        assert all("Range" in headers for _, headers in files.asked)
        hostile = stac_scene.item("bad")
        hostile["assets"]["red"]["href"] = "file:///etc/passwd"
        other, _ = written(writer, tmp_path, [hostile])
        files.files["/bad.parquet"] = other.read_bytes()
        with pytest.raises(BadInput, match="this machine"):
            gigascene.open_scene(f"{address}/bad.parquet")
    assert ids(found) == ["S2A_02"]
    forget()


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"{}", b"half"])
def test_files_that_are_none(pair, tmp_path, body):
    path = tmp_path / "bad.parquet"
    path.write_bytes(pair[0].read_bytes()[:4000] if body == b"half" else body)
    with pytest.raises(BadInput, match=r"bad.parquet: is no GeoParquet that can be read"):
        gigascene.search("sentinel-2-l2a", catalog=path)


def test_a_table_of_something_else(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"id": ["a"], "x": [1]}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="holds no STAC items"):
        gigascene.search("sentinel-2-l2a", catalog=tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"cannot be read: No such file"):
        gigascene.search("sentinel-2-l2a", catalog=tmp_path / "none.parquet")


def test_without_the_library_it_says_what_to_install(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BadInput, match=r"needs pyarrow. pip install 'gigascene\[parquet\]'"):
        gigascene.search("sentinel-2-l2a", catalog=pair[0])


def test_values_as_json_has_them():
    nested = {"a": None, "b": [{"c": None, "d": float("nan")}], "e": [("k", 1), ("l", 2)]}
    assert stac_parquet._plain(nested) == {"b": [{"d": "nan"}], "e": {"k": 1, "l": 2}}
