"""`gigascene.load` where Dask's own client is: the user's cluster reads, and the graph tells what it is."""

import json
import shutil

import numpy as np
import pytest
from distributed import Client, LocalCluster, futures_of, wait

import gigascene
import stac_scene
from gigascene.settings import settings
from range_server import serving
from where import DATA, needs_data

PROCESSES = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
REAL = DATA / "landsat" / "LC08_L2SP_005009_20150710_20200908_02_T2_C2L2_512px"


@pytest.fixture(scope="module")
def client():
    """A cluster of the user's, whose workers are processes; it may read from loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
        settings.cache_clear()
        with LocalCluster(**PROCESSES) as cluster, Client(cluster) as client:
            yield client
    settings.cache_clear()


def equal(one, other):
    return np.array_equal(one.values, other.values, equal_nan=True)


def test_workers_make_the_values_and_keep_them(client, scene, monkeypatch):
    monkeypatch.setattr("gigascene.api.load.CHUNK_SIDE", 256)
    lazy = gigascene.load("ndvi", scene)
    kept = lazy.persist()
    done, not_done = wait(kept)
    assert len(done) == lazy.data.npartitions == 9
    assert not not_done
    assert all(client.who_has(list(done)).values())
    assert equal(kept.compute(), lazy.compute(scheduler="synchronous"))
    again = gigascene.load("ndvi", scene).persist()
    assert {future.key for future in futures_of(again)} == {future.key for future in done}, "they are made twice"


@needs_data
def test_a_real_scene(client):
    lazy = gigascene.load("true-color", REAL, mask=("clouds",))
    assert equal(lazy.persist().compute(), lazy.compute(scheduler="synchronous"))
    assert np.isfinite(float(lazy.mean()))


def test_the_graph_says_what_it_is(scene):
    lazy = gigascene.load("pan-sharpened", scene)
    [layer] = lazy.__dask_graph__().layers
    assert layer.startswith("pan-sharpened-")
    assert layer in lazy.__dask_graph__()._repr_html_()
    assert gigascene.load("pan-sharpened", scene, units="radiance").data.name != lazy.data.name


def test_what_goes_wrong_comes_home_as_it_is(client, small_scene, tmp_path):
    copy = shutil.copytree(small_scene, tmp_path / small_scene.name)
    lazy = gigascene.load("true-color", copy)
    next(copy.glob("*_B4.TIF")).unlink()
    with pytest.raises(gigascene.BadInput, match=r"_B4\.TIF, band B4.*is gone"):
        lazy.compute()


def test_secrets_in_hrefs_reach_the_workers_and_no_log(client, tmp_path):
    stac_scene.write_bands(tmp_path, {"forest": 1, "water": 1}, raw=True, side=256)
    with serving() as (url, files):
        for path in tmp_path.iterdir():
            files.files[f"/there/{path.name}"] = files.files[f"/gone/{path.name}"] = path.read_bytes()
        there, gone = (gigascene.load("true-color", signed(tmp_path, f"{url}/{name}/")) for name in ("there", "gone"))
        files.reset()
        assert float(there.mean()) > 0
        assert files.asked
        del files.files["/gone/B04.tif"]
        with pytest.raises(gigascene.BadInput, match=r"gone/B04\.tif") as caught:
            gone.compute()
        assert all(path.endswith("?sig=PLANTED") for path, _ in files.asked)
    logs = [caught.value, client.get_worker_logs(), client.get_scheduler_logs(), dict(gone.__dask_graph__())]
    assert "gone/B04.tif" in str(logs)
    assert "PLANTED" not in str(logs)


def signed(folder, base):
    """An item whose hrefs hold a secret."""
    document = stac_scene.item(base=base, side=256)
    for asset in document["assets"].values():
        asset["href"] += "?sig=PLANTED"
    item = folder / f"{base.split('/')[-2]}.json"
    item.write_text(json.dumps(document))
    return gigascene.open_scene(item, offset="raw")
