"""The roles: what a codec, a writer, its sink and an engine promise. Each is one file in its folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from gigascene.model import failure
from gigascene.model.block import Shown
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format, Plan, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One encoded piece of an output, on its way to the sink."""

    index: int
    """Row-major position in the codec's `PieceGrid`."""

    body: bytes | bytearray
    sha256: str
    """Hex digest of `body`."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Small JSON values the sink needs: adler32 and raw length, tile lengths …"""

    stored: Placed | None = None
    """Where it lies in the body file already, without its turn; `body` is empty then."""

    def at(self, offset: int) -> Placed:
        """What is remembered of it when its body lies there."""
        return Placed(index=self.index, offset=offset, length=len(self.body), sha256=self.sha256, facts=self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A piece that is safely in the body file: what the journal remembers of it."""

    index: int
    offset: int
    """First byte in the body file."""

    length: int
    sha256: str
    facts: Mapping[str, Any]


class Record(Protocol):
    """What is placed so far, by ascending index: a list, or the journal, which keeps a million pieces on disk."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Placed]:
        """From the first on."""

    def __getitem__(self, wanted: slice, /) -> Sequence[Placed]:
        """Some of them, in memory."""

    def append(self, placed: Placed, /) -> object:
        """Remember one more."""


class Codec(Protocol):
    """Worker half of a writer: display levels in, encoded pieces out. No paths, no I/O, no state."""

    def pieces(self, format: Format) -> PieceGrid:
        """How this output is cut; a function of the format alone."""

    def bound(self, format: Format) -> int:
        """Largest possible body of one piece, bytes, for incompressible pixels."""

    def scratch(self, format: Format, pieces: int) -> int:
        """Working memory for a run of so many pieces side by side, bytes, beside one window of levels and the bodies."""

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """Encode a run of pieces that lie side by side in one row of pieces.

        `first` is the index of the leftmost. `shown` are windows of the whole
        run's width, of any height, top to bottom, which together cover it exactly.
        """


class Sink(Protocol):
    """Coordinator half of a writer: puts pieces in their place and finishes the file."""

    def put(self, piece: Piece) -> Placed:
        """Store one piece, if it is not. They come by ascending index, without gaps."""

    def finish(self) -> Mapping[str, Any]:
        """Header, index, trailer; validate; put the finished file and its side files in place. Facts for the receipt."""

    def abort(self, *, keep: bool) -> None:
        """Stop; `keep` the body for a resume, or leave nothing behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDisk:
    """What a writer's output takes on the disk."""

    share: float
    """What the finished file usually keeps of its pixels' bytes; from 1 on it never has less."""

    assembled: bool = False
    """The finished file is made out of another, so that for a moment both are there."""

    reduced: bool = False
    """It is a small picture, however large its source: no larger than its pieces, and no other format is the same."""

    smaller: str = ""
    """What its user can do where the disk cannot hold it; empty: write another format."""


class Writer(Protocol):
    """One kind of output file.

    One whose files do not say what a reader must know has a method `reading`: of a format, the words that tell it.
    """

    name: str
    suffixes: tuple[str, ...]
    """Lower-case file suffixes it serves, with the dot."""

    options: tuple[str, ...]
    """Names of its own options."""

    codec: Codec

    def format(self, format: Format) -> Format:
        """Fill in default options and check limits and depths; raises `UsageError` or `WriteFailed`."""

    def finishing(self, format: Format) -> int:
        """Working memory of its sink's `finish`, bytes."""

    def on_disk(self, format: Format) -> OnDisk:
        """What the output takes on the disk; of a format that is filled in."""

    def offset(self, format: Format, index: int) -> int | None:
        """First byte of a piece in the body, where that is known before any piece is made: workers may write it there.

        None: behind the one before it.
        """

    def open(self, body: Path, plan: Plan, done: Record) -> Sink:
        """Open a sink on a body file that already holds the pieces `done`, verified, and nothing behind them.

        The sink adds to `done` what it places, and keeps no list of its own: there may be millions.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished task."""

    task: Task
    pieces: tuple[Piece, ...]
    seconds: float
    """CPU seconds of its thread."""

    author: str = ""
    """Who wrote pieces in place from another machine, so that somebody looks once whether they are here; empty: nobody."""

    spooled: bool = False
    """Its pieces came by a folder, not by the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A task that raised. Travels as `gigascene.model.failure` tells its error: pickles lose words of some."""

    task: Task
    error: Exception
    traceback: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _failed, (self.task, failure.told(self.error), self.traceback)


def _failed(task: Task, told: dict[str, Any], traceback: str) -> Failed:
    return Failed(task=task, error=failure.raised(**told), traceback=traceback)


def nothing() -> None:
    """Nobody asked to stop."""


Writing = Literal["nobody", "here", "everybody"]
"""Workers on this machine, or on others too, which are believed that the disk they write to is this one only where somebody says so."""


class Engine(Protocol):
    """Maps a function over tasks. Knows nothing of pixels.

    Its class takes the number of workers, and by name those `options` that were said.
    """

    options: ClassVar[tuple[str, ...]]
    """Names of its own options, texts all."""

    processes: int
    """How many processes work, this one included."""

    in_place: Writing
    """Who may write pieces into the body himself, so that results come home with their places alone."""

    spools: bool
    """Whether all that it makes lies beside the target once more until the run is over, in logs of those who made it."""

    page: str
    """Address where its cluster shows the work, once that is known; empty where there is none."""

    check: Callable[[], object]
    """Called now and then by an engine that waits long for a result: raises when it is time to go. Set before `map`."""

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Results in task order, with at most `ahead` bytes in flight or finished but unclaimed.

        `bound` tells the largest result of a task, bytes. One task is always let through.
        """
