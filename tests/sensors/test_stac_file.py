"""Items where they lie: links in circles and in depth, hrefs that lead where they may, and where they may not."""

import json
from dataclasses import replace

import pytest

import stac_scene
from gigascene.model.errors import BadInput, UnknownName
from gigascene.sensors import _stac_documents as stac_documents
from gigascene.sensors import _stac_file as stac_file
from gigascene.sensors._stac_file import Unreadable, find_items, is_stac
from gigascene.settings import settings
from range_server import serving


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def catalog(*hrefs, **more):
    links = [{"rel": "item" if "item" in href else "child", "href": href} for href in hrefs]
    return {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "", "links": links, **more}


def ids(source):
    return [located.item.id for located in find_items(str(source))]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    settings.cache_clear()
    with serving() as found:
        yield found
    settings.cache_clear()


def test_items_collections_and_catalogues(tmp_path):
    one = write(tmp_path / "a" / "item-1.json", stac_scene.item("one"))
    write(tmp_path / "b" / "item-2.json", stac_scene.item("two"))
    many = write(tmp_path / "many.json", {"type": "FeatureCollection", "features": [stac_scene.item(x) for x in "pq"]})
    write(tmp_path / "b" / "collection.json", catalog("item-2.json", "../catalog.json"))
    head = write(tmp_path / "catalog.json", catalog("./a/item-1.json", "./b/collection.json", "a/../a/item-1.json"))
    assert ids(one) == ["one"]
    assert ids(many) == ["p", "q"]
    assert ids(head) == ids(tmp_path) == ["one", "two"]
    assert ids(f"{head}#two") == ["two"]
    assert all(map(is_stac, (one, many, head, str(tmp_path), f"{many}#q")))
    with pytest.raises(UnknownName, match="one, two"):
        ids(f"{head}#three")


def test_what_a_collection_says_reaches_its_items(tmp_path):
    shared = {"item_assets": {"B04": {"raster:bands": [{"data_type": "uint16"}]}}}
    document = stac_scene.item(style="pc")
    document["links"] = [{"rel": "collection", "href": "../collection.json"}]
    alone = write(tmp_path / "a" / "item.json", document)
    head = write(tmp_path / "collection.json", catalog("a/item.json", **shared))
    for source in (alone, head):
        (located,) = find_items(source)
        assert next(a for a in located.item.assets if a.key == "B04").bands[0].dtype == "uint16"


def test_catalogues_in_circles_end(tmp_path):
    write(tmp_path / "b.json", catalog("a.json", "b.json"))
    assert ids(write(tmp_path / "a.json", catalog("b.json", "a.json"))) == []


def test_catalogues_without_end_are_refused(tmp_path, monkeypatch):
    for number in range(40):
        write(tmp_path / f"{number}.json", catalog(f"{number + 1}.json"))
    with pytest.raises(BadInput, match="more than 32 catalogues"):
        ids(tmp_path / "0.json")
    monkeypatch.setattr(stac_file, "MOST_DOCUMENTS", 10)
    with pytest.raises(BadInput, match="more than 10 documents"):
        ids(write(tmp_path / "wide.json", catalog(*(f"x{number}.json" for number in range(20)))))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 200_000, "no JSON"),
        ('{"type": "Feature"}', "no STAC"),
        ('{"type": "FeatureCollection", "features": 5}', "no STAC"),
        ("[1, 2]", "no STAC"),
        ("null", "no STAC"),
    ],
)
def test_what_is_no_stac(tmp_path, text, words):
    with pytest.raises(BadInput, match=words):
        ids(write(tmp_path / "x.json", text))


def test_large_documents_are_refused(tmp_path, monkeypatch, server):
    monkeypatch.setattr(stac_documents, "LARGEST_DOCUMENT", 1000)
    with pytest.raises(BadInput, match="at most"):
        ids(write(tmp_path / "x.json", stac_scene.item()))
    url, files = server
    files.files["/x.json"] = json.dumps(stac_scene.item()).encode()
    with pytest.raises(BadInput, match="more than"):
        ids(f"{url}/x.json")


def located(path):
    return next(iter(find_items(str(path))))


def test_an_item_here_may_name_any_file(tmp_path):
    there = located(write(tmp_path / "a" / "item.json", stac_scene.item()))
    assert there.resolved("./B04.tif") == str(tmp_path / "a" / "B04.tif")
    assert there.resolved("../b/B04.tif") == str(tmp_path / "b" / "B04.tif")
    assert there.resolved((tmp_path / "B 04.tif").as_uri()) == str(tmp_path / "B 04.tif")
    assert there.resolved("/data/B04.tif") == "/data/B04.tif"
    assert there.resolved("https://example.org/a?sig=SECRET") == "https://example.org/a"


def test_a_fetched_item_may_name_only_what_lies_beside_it(tmp_path):
    document = stac_scene.item()
    document["links"] = [{"rel": "self", "href": "https://example.org/items/one"}]
    write(tmp_path / "a" / "B04.tif", "x")
    for name in ("a/item.json", "a/items.json"):
        whole = document if name == "a/item.json" else {"type": "FeatureCollection", "features": [document]}
        there = located(write(tmp_path / name, whole))
        for href in ("file:///etc/passwd", (tmp_path / "b.tif").as_uri()):
            with pytest.raises(BadInput, match=r"this machine|outside"):
                there.resolved(href)
    there = located(tmp_path / "a" / "item.json")
    assert there.resolved("B04.tif") == str(tmp_path / "a" / "B04.tif")
    assert there.resolved("gone.tif") == "https://example.org/items/gone.tif"
    (tmp_path / "a" / "link.tif").symlink_to("/etc/hostname")
    with pytest.raises(BadInput, match="outside"):
        there.resolved("link.tif")


def test_items_behind_http(server, tmp_path):
    url, files = server
    files.files |= {
        "/c/catalog.json": json.dumps(catalog("sub/item-1.json", "/top/item-2.json")).encode(),
        "/c/sub/item-1.json": json.dumps(stac_scene.item("one")).encode(),
        "/top/item-2.json": json.dumps(stac_scene.item("two")).encode(),
    }
    assert ids(f"{url}/c/catalog.json") == ["one", "two"]
    there = next(iter(find_items(f"{url}/c/catalog.json#one")))
    assert there.resolved("./B04.tif") == f"{url}/c/sub/B04.tif"
    for href in ("file:///etc/passwd", "FILE:///etc/passwd"):
        with pytest.raises(BadInput, match="this machine"):
            there.resolved(href)
    files.files["/bad/catalog.json"] = json.dumps(catalog("file:///etc/item.json")).encode()
    with pytest.raises(BadInput, match="this machine"):
        ids(f"{url}/bad/catalog.json")


@pytest.mark.parametrize("href", ["ftp://h/B04.tif", "javascript://x"])
def test_other_schemes_make_a_band_absent(tmp_path, href):
    there = located(write(tmp_path / "item.json", stac_scene.item()))
    with pytest.raises(Unreadable, match="not read"):
        there.resolved(href)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_hrefs_lead_into_buckets(tmp_path, scheme):
    there = located(write(tmp_path / "item.json", stac_scene.item()))
    assert there.resolved(f"{scheme}://bucket/a/B04.tif") == f"{scheme}://bucket/a/B04.tif"
    inside = replace(there, folder=f"{scheme}://bucket/a/item.json", trusted=False)
    assert inside.resolved("../B04.tif") == f"{scheme}://bucket/B04.tif"
    with pytest.raises(BadInput, match="this machine"):
        inside.resolved("file:///etc/passwd")


@pytest.mark.parametrize("name", ["-rf.tif", "$(touch x).tif", "a;b.tif", "a b.tif", "ü.tif", "%41.tif"])
def test_hostile_names_are_only_names(tmp_path, name):
    there = located(write(tmp_path / "item.json", stac_scene.item()))
    write(tmp_path / name, "x")
    assert there.resolved(name) == str(tmp_path / name)
