"""What a piece costs beside its pixels: `python benchmarks/scale.py [--pieces 100000 1000000] [--engines threads …]`.

A mosaic is planned whose output has so many pieces, and run by the real coordinator, engine, journal, sink and receipt; only
the job is idle (`_idle`). Of the engine slurm, whose jobs cannot be idle, it is the spool: the jobs' logs are written at once, and then
read as a coordinator does. Each run is a process of its own. Told are CPU seconds of all processes and resident memory of the
coordinator: when the first pieces are placed, when the last is, and at the end. docs/scale.md has the numbers.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FORMATS = {"cog": (".tif", {"tile": 64}), "png": (".png", {})}
BATCH = {"threads": 1, "processes": 1, "dask": 16, "slurm": 1}
"""Pieces of a task: the worst that can be, and for Dask what its scheduler asks for."""

ELEMENTS = 200
"""Of the array of jobs that is imagined for `slurm`."""


def main() -> None:
    """Each case in a process of its own, one after another; a line of JSON for each."""
    asked = _arguments()
    if asked.case:
        print(json.dumps(run(**json.loads(asked.case))))
        return
    with tempfile.TemporaryDirectory(prefix="scale-", dir=asked.work) as work:
        for case in _cases(asked):
            print(json.dumps(case | _alone(case | {"work": work})), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", choices=list(BATCH), default=["threads", "processes"])
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--batch", type=int, help="pieces of a task, instead of 1 (dask: 16)")
    parser.add_argument(
        "--no-finish", action="store_true", help="stop when the last piece is placed: half the time of a COG"
    )
    parser.add_argument("--work", type=Path, help="for the outputs: some GB")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser.parse_args()


def _cases(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for format in asked.formats:
        for engine in asked.engines:
            for pieces in asked.pieces:
                batch = asked.batch or BATCH[engine]
                yield {
                    "format": format,
                    "engine": engine,
                    "pieces": pieces,
                    "batch": batch,
                    "finish": not asked.no_finish,
                }


def _alone(case: dict[str, Any]) -> dict[str, Any]:
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, __file__, "--case", json.dumps(case)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run(*, format: str, engine: str, pieces: int, batch: int, finish: bool, work: str) -> dict[str, Any]:
    """Plan and run one case; what it cost."""
    import gigascene
    from _idle import Idle
    from gigascene.execute import coordinate
    from gigascene.model import wire
    from gigascene.registry import WRITERS

    if engine == "slurm":
        return spooled(pieces, Path(work))
    coordinate.Job = Idle  # type: ignore[misc]
    began = _spent()
    plan = planned(format, engine, pieces, Path(work))
    text = wire.dumps(plan)
    after = _spent()
    grid = WRITERS[plan.format.writer].codec.pieces(plan.format)
    assert len(grid) == pieces, f"{len(grid)} pieces"
    plan = replace(plan, cut=replace(plan.cut, task_pieces=batch))
    marks = _Marks(pieces, Path(plan.target), finish=finish)
    whole: dict[str, Any] = {}
    with suppress(_Enough):
        receipt = gigascene.run(plan, watch=marks)
        whole = {
            "finish_us_a_piece": round((time.process_time() - marks.own) / pieces * 1e6, 1),
            "wall_s": receipt.seconds,
            "receipt_bytes_a_piece": round(Path(receipt.path).stat().st_size / pieces),
        }
    for path in [*Path(work).glob("out*"), *Path(work).glob(".out*")]:
        path.unlink()
    cpu = marks.last[0] - marks.first[0]
    return whole | {
        "plan_s": round(after - began, 2),
        "plan_bytes": len(text),
        "us_a_piece": round(cpu / (pieces - marks.first_pieces) * 1e6, 1),
        "first_mb": marks.first[1] >> 20,
        "last_mb": marks.last[1] >> 20,
        "peak_mb": _own_peak() >> 20,
        "journal_bytes_a_piece": round(marks.journal / pieces),
    }


def spooled(tasks: int, work: Path) -> dict[str, Any]:
    """So many results of one piece through files: what writing and what claiming them costs."""
    from gigascene.engines._parcel import packed
    from gigascene.engines._spool import Spool
    from gigascene.model.contracts import Done, Piece
    from gigascene.model.plan import Task

    spool = Spool(work / ".out.spool", "scale")
    every = (Task(index=index, start=index, stop=index + 1) for index in range(tasks))
    spool.begin("{}", every)
    began = time.process_time()
    for element in range(ELEMENTS):
        with spool.log(element) as log, io.BufferedWriter(log) as file:  # type: ignore[arg-type]
            for task in spool.tasks(element, ELEMENTS):
                piece = Piece(index=task.start, body=b"x" * 700, sha256="0" * 64)
                file.write(packed(Done(task=task, pieces=(piece,), seconds=0.0)))
    written = time.process_time()
    first = _resident()
    spool.divide(ELEMENTS)
    divided = time.process_time()
    spool.look()
    looked, most = time.process_time(), _resident()
    for task in spool.tasks(0, 1):
        assert spool.result(task) is not None
        spool.claim(task)
    claimed = time.process_time()
    assert not any(spool.left(element) for element in range(ELEMENTS))
    shutil.rmtree(spool.folder)
    return {
        "written_us_a_task": round((written - began) / tasks * 1e6, 1),
        "divided_us_a_task": round((divided - written) / tasks * 1e6, 1),
        "looked_us_a_task": round((looked - divided) / tasks * 1e6, 1),
        "claimed_us_a_task": round((claimed - looked) / tasks * 1e6, 1),
        "first_mb": first >> 20,
        "unclaimed_bytes_a_task": round((most - first) / tasks),
        "last_mb": _resident() >> 20,
    }


def planned(format: str, engine: str, pieces: int, work: Path) -> Any:
    """A mosaic of one small scene in an output of so many pieces, all but a few of them empty."""
    import gigascene
    from gigascene.simulate.landsat import simulate

    folder = next(work.glob("LC08*"), None) or simulate(work, size=(300, 260), seed=5)
    suffix, options = FORMATS[format]
    return gigascene.plan_mosaic(
        "true-color",
        [folder],
        work / f"out{suffix}",
        grid=f"like:{grid(format, pieces, folder, work)}",
        stretch="0.0:0.3",
        options=options,
        engine=engine,
        workers=2,
        memory="64G",
    )


def grid(format: str, pieces: int, folder: Path, work: Path) -> Path:
    """An empty file of the output's shape."""
    import rasterio

    with rasterio.open(next(folder.glob("*_B4.TIF"))) as band:
        transform, crs = band.transform, band.crs
    if format == "cog":
        side = round(pieces**0.5)
        across, down = (side, side) if side * side == pieces else (pieces // 100, 100)
        height, width = down * 256, across * 256
    else:
        height, width = pieces * 16, 32_768
    file = work / f"grid-{format}-{pieces}.tif"
    with rasterio.open(
        file, "w", driver="GTiff", width=width, height=height, count=1, dtype="uint8", crs=crs, transform=transform,
        tiled=True, blockxsize=16384, blockysize=16384, sparse_ok=True, bigtiff=True,
    ):  # fmt: skip
        return file


class _Enough(Exception):
    """The last piece is placed."""


class _Marks:
    """CPU seconds and resident bytes, at the first results and at the last."""

    def __init__(self, pieces: int, target: Path, *, finish: bool) -> None:
        self._pieces, self._target, self._finish = pieces, target, finish
        self.own = 0.0
        self.first = self.last = (0.0, 0)
        self.first_pieces = self.journal = 0

    def __call__(self, progress: Any) -> None:
        """After each result."""
        if not self.first_pieces and progress.pieces >= 1000:
            self.first, self.first_pieces = (_spent(), _resident()), progress.pieces
        if progress.pieces == self._pieces:
            self.last, self.own = (_spent(), _resident()), time.process_time()
            self.journal = self._target.with_name(f".{self._target.name}.journal").stat().st_size
            if not self._finish:
                raise _Enough


def _spent() -> float:
    """CPU seconds of this process and of all below it."""
    import psutil

    total = time.process_time()
    me = os.times()
    total += me.children_user + me.children_system
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def _own_peak() -> int:
    from gigascene.execute.memory import own_peak

    return own_peak()


if __name__ == "__main__":
    main()
