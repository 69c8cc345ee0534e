"""Where a cluster shows its work is told with the progress; one of our own shows it to nobody."""

from dataclasses import replace

from distributed import Client, LocalCluster

import gigascene
from gigascene.cli import _progress
from gigascene.execute.coordinate import Progress


def pages(plan):
    seen = []
    gigascene.run(replace(plan, execution=replace(plan.execution, engine="dask", workers=1)), watch=seen.append)
    return {state.page for state in seen}


def test_of_a_cluster_that_has_one(small_scene, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.png")
    settings = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "memory_limit": 0}
    with LocalCluster(**settings, dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
        assert pages(plan) == {client.dashboard_link}
        assert client.dashboard_link.startswith("http://")
    assert pages(plan) == {""}


def test_it_is_told_once(small_scene, tmp_path, capsys):
    state = Progress(pieces=1, of=9, resumed=0, seconds=1.0, page="http://head:8787/status")
    with _progress.progress("ndvi", quiet=False) as watch:
        told = _progress.run_watcher(watch)
        told(state)
        told(replace(state, pieces=2))
    assert capsys.readouterr().err.count("http://head:8787/status") == 1
