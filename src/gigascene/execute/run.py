"""What a worker does with a task: physical → shown → encoded, and nothing else."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.execute.memory import give_back_freed
from gigascene.kernels import palette, stretch
from gigascene.model import wire
from gigascene.model.block import Block, Shown
from gigascene.model.contracts import Codec, Done, Failed, Piece
from gigascene.model.grid import Window
from gigascene.model.plan import Plan, Task
from gigascene.plan.work import work_of
from gigascene.readers.window import limit_cache
from gigascene.registry import ENGINES, WRITERS
from gigascene.storage import remote
from gigascene.works.gather import Gather, columns, windows


class Job:
    """A plan ready to run tasks. Travels to other processes as the plan's JSON."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        give_back_freed()
        processes = ENGINES[plan.execution.engine](plan.execution.workers).processes
        limit_cache(plan.cut.cache, 1 if processes > 1 else plan.execution.workers)
        self.codec: Codec = WRITERS[plan.format.writer].codec
        self.work = work_of(plan)

    def __reduce__(self) -> tuple[Any, ...]:
        return _job, (wire.dumps(self.plan), remote.secrets())

    def __call__(self, task: Task) -> Done | Failed:
        """Run one task; what goes wrong is a result, not an exception."""
        began = time.thread_time()
        try:
            pieces = tuple(self.pieces(task))
        except Exception as error:  # noqa: BLE001  (everything travels home, with its traceback)
            return Failed(task=task, error=error, traceback=traceback.format_exc())
        return Done(task=task, pieces=pieces, seconds=time.thread_time() - began)

    def pieces(self, task: Task) -> Iterator[Piece]:
        """Pieces of one task, in order."""
        grid = self.codec.pieces(self.plan.format)
        for _, run in grid.runs(task.start, task.stop):
            yield from self.encoded(self.shown(window) for window in windows(run, self.plan.cut.window_rows))

    @property
    def gather(self) -> Gather:
        """The work, where it is one that makes a product."""
        assert isinstance(self.work, Gather)
        return self.work

    def physical(self, window: Window) -> Block:
        """Read, calibrate, mask, make; or stored numbers where a table shows them just the same."""
        return self.gather.stored(window) if self.gather.tabled else self.gather.physical(window)

    def shown(self, window: Window) -> Shown:
        """Levels for display, a few columns at a time: their source pixels are gone before the next are read."""
        format = self.plan.format
        levels = np.empty((window.height, window.width, format.bands), format.dtype)
        if not isinstance(self.work, Gather):
            self.work.levels(window, levels)
            return Shown(window=window, levels=levels)
        for part in columns(window, self.plan.cut.window_columns):
            left = part.left - window.left
            self._show(self.physical(part), levels[:, left : left + part.width])
        return Shown(window=window, levels=levels)

    def _show(self, block: Block, levels: NDArray[Any]) -> None:
        """Painted where there is a palette, alpha last where the format has it."""
        if self._palette is not None:
            single = np.empty((*levels.shape[:2], 1), np.uint8)
            self._toned(block, single)
            levels[..., :3] = palette.paint(single[..., 0], self._palette)
        else:
            self._toned(block, levels)
        if self.plan.format.alpha:
            levels[..., -1] = np.where(block.valid, np.iinfo(levels.dtype).max, 0)

    def encoded(self, pictures: Iterable[Shown]) -> Iterator[Piece]:
        """Bytes: each row of pieces from the windows that make it up."""
        grid = self.codec.pieces(self.plan.format)
        height, width = grid.piece
        parts = (part for shown in pictures for part in _split(shown, height))
        for place, group in groupby(parts, lambda part: (part.window.top // height, part.window.left // width)):
            first = place[0] * grid.across + place[1]
            yield from self.codec.encode(first, group, self.plan.format)

    def _toned(self, block: Block, out: NDArray[Any]) -> None:
        """Levels of every channel into the first bands of `out`: by table, or threshold by threshold."""
        tone = self.plan.recipe.tone
        if self.gather.tabled:
            stretch.look_up(block.data, block.valid, self._tables, out)
            return
        for channel, thresholds in enumerate(tone.thresholds):
            stretch.levels(block.data[channel], thresholds, tone.base, out[..., channel])

    @cached_property
    def _tables(self) -> NDArray[Any]:
        tone, dtype = self.plan.recipe.tone, self.plan.format.dtype
        pairs = zip(self.gather.tables, tone.thresholds, strict=True)
        return np.stack([stretch.table(values, thresholds, tone.base, dtype) for values, thresholds in pairs])

    @cached_property
    def _palette(self) -> NDArray[np.uint8] | None:
        name = self.plan.recipe.look.palette
        return None if name is None else palette.colours(name)


def tasks(plan: Plan, codec: Codec, start: int = 0) -> Iterator[Task]:
    """Tasks over the pieces from `start` on: a rule, never a list."""
    total, step = len(codec.pieces(plan.format)), plan.cut.task_pieces
    while start < total:
        stop = min((start // step + 1) * step, total)
        yield Task(index=start // step, start=start, stop=stop)
        start = stop


def _split(shown: Shown, height: int) -> Iterator[Shown]:
    """Parts that do not cross a border between rows of pieces; views, no copies."""
    window = shown.window
    top = window.top
    while top < window.bottom:
        bottom = min((top // height + 1) * height, window.bottom)
        levels = shown.levels[top - window.top : bottom - window.top]
        part = Window(top=top, left=window.left, height=bottom - top, width=window.width)
        yield Shown(window=part, levels=levels)
        top = bottom


def _job(text: str, secrets: dict[str, str]) -> Job:
    remote.learn(secrets)
    return Job(wire.loads(Plan, text))
