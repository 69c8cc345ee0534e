"""Mosaics of simulated regions on a Dask cluster of this machine: ours, odc-stac with odc-geo, and ours by threads."""

from __future__ import annotations

import os
from collections.abc import Callable

from _jobs import HERE, Tools
from _measure import Job
from _mosaics import LIMITS, mosaic
from _sources import region_grid

WORKERS = str(os.cpu_count() or 1)
MEMORY = "2G"
"""For coordinator, scheduler and workers together: what ours is allowed."""

THERE = f"{WORKERS} workers of one thread, there before"


def on_cluster(name: str) -> Callable[[Tools], list[Job]]:
    """The last date on top, and the median of dates; a fresh cluster for each run, started by one command."""

    def jobs(tools: Tools) -> list[Job]:
        pairs = ((_ours(tools, name, rule, "dask"), _odc(tools, name, rule)) for rule in ("latest", "median"))
        return [job for pair in pairs for job in pair]

    return jobs


def by_engine(name: str, rule: str) -> Callable[[Tools], list[Job]]:
    """A mosaic by threads, on a cluster that is there, and on one that the command starts and ends itself."""

    def jobs(tools: Tools) -> list[Job]:
        return [_ours(tools, name, rule, engine) for engine in ("threads", "dask", "own-dask")]

    return jobs


NAMES = {
    "threads": ("gigascene, threads, {rule}", ""),
    "dask": ("gigascene, dask, {rule}", THERE),
    "own-dask": ("gigascene, dask, own cluster, {rule}", "started and ended by the command, behind TLS"),
}


def _ours(tools: Tools, name: str, rule: str, engine: str) -> Job:
    output = tools.out(f"{name}-{engine}-{rule}.tif")
    words, note = NAMES[engine]
    hands = ["--engine", engine.removeprefix("own-"), "--workers", WORKERS, "--memory", MEMORY]
    return Job(
        name=words.format(rule=rule),
        commands=[[str(tools.cluster / "gigascene"), *mosaic(tools, name, rule, output), *hands]],
        output=output,
        server=_cluster(tools) if engine == "dask" else (),
        note=note,
    )


def _odc(tools: Tools, name: str, rule: str) -> Job:
    output = tools.out(f"{name}-odc-dask-{rule}.tif")
    program = [str(tools.cluster / "python"), str(HERE / "peers" / "odc_mosaic.py")]
    inputs = [rule, str(tools.work / name), str(region_grid(tools.work, name)), str(output)]
    return Job(
        name=f"odc-stac + save_cog_with_dask, {rule}",
        commands=[[*program, *inputs, *LIMITS, "--cluster"]],
        output=output,
        server=_cluster(tools),
        note=THERE,
    )


def _cluster(tools: Tools) -> list[str]:
    """The command of the cluster, the same for everyone."""
    folder = tools.work / "dask"
    return [str(tools.cluster / "python"), str(HERE / "peers" / "cluster.py"), WORKERS, str(folder)]
