"""Scenes by id: a real STAC API says where they are, a real server has their files, whatever they are called by now."""

import json
import os

import pytest

import gigascene
import stac_scene
import tiny_landsat
from api.test_search import item as dated
from cli.shell import spoken
from gigascene.api import _by_id
from gigascene.api.search import CATALOGS
from gigascene.model.errors import BadInput, NoAccess
from gigascene.storage import _requests, paid
from range_server import forget, serving
from stac_server import needs_server, stac_server
from where import DATA, needs_data

pytestmark = needs_server

ARCHIVE = "http://sentinel-cogs.example.org/"
BLOB = "http://landsateuwest.blob.core.windows.net/landsat-c2/"
USGS = "http://landsatlook.example.org/data/"

NEW = "S2A_MSIL2A_20240607T102601_N0510_R108_T32TMS_20240607T151234"
OLD = "S2A_MSIL2A_20240607T102601_N0400_R108_T32TMS_20240607T120000"
SHORT = "S2A_32TMS_20240607_0_L2A"
LANDSAT = "LC08_L2SP_226010_20140820_20200911_02_T1"
RETIRED = "LC82260102014232LGN00"
KEYS = ("red", "green", "blue", "nir08", "qa_pixel")
FILES = {"red": "SR_B4", "green": "SR_B3", "blue": "SR_B2", "nir08": "SR_B5", "qa_pixel": "QA_PIXEL"}


def sentinel2(id, product, day=7, tile="32TMS", **more):
    said = {
        "s2:product_uri": f"{product}.SAFE",
        "datetime": f"2024-06-{day:02d}T10:36:05Z",
        "grid:code": f"MGRS-{tile}",
    }
    return stac_scene.item(id, side=256, base=ARCHIVE, properties=said | more)


def landsat(id, base, collection, day="2014-08-20"):
    """An item in the words of USGS and the Planetary Computer."""
    product = id.removesuffix("_SR") if id.count("_2020") else LANDSAT
    side = {"proj:shape": [256, 256], "proj:transform": [30, 0, 499980.0, 0, -30, 7800000.0]}
    assets = {
        key: {"href": f"{base}{product}_{FILES[key]}.TIF", "type": "image/tiff", "roles": ["data"], **side}
        for key in KEYS
    }
    if base == USGS:
        for asset in assets.values():
            name = asset["href"].rpartition("/")[2]
            asset["alternate"] = {"s3": {"storage:requester_pays": True, "href": f"s3://usgs-landsat/c2/{name}"}}
    ring = [[-26.0, 69.9], [-20.0, 69.9], [-20.0, 71.6], [-26.0, 71.6], [-26.0, 69.9]]
    said = {"datetime": f"{day}T13:22:01Z", "platform": "landsat-8", "proj:epsg": 32627}
    said |= {"landsat:wrs_path": "226", "landsat:wrs_row": "010"}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [-26.0, 69.9, -20.0, 71.6],
        "properties": said,
        "links": [],
        "assets": assets,
    }


LEVEL1 = "LC08_L1TP_016037_20170813_20200903_02_T1"
NAMES = {"blue": "B2", "green": "B3", "red": "B4", "lwir11": "B10", "nir08": "B5"}


def level1():
    """An item as USGS tells level 1: bands and metadata files, without grid or calibration."""
    item = landsat(f"{LEVEL1}", USGS, "landsat-c2l1", day="2017-08-13")
    ring = [[-81.2, 32.0], [-78.7, 32.0], [-78.7, 34.1], [-81.2, 34.1], [-81.2, 32.0]]
    item |= {"bbox": [-81.2, 32.0, -78.7, 34.1], "geometry": {"type": "Polygon", "coordinates": [ring]}}
    names = {key: f"{LEVEL1}_{name}.TIF" for key, name in NAMES.items()}
    names |= {f"MTL.{form}": f"{LEVEL1}_MTL.{form}" for form in ("txt", "xml")}
    told = {"alternate": {"s3": {"storage:requester_pays": True, "href": "s3://usgs-landsat/c2/x.TIF"}}}
    item["assets"] = {key: {"href": f"{USGS}{name}", **told} for key, name in names.items()}
    return item


ITEMS = [
    level1(),
    sentinel2(SHORT, NEW),
    sentinel2("S2A_32TMS_20240607_1_L2A", NEW.replace("N0510", "N0500"), **{"s2:processing_baseline": "05.00"}),
    sentinel2("S2B_32TMS_20240607_0_L2A", NEW.replace("S2A", "S2B"), platform="sentinel-2b"),
    sentinel2("S2A_32TNS_20240607_0_L2A", NEW.replace("32TMS", "32TNS"), tile="32TNS"),
    sentinel2("S2A_32TMS_20240617_0_L2A", NEW.replace("20240607", "20240617"), day=17),
    landsat("LC08_L2SP_226010_20140820_02_T1", BLOB, "landsat-c2-l2"),
    landsat(f"{LANDSAT}_SR", USGS, "landsat-c2l2-sr"),
    landsat("LC08_L2SP_226010_20140821_20200911_02_T1_SR", USGS, "landsat-c2l2-sr", day="2014-08-21"),
    dated("far", 7, tile="01KAB", west=179.9),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with stac_server(tmp_path_factory.mktemp("server"), ITEMS) as address:
        yield address


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=256)
    for key in FILES.values():
        pixels = stac_scene.stored(stac_scene.reflectance({"soil": 1}, 256)[0]["B04"], raw=False)
        stac_scene.write_cog(folder / f"{LANDSAT}_{key}.TIF", pixels, 30, 256, (499980.0, 7800000.0), "EPSG:32627")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def files(bands, monkeypatch, tmp_path):
    """One server that answers for every http:// host there is."""
    for name in (paid.VARIABLE, "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    monkeypatch.setattr(_requests, "WAIT_S", 0.01)
    forget()
    with serving() as (address, found):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PC_SDK_SAS_URL", f"{address}/sas")
        for name, body in bands.items():
            found.files |= {f"/{name}": body, f"/landsat-c2/{name}": body, f"/data/{name}": body}
        yield found
    forget()


def copied(folder):
    return sorted(path.name for path in folder.rglob("*") if path.suffix.lower() == ".tif")


def of_files(found):
    return sorted({path.rpartition("/")[2].partition("?")[0] for path, _ in found.asked if ".tif" in path.lower()})


@pytest.mark.parametrize("id", [SHORT, NEW, f"{NEW}.SAFE"])
def test_the_bands_of_a_product_come_by_any_of_its_names(api, files, bands, tmp_path, id):
    done = gigascene.fetch_scenes(id, tmp_path / "near", api=api)
    assert copied(tmp_path / "near") == of_files(files) == ["B02.tif", "B03.tif", "B04.tif"]
    assert (tmp_path / "near" / SHORT / "B04.tif").read_bytes() == bands["B04.tif"]
    assert done.notes == ()
    files.files.clear()
    files.reset()
    gigascene.compose("true-color", tmp_path / "near", tmp_path / "a.png", offset="raw")
    assert not files.asked


def test_more_comes_to_the_same_folder_and_what_was_there_stays(api, files, tmp_path):
    near = tmp_path / "near"
    gigascene.fetch_scenes(SHORT, near, api=api, bands=["red"])
    gigascene.fetch_scenes(["S2A_32TMS_20240617_0_L2A", "S2A_32TNS_20240607_0_L2A"], near, api=api, bands=["red"])
    assert {scene.id for scene in gigascene.open_scenes(near)} == {
        SHORT,
        "S2A_32TMS_20240617_0_L2A",
        "S2A_32TNS_20240607_0_L2A",
    }
    files.reset()
    again = gigascene.fetch_scenes(SHORT, near, api=api, bands=["red", "nir"])
    assert of_files(files) == ["B04.tif", "B08.tif"] or of_files(files) == ["B08.tif"]
    assert (again.files, again.came) == (2, (near / SHORT / "B08.tif").stat().st_size)
    scenes = {scene.id: scene for scene in gigascene.open_scenes(near)}
    assert len(scenes) == 3
    assert scenes[SHORT].asset("red").href == str(near / SHORT / "B04.tif")


def test_any_folder_will_do(api, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gigascene.fetch_scenes(SHORT, "scenes", api=api, bands=["red"])
    gigascene.fetch_scenes("S2A_32TNS_20240607_0_L2A", "scenes", api=api, bands=["red"])
    assert len(gigascene.open_scenes("scenes")) == 2
    monkeypatch.chdir(tmp_path / "scenes")
    gigascene.fetch_scenes(SHORT, ".", api=api, bands=["green"])
    assert copied(tmp_path / "scenes") == ["B03.tif", "B04.tif", "B04.tif"]


def test_one_archive_that_is_silent_is_told_and_the_next_one_asked(api, files, tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOGS, "planetary-computer", "http://127.0.0.1:9")
    monkeypatch.setitem(CATALOGS, "usgs", api)
    monkeypatch.setitem(CATALOGS, "earth-search", api)
    found = _by_id.resolved(_by_id.named([LANDSAT, SHORT]), None)
    assert [one.item.id for one in found.found] == [f"{LANDSAT}_SR", SHORT]
    assert [note.partition(":9")[0] for note in found.notes] == ["http://127.0.0.1"]
    gone = NEW.replace("2024", "2023")
    with pytest.raises(BadInput, match="no archive answers"):
        monkeypatch.setitem(CATALOGS, "earth-search", "http://127.0.0.1:9")
        _by_id.resolved(_by_id.named([gone]), None)
    monkeypatch.setitem(CATALOGS, "earth-search", api)
    with pytest.raises(BadInput, match=r"is in none of the archives.*Not asked: http://127.0.0.1:9"):
        _by_id.resolved(_by_id.named([LANDSAT, gone]), None)


def test_a_product_that_was_processed_again_is_found_and_told(api, files, tmp_path, capsys, monkeypatch):
    said = spoken(capsys, monkeypatch, "fetch", OLD, "--api", api, "--bands", "red", "--to", tmp_path / "near")
    assert said.code == 0, said.err
    assert f"{OLD} is not there under this name" in said.err
    assert f"has {SHORT} of the same satellite, tile and time, and this is taken" in said.err
    assert [path.name for path in (tmp_path / "near").iterdir() if path.is_dir()] == [SHORT]


@pytest.mark.parametrize(
    "id", [RETIRED, "LC08_L1TP_226010_20140820_20170420_01_T1", "LC08_L2SP_226010_20140820_20200101_02_RT"]
)
def test_retired_ids_of_landsat(api, files, tmp_path, id):
    files.files["/sas/landsateuwest/landsat-c2"] = json.dumps(
        {"token": "sig=PLANTED", "msft:expiry": "2999-01-01T00:00:00Z"}
    ).encode()
    files.locked["/landsat-c2/"] = (409, "sig=PLANTED")
    files.locked["/data/"] = (401, "never")
    found = _by_id.resolved(_by_id.named([id]), api)
    assert len(found.found) == len(found.notes) == 1
    assert "2014" in found.found[0].item.id
    assert "path, row and day" in found.notes[0]


def test_the_archives_are_asked_in_turn_and_signed_for(api, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGS, "planetary-computer", api)
    files.files["/sas/landsateuwest/landsat-c2"] = json.dumps(
        {"token": "sig=PLANTED", "msft:expiry": "2999-01-01T00:00:00Z"}
    ).encode()
    files.locked["/landsat-c2/"] = (409, "sig=PLANTED")
    near = tmp_path / "near"
    said = spoken(capsys, monkeypatch, "fetch", RETIRED, "--mask", "clouds", "--to", near)
    assert said.code == 0, said.err
    assert "is not kept any more; planetary-computer has LC08_L2SP_226010_20140820_02_T1" in said.err
    assert copied(near) == sorted(f"{LANDSAT}_{key}.TIF" for key in ("QA_PIXEL", "SR_B2", "SR_B3", "SR_B4"))
    assert b"PLANTED" not in b"".join(path.read_bytes() for path in near.rglob("*") if path.is_file())
    assert "PLANTED" not in said.out + said.err
    exact = _by_id.resolved(_by_id.named([LANDSAT]), None)
    assert (exact.found[0].item.id, exact.notes) == ("LC08_L2SP_226010_20140820_02_T1", ())


def test_a_login_is_one_line_that_tells_who_pays_what(api, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGS, "usgs", api)
    files.locked["/data/"] = (401, "never")
    words = ("fetch", LANDSAT, "--api", "usgs", "--to", tmp_path / "near")
    said = spoken(capsys, monkeypatch, *words)
    assert said.code == 4
    [line] = said.err.splitlines()
    assert line.startswith("gigascene: 3 files at http://landsatlook.example.org, such as ")
    assert (
        "--requester-pays reads it in s3://usgs-landsat with your AWS credentials, and AWS bills you: about $0.09 a GB"
        in line
    )
    assert "Traceback" not in said.err


def test_a_login_page_is_no_file(api, files, tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOGS, "usgs", api)
    files.files["/login.html"] = b"<html>"
    for name in [name for name in files.files if name.startswith("/data/")]:
        files.moved[name] = "http://ers.example.org/login.html"
    with pytest.raises(BadInput, match=r"3 files at http://landsatlook.example.org.*wants a login.*--requester-pays"):
        gigascene.fetch_scenes(LANDSAT, tmp_path / "near", api="usgs")


def test_who_agreed_to_pay_and_has_no_credentials(api, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGS, "usgs", api)
    for name in ("CONFIG", "SHARED_CREDENTIALS"):
        monkeypatch.setenv(f"AWS_{name}_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://169.254.169.254")
    words = ("fetch", LANDSAT, "--api", "usgs", "--requester-pays", "--to", tmp_path / "near")
    monkeypatch.setenv(paid.VARIABLE, "")  # so that it is put back
    said = spoken(capsys, monkeypatch, *words)
    assert said.code == 4
    assert "3 files at s3://usgs-landsat" in said.err
    assert "no credentials were found. AWS bills who reads usgs-landsat" in said.err
    assert os.environ[paid.VARIABLE] == "requester"


@pytest.fixture
def product(files, tmp_path):
    """Level 1 as its agency delivers it, on disk and behind the address; band 5 is not there."""
    folder = tiny_landsat.write_collection2(tmp_path / "given" / LEVEL1)
    files.files |= {f"/data/{path.name}": path.read_bytes() for path in folder.iterdir()}
    return folder


@pytest.mark.parametrize("id", [LEVEL1, "LC08_L1TP_016037_20170813_20170814_02_RT"])
def test_level_1_comes_with_its_metadata_and_opens_as_the_product(api, files, product, tmp_path, id):
    near = tmp_path / "near"
    gigascene.fetch_scenes(id, near, api=api, bands=["red", "green"])
    assert {path.name for path in (near / LEVEL1).iterdir()} == {
        f"{LEVEL1}{end}" for end in (".json", "_MTL.txt", "_B3.TIF", "_B4.TIF")
    }
    files.files.clear()
    forget()
    files.reset()
    [scene] = gigascene.open_scenes(near)
    there = gigascene.open_scene(product)
    assert not files.asked
    assert (scene.sensor, scene.id, scene.datetime) == (there.sensor, there.id, there.datetime)
    assert scene.asset("red").calibrations == there.asset("red").calibrations
    assert {"red", "green"} <= {asset.name for asset in scene.assets.values()}
    assert "blue" in scene.absent


def test_level_1_makes_the_same_picture_from_its_item(files, product, tmp_path):
    (tmp_path / "item.json").write_text(json.dumps(level1()))
    for name, source in (("far", tmp_path / "item.json"), ("near", product)):
        gigascene.compose("true-color", source, tmp_path / f"{name}.png")
    assert (tmp_path / "far.png").read_bytes() == (tmp_path / "near.png").read_bytes()


def test_level_1_behind_a_login_tells_who_pays_what(api, files, product, tmp_path):
    files.locked["/data/"] = (401, "never")
    with pytest.raises(
        BadInput, match=r"_MTL.txt: may not be read \(HTTP 401\).*--requester-pays reads it in s3://usgs-landsat"
    ):
        gigascene.fetch_scenes(LEVEL1, tmp_path / "near", api=api)


def test_what_only_payers_read_is_not_asked_for(api, files, tmp_path):
    item = landsat(LANDSAT, "s3://usgs-landsat/c2/", "landsat-c2l2-sr")
    (tmp_path / "item.json").write_text(json.dumps(item))
    with pytest.raises(BadInput, match=r"3 files at s3://usgs-landsat, .* paid for by who reads it.*--requester-pays"):
        gigascene.fetch_scenes(tmp_path / "item.json", tmp_path / "near")


def test_what_is_nowhere(api, files, tmp_path, capsys, monkeypatch):
    near = tmp_path / "near"
    said = spoken(capsys, monkeypatch, "fetch", NEW.replace("2024", "2023"), "--api", api, "--to", near)
    assert said.code == 4
    assert len(said.err.splitlines()) == 1
    assert f"is in none of the archives that were asked ({api})" in said.err
    said = spoken(capsys, monkeypatch, "fetch", SHORT, "--api", "http://127.0.0.1:9", "--to", near)
    assert said.code == 4
    assert len(said.err.splitlines()) == 1
    assert "127.0.0.1:9: cannot be reached" in said.err
    assert spoken(capsys, monkeypatch, "fetch", SHORT, "--api", "nobody", "--to", near).code == 2
    said = spoken(capsys, monkeypatch, "fetch", "no-such-thing", SHORT, "--to", near)
    assert (said.code, "one catalogue or search result at a time, or any number of ids" in said.err) == (2, True)
    said = spoken(capsys, monkeypatch, "fetch", "no-such-thing", "--to", near)
    assert (said.code, "neither a file nor the id" in said.err) == (4, True)
    said = spoken(capsys, monkeypatch, "fetch", "S2A_OPER_PRD_MSIL1C_PDMC_20151231T1", "--to", near)
    assert (said.code, "before December 2016" in said.err) == (4, True)
    assert not near.exists()


def test_a_dry_run_tells_files_bytes_and_cost(api, files, bands, tmp_path, capsys, monkeypatch):
    words = ("fetch", SHORT, "S2A_32TNS_20240607_0_L2A", "--api", api, "--bands", "red", "--to", tmp_path / "near")
    said = spoken(capsys, monkeypatch, *words, "--dry-run")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1].startswith("2 files, ")
    told = json.loads(spoken(capsys, monkeypatch, *words, "--dry-run", "--json").out)
    assert (told["bytes"], told["there"], told["cost"]) == (2 * len(bands["B04.tif"]), 0, "")
    assert [one["item"] for one in told["copies"]] == [SHORT, "S2A_32TNS_20240607_0_L2A"]
    assert not (tmp_path / "near").exists()


def test_a_strangers_archive_names_no_file_of_this_machine(files, tmp_path, monkeypatch):
    (tmp_path / "secret.tif").write_bytes(b"mine")
    wicked = sentinel2(SHORT, NEW)
    wicked["assets"]["red"]["href"] = f"file://{tmp_path}/secret.tif"
    (tmp_path / "server").mkdir()
    with stac_server(tmp_path / "server", [wicked]) as address, pytest.raises(BadInput, match="this machine"):
        gigascene.fetch_scenes(SHORT, tmp_path / "near", api=address, bands=["red"])


def test_no_access_is_an_error_of_permission():
    assert issubclass(NoAccess, PermissionError)


REAL = {
    "other/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json": {
        "LC08_L2SP_028030_20200114_20200824_02_T1": True,
        "LC08_L2SP_028030_20200114_20200824_02_T1_SR": True,
        "LC80280302020014LGN00": False,
        "LC08_L1TP_028030_20200114_20200127_01_T1": False,
    },
    "other/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json": {"LE70440332021088EDC00": False},
    "landsat/examples/landsat-c2-l2/LC09_L2SP_010065_20220129_02_T1/LC09_L2SP_010065_20220129_02_T1.json": {
        "LC09_L2SP_010065_20220129_02_T1": True,
        "LC09_L2SP_010065_20220129_20220131_02_T1": True,
        "LC90100652022029LGN00": False,
    },
    "landsat/examples/landsat-c2-l2/LT05_L2SP_010067_19860424_02_T2/LT05_L2SP_010067_19860424_02_T2.json": {
        "LT50100671986114XXX02": False
    },
    "other/LC08_L2SR_081119_20200101_20200823_02_T2.json": {"LC80811192020001LGN00": False},
    "other/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json": {
        "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531": True,
        "S2B_MSIL2A_20190629T212529_N0212_R043_T06VVN_20201006T080531.SAFE": True,
        "S2B_MSIL2A_20190629T212529_N0500_R043_T06VVN_20230601T000000": False,
        "S2B_6VVN_20190629_0_L2A": False,
    },
    "sentinel2/s2-catalog/S2A_5VNK_20180324_0_L2A/S2A_5VNK_20180324_0_L2A.json": {"S2A_5VNK_20180324_0_L2A": True},
}
"""Items as archives tell them; ids by which each is asked for, and whether that is its own name."""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    items = [json.loads((DATA / "stac" / name).read_text()) for name in REAL]
    with stac_server(tmp_path_factory.mktemp("real"), items) as address:
        yield address


@needs_data
@pytest.mark.parametrize(
    ("name", "id", "own"), [(name, id, own) for name, ids in REAL.items() for id, own in ids.items()]
)
def test_real_items_are_found_by_names_of_every_generation(real, files, name, id, own):
    found = _by_id.resolved(_by_id.named([id]), real)
    assert found.found[0].item.id == name.rpartition("/")[2].removesuffix(".json")
    assert (found.notes == ()) == own
    assert own or id in found.notes[0]


@needs_data
@pytest.mark.parametrize(
    "id",
    [
        "LC80280302020015LGN00",  # another day, row, satellite, instrument, level, tile, satellite, orbit
        "LC80280312020014LGN00",
        "LC90280302020014LGN00",
        "LM50100671986114XXX02",
        "LC08_L1TP_028030_20200114_20200824_02_T1",
        "S2B_MSIL2A_20190629T212529_N0212_R043_T06VVP_20201006T080531",
        "S2A_MSIL2A_20190629T212529_N0212_R043_T06VVN_20201006T080531",
        "S2B_MSIL2A_20190629T230529_N0212_R043_T06VVN_20201006T080531",
        "S2B_MSIL1C_20190629T212529_N0207_R043_T06VVN_20190629T230000",
    ],
)
def test_what_is_only_like_a_real_item_is_not_taken_for_it(real, files, id):
    with pytest.raises(BadInput, match="is in none of the archives"):
        _by_id.resolved(_by_id.named([id]), real)
