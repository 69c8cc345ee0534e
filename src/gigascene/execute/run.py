"""What a worker does with a task: physical → shown → encoded, and nothing else."""

from __future__ import annotations

import platform
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.execute.in_place import Place, author, place_in_body
from gigascene.execute.memory import give_back_freed
from gigascene.execute.unpack import there
from gigascene.kernels import palette, stretch
from gigascene.model import wire
from gigascene.model.block import Block, Shown
from gigascene.model.contracts import Codec, Done, Failed, Piece
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.model.grid import Window
from gigascene.model.plan import AS_IT_IS, Plan, Task
from gigascene.plan.check import check_versions
from gigascene.plan.fingerprint import sources
from gigascene.plan.work import Makes, work_of
from gigascene.readers.window import limit_cache
from gigascene.registry import WRITERS
from gigascene.storage import hrefs
from gigascene.works.copy import CopyBands, CopyPicture
from gigascene.works.gather import Gather, columns, windows
from gigascene.works.merge import Merge
from gigascene.works.mosaic import TABLES, Mosaic
from gigascene.works.overlay import Drawing


class Job:
    """A plan ready to run tasks. Travels to other processes as the plan's JSON; where pieces have their `place`, they are written there."""

    def __init__(self, plan: Plan, place: Place | None = None) -> None:
        self.plan = plan
        self.place = place
        give_back_freed()
        limit_cache(plan.cut.cache, plan.cut.cache_threads)
        self.codec: Codec = WRITERS[plan.format.writer].codec
        self.work = work_of(plan)
        self.drawing = None if plan.overlay is None else Drawing(plan.overlay, plan.format)

    def __reduce__(self) -> tuple[Any, ...]:
        return received, (self.written(), self.secrets(), self.place)

    def written(self) -> str:
        """The plan, as JSON."""
        return wire.dumps(self.plan)

    def secrets(self) -> dict[str, str]:
        """Those in the hrefs of what the plan reads, and no others that this process may know."""
        return hrefs.secrets(source.href for source in sources(self.plan))

    def __call__(self, task: Task) -> Done | Failed:
        """Run one task; what goes wrong is a result, not an exception."""
        began = time.thread_time()
        try:
            pieces = tuple(map(self.stored, self.pieces(task)))
        except Exception as error:  # noqa: BLE001  (it travels)
            return Failed(task=task, error=error, traceback=traceback.format_exc())
        return Done(task=task, pieces=pieces, seconds=time.thread_time() - began, author=self.author)

    def stored(self, piece: Piece, *, sync: bool = False) -> Piece:
        """A piece, written where it belongs if that is known and can be done here; with `sync`, as if on another machine.

        Where other machines write too, all write so.
        """
        if self.place is None or not (self._near or self.place.afar):
            return piece
        at = place_in_body(self.plan.format, piece.index, apart=self.place.apart)
        if at is None:
            return piece
        if len(piece.body) > (most := self.codec.bound(self.plan.format)):
            raise ValueError(f"piece {piece.index} has {len(piece.body)} bytes, and none should have more than {most}")
        return self.place.store(piece, at, sync=sync or not self._near or self.place.afar)

    @cached_property
    def _near(self) -> bool:
        return self.place is None or self.place.near()

    @property
    def author(self) -> str:
        """Who says so, where pieces are written in place on another machine."""
        return "" if self._near else author()

    def pieces(self, task: Task) -> Iterator[Piece]:
        """Pieces of one task, in order."""
        grid = self.codec.pieces(self.plan.format)
        for _, run in grid.runs(task.start, task.stop):
            yield from self.encoded(self.shown(window) for window in windows(run, self.plan.cut.window_rows))

    @property
    def product(self) -> Makes:
        """The work, where it is one that makes a product."""
        assert not isinstance(self.work, CopyPicture | CopyBands)
        return self.work

    def physical(self, window: Window) -> Block:
        """Read, calibrate, mask, make, combine; or stored numbers where a table shows them just the same."""
        if isinstance(self.work, Gather) and self.work.tabled:
            return self.work.stored(window)
        return self.product.physical(window)

    def shown(self, window: Window) -> Shown:
        """Levels for display, a few columns at a time: their source pixels are gone before the next are read."""
        format = self.plan.format
        levels = np.empty((window.height, window.width, format.bands), format.dtype)
        if isinstance(self.work, CopyPicture | CopyBands):
            self.work.levels(window, levels)
            return Shown(window=window, levels=levels)
        kinds = np.empty(levels.shape[:2], np.uint8) if self.product.counts else None
        for part in columns(window, self.plan.cut.window_columns):
            at = slice(part.left - window.left, part.right - window.left)
            found = self._show(part, levels[:, at])
            if kinds is not None:
                kinds[:, at] = found
            if self.drawing is not None:
                self.drawing.paint(part, levels[:, at])
        return Shown(window=window, levels=levels, kinds=kinds)

    def _show(self, window: Window, levels: NDArray[Any]) -> NDArray[Any]:
        """Painted where there is a palette, alpha last where the format has it; gives what `_toned` gives."""
        if self._palette is not None:
            single = np.empty((*levels.shape[:2], 1), np.uint8)
            valid = self._toned(window, single)
            levels[..., :3] = palette.paint(single[..., 0], self._palette)
        else:
            valid = self._toned(window, levels)
        if self.plan.format.alpha:
            levels[..., -1] = np.where(valid, np.iinfo(levels.dtype).max, 0)
        return valid

    def encoded(self, pictures: Iterable[Shown]) -> Iterator[Piece]:
        """Bytes: each row of pieces from the windows that make it up."""
        grid = self.codec.pieces(self.plan.format)
        height, width = grid.piece
        parts = (part for shown in pictures for part in _split(shown, height))
        for place, group in groupby(parts, lambda part: (part.window.top // height, part.window.left // width)):
            first = place[0] * grid.across + place[1]
            if not isinstance(self.work, CopyPicture | CopyBands) and self.work.counts:
                yield from self._counted(first, group)
            else:
                yield from self.codec.encode(first, group, self.plan.format)

    def _counted(self, first: int, group: Iterable[Shown]) -> Iterator[Piece]:
        """Pieces, each with the number of its pixels of every kind that its work counts: the sums are told."""
        counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        width = self.codec.pieces(self.plan.format).piece[1]

        def seen() -> Iterator[Shown]:
            for shown in group:
                assert shown.kinds is not None
                for at, facts in enumerate(self.product.tally(shown.kinds, shown.window, width)):
                    counts[first + at].update(facts)
                yield shown

        for piece in self.codec.encode(first, seen(), self.plan.format):
            yield replace(piece, facts={**piece.facts, **counts[piece.index]})

    def _toned(self, window: Window, out: NDArray[Any]) -> NDArray[Any]:
        """Levels of every channel into the first bands of `out`: by table, or threshold by threshold.

        Gives what each pixel counts as, (y, x): 0 where there is no data.
        """
        if isinstance(self.work, Merge):
            return self.work.into(window, out)
        if isinstance(self.work, Mosaic) and self.work.tabled:
            return self.work.looked_up(window, self._tables_of, out)
        block, tone = self.physical(window), self.plan.recipe.tone
        if isinstance(self.work, Gather) and self.work.tabled:
            # A document knows no mask: its arithmetic is that of each channel alone, and alpha alone tells what is missing.
            shown = np.ones_like(block.valid) if self.plan.recipe.packing == "document" else block.valid
            stretch.look_up(block.data, shown, self._tables, out)
        elif self.plan.recipe.product == AS_IT_IS:
            for channel, values in enumerate(block.data):
                stretch.kept(values, out[..., channel])
        else:
            for channel, thresholds in enumerate(tone.thresholds):
                stretch.levels(block.data[channel], thresholds, tone.base, out[..., channel])
        return self.product.counted(block)

    @cached_property
    def _tables(self) -> NDArray[Any]:
        assert isinstance(self.work, Gather)
        return self._levels_of(self.work.tables)

    @cached_property
    def _tables_of(self) -> Callable[[int], NDArray[Any]]:
        """Tables of a scene of a mosaic, by its number; those used last are kept."""
        work = self.work
        assert isinstance(work, Mosaic)
        return lru_cache(TABLES)(lambda number: self._levels_of(work.values(number)))

    def _levels_of(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Level of every stored number, from the value of each: (band, 2**bits)."""
        tone, dtype = self.plan.recipe.tone, self.plan.format.dtype
        if self.plan.recipe.product == AS_IT_IS:
            return values.astype(dtype)
        pairs = zip(values, tone.thresholds, strict=True)
        return np.stack([stretch.table(band, thresholds, tone.base, dtype) for band, thresholds in pairs])

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
        rows = slice(top - window.top, bottom - window.top)
        part = Window(top=top, left=window.left, height=bottom - top, width=window.width)
        yield Shown(window=part, levels=shown.levels[rows], kinds=None if shown.kinds is None else shown.kinds[rows])
        top = bottom


def received(text: str, secrets: dict[str, str], place: Place | None = None) -> Job:
    """In a worker, maybe on another host: what is installed there decides bytes too."""
    plan = wire.loads(Plan, text)
    try:
        check_versions(plan)
    except UsageError as error:
        raise WorkersLost(f"A worker on {platform.node()} is of no use: {error}") from error
    if not there(plan):
        raise WorkersLost(
            f"A worker on {platform.node()} does not see {Path(plan.target).parent}, where PNG and JPEG are unpacked while they are converted: "
            "it must be a folder that all workers share, or convert them on this machine."
        )
    hrefs.learn(secrets)
    return Job(plan, place)
