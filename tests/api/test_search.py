"""Searching: a real STAC API server on loopback, saved catalogues, and servers that misbehave."""

import json

import pytest

import gigascene
import stac_scene
from cli.shell import spoken
from gigascene.api.search import COLLECTIONS, boxes, interval
from gigascene.archives import stac_api
from gigascene.model.errors import BadInput, UsageError
from gigascene.settings import settings
from gigascene.storage import hrefs
from range_server import serving
from stac_server import RUSTAC, WHY, needs_server, stac_server
from where import DATA, needs_data

BBOX = (9.0, 46.0, 9.05, 46.04)


def item(id, day=1, cloud=5.0, *, tile="32TMS", baseline="05.10", west=9.0, **more):
    """An item of a day in June 2024, one twentieth of a degree wide."""
    said = {"datetime": f"2024-06-{day:02d}T10:26:05Z", "eo:cloud_cover": cloud, "grid:code": f"MGRS-{tile}", **more}
    document = stac_scene.item(id, base="https://archive.invalid/", baseline=baseline, properties=said)
    east = west + 0.05
    ring = [[west, 46.0], [east, 46.0], [east, 46.05], [west, 46.05], [west, 46.0]]
    document |= {"geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, 46.0, east, 46.05]}
    return document


ITEMS = [
    *(item(f"S2A_{day:02d}", day, cloud=4.0 * day) for day in range(1, 26)),
    item("S2A_03_old", 3, cloud=12.0, baseline="04.00"),
    item("far_east", 7, tile="01KAB", west=179.9),
    item("far_west", 8, tile="60KXG", west=-180.0),
    item("cloudless", 9, tile="32TNS", cloud=None),
]


def ids(found):
    return [one["id"] for one in found.items]


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def rustac(tmp_path_factory):
    with stac_server(tmp_path_factory.mktemp("server"), ITEMS) as address:
        yield address


@pytest.fixture
def saved(tmp_path):
    """The same items as a file."""
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": ITEMS}))
    return str(path)


@pytest.fixture(params=["server", "file"])
def catalog(request, allowed):
    """Both, in turn: they must find the same."""
    if request.param == "server":
        if RUSTAC is None:
            pytest.skip(WHY)
        return request.getfixturevalue("rustac")
    return request.getfixturevalue("saved")


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"bbox": BBOX, "date": "2024-06-03/2024-06-05"}, ["S2A_03", "S2A_04", "S2A_05"]),
        ({"bbox": BBOX, "date": "2024-06-03"}, ["S2A_03"]),
        ({"bbox": BBOX, "cloud": 8}, ["S2A_01", "S2A_02"]),
        ({"date": "../2024-06-02"}, ["S2A_01", "S2A_02"]),
        ({"date": "2024-06-24/.."}, ["S2A_24", "S2A_25"]),
        ({"bbox": BBOX, "limit": 2}, ["S2A_01", "S2A_02"]),
        ({"bbox": (179.0, 45.0, -179.0, 47.0)}, ["far_east", "far_west"]),
        ({"bbox": (179.0, 45.0, 180.0, 47.0)}, ["far_east"]),
        ({"date": "2024-06-09", "cloud": 50}, ["S2A_09"]),
    ],
)
def test_what_is_found(catalog, wishes, expected, monkeypatch):
    monkeypatch.setattr(stac_api, "PAGE", 4)  # many pages
    found = gigascene.search("sentinel-2-l2a", catalog=catalog, **wishes)
    assert ids(found) == expected
    assert found.unsaid == (1 if wishes.get("date") == "2024-06-09" else 0) or "bbox" in wishes


def test_each_acquisition_comes_once_from_its_newest_processing(catalog):
    found = gigascene.search("sentinel-2-l2a", catalog=catalog, date="2024-06-03")
    assert ids(found) == ["S2A_03"]
    assert found.older == ("S2A_03_old",)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"bbox": BBOX, "cloud": 1}, "Without --cloud there are some"),
        ({"bbox": BBOX, "date": "2023", "cloud": 1}, "Without --cloud and --date there are some"),
        ({"bbox": (0, 0, 1, 1), "date": "2023"}, "Without --date and --bbox there are some"),
    ],
)
def test_nothing_says_what_to_relax(catalog, wishes, words):
    with pytest.raises(BadInput, match=words) as caught:
        gigascene.search("sentinel-2-l2a", catalog=catalog, **wishes)
    assert caught.value.exit_code == 4


def test_a_collection_that_is_not_there(catalog):
    with pytest.raises(BadInput, match="Is the collection right"):
        gigascene.search("sentinel-9", catalog=catalog)


def test_what_was_found_opens(catalog, tmp_path, capsys, monkeypatch):
    target = tmp_path / "out" / "scenes.json"
    target.parent.mkdir()
    words = [
        "search",
        "sentinel2-l2a",
        "--catalog",
        catalog,
        "--bbox",
        "9,46,9.05,46.04",
        "--date",
        "2024-06-01/2024-06-02",
    ]
    said = spoken(capsys, monkeypatch, *words, "-o", target)
    assert (said.code, said.out.count("\n")) == (0, 2)
    assert "2 scenes" in said.err
    assert [scene.id for scene in gigascene.open_scenes(target)] == ["S2A_01", "S2A_02"]
    assert gigascene.open_scene(f"{target}#S2A_02").asset("red").href == "https://archive.invalid/B04.tif"
    said = spoken(capsys, monkeypatch, *words, "--json")
    assert [one["id"] for one in json.loads(said.out)["features"]] == ["S2A_01", "S2A_02"]
    assert gigascene.search("sentinel2-l2a", catalog=catalog, limit=3).scenes()[0].id == "S2A_01"


@needs_server
def test_a_server_inside_must_be_allowed(rustac, monkeypatch):
    monkeypatch.delenv("GIGASCENE_ALLOW_PRIVATE_HREFS", raising=False)
    settings.cache_clear()
    with pytest.raises(BadInput, match="--allow-private"):
        gigascene.search("sentinel-2-l2a", catalog=rustac)
    settings.cache_clear()


def test_relative_hrefs_stay_true(tmp_path):
    folder = tmp_path / "bands"
    stac_scene.write_bands(folder, {"forest": 1}, raw=True, side=256)
    stac_scene.write_item(folder, "item.json", side=256)
    found = gigascene.search("sentinel2-l2a", catalog=str(folder / "item.json"))
    found.save(tmp_path / "scenes.json")
    assert gigascene.open_scene(tmp_path / "scenes.json").asset("red").href == str(folder / "B04.tif")


@needs_data
def test_a_real_catalogue():
    found = gigascene.search("sentinel2-l2a", catalog=DATA / "stac" / "sentinel2" / "s2-catalog", cloud=60)
    assert ids(found) == ["S2A_5VNK_20180324_0_L2A", "S2B_5VNK_20180325_1_L2A"]


# Servers of other kinds


LANDING = {"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": ""}


def served(files, pages, *, method="GET", classes=()):
    """A landing page and pages of items, by GET."""
    links = [{"rel": "search", "href": "/search", "method": method}]
    files.files["/"] = json.dumps({**LANDING, "conformsTo": list(classes), "links": links}).encode()
    for name, page in pages.items():
        files.files[name] = json.dumps(page).encode()


def page(items, following=None):
    links = [{"rel": "next", "href": following}] if following else []
    return {"type": "FeatureCollection", "features": items, "links": links}


def test_pages_by_get(allowed):
    with serving() as (url, files):
        served(files, {"/search": page(ITEMS[:2], "/two?token=x"), "/two": page(ITEMS[2:4])})
        found = gigascene.search("sentinel-2-l2a", catalog=f"{url}/", bbox=BBOX, date="2024-06", cloud=12)
        assert ids(found) == ["S2A_01", "S2A_02", "S2A_03"]
        path = next(path for path, _ in files.asked if path.startswith("/search"))
        assert "collections=sentinel-2-l2a" in path
        assert "bbox=9%2C46%2C9.05%2C46.04" in path
        assert "query" not in path


def test_a_server_is_asked_only_what_it_says_it_can(allowed):
    for name, expected in (("query", "query="), ("filter", "filter=%22eo%3Acloud_cover%22"), ("sort", "sortby=")):
        with serving() as (url, files):
            served(files, {"/search": page(ITEMS[:2])}, classes=[f"https://api.stacspec.org/v1.0.0/item-search#{name}"])
            gigascene.search("sentinel-2-l2a", catalog=f"{url}/", cloud=50)
            assert any(expected in path for path, _ in files.asked)


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({"/search": page(ITEMS[:1], "/search?again"), "/again": {}}, "same page again|something else"),
        ({"/search": [1, 2]}, "something else"),
        ({"/search": {"features": {}}}, "something else"),
        ({}, "is gone"),
        ({"/search": page([{"type": "Feature"}])}, "cannot be read"),
        ({"/search": page(ITEMS[:1], 5)}, "without an address"),
    ],
)
def test_servers_that_misbehave(allowed, pages, words):
    with serving() as (url, files):
        served(files, pages)
        with pytest.raises(BadInput, match=words):
            gigascene.search("sentinel-2-l2a", catalog=f"{url}/")


def test_an_item_that_cannot_be_read_does_not_hide_the_others(allowed):
    with serving() as (url, files):
        served(files, {"/search": page([{"id": "bad"}, *ITEMS[:2]])})
        found = gigascene.search("sentinel-2-l2a", catalog=f"{url}/")
    assert ids(found) == ["S2A_01", "S2A_02"]
    assert len(found.broken) == 1


def test_what_a_server_sends_stays_a_strangers_word(allowed, tmp_path):
    hostile = item("bad")
    hostile["assets"]["red"]["href"] = "file:///etc/passwd"
    with serving() as (url, files):
        served(files, {"/search": page([hostile])})
        gigascene.search("sentinel-2-l2a", catalog=f"{url}/").save(tmp_path / "scenes.json")
    with pytest.raises(BadInput, match="this machine"):
        gigascene.open_scene(tmp_path / "scenes.json")


# Words


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", "2024-12-31T23:59:59.999999+00:00"),
        ("2024-06/2024-08", "2024-06-01T00:00:00+00:00", "2024-08-31T23:59:59.999999+00:00"),
        ("2024-06-07", "2024-06-07T00:00:00+00:00", "2024-06-07T23:59:59.999999+00:00"),
        ("2024-06-07T10:00:00Z/..", "2024-06-07T10:00:00+00:00", "None"),
    ],
)
def test_dates(text, first, last):
    begin, end = interval(text)
    assert (begin.isoformat(), end.isoformat() if end else "None") == (first, last)


@pytest.mark.parametrize("text", ["June", "2024-13", "2024-02-30", "2024/2023", "24-06", "2024-06-07/x", "/", ".."])
def test_dates_that_are_none(text):
    if text == "/":
        assert interval(text) == (None, None)
        return
    with pytest.raises(UsageError, match="date"):
        interval(text)


@pytest.mark.parametrize(
    "bbox", [(1, 2, 3), (0, 0, 0, 1), (0, 5, 1, 4), (-181, 0, 1, 1), (0, 0, 1, 91), "abcd", (0, 0, "x", 1)]
)
def test_boxes_that_are_none(bbox):
    with pytest.raises(UsageError, match="box"):
        boxes(bbox)


@pytest.mark.parametrize("wishes", [{"cloud": 101}, {"cloud": -1}, {"cloud": float("nan")}, {"limit": 0}])
def test_numbers_that_make_no_sense(wishes, saved):
    with pytest.raises(UsageError):
        gigascene.search("sentinel2-l2a", catalog=saved, **wishes)


def test_every_collection_says_where_it_is():
    assert all(next(iter(places)) for places in COLLECTIONS.values())
    assert not any(hrefs.is_remote(name) for places in COLLECTIONS.values() for name in places.values())
