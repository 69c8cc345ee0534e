"""Run a plan: engine → sink → journal, until the file is whole and in its place."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from gigascene.execute import receipt as receipts
from gigascene.execute import stac
from gigascene.execute.capsule import failure
from gigascene.execute.in_place import Place, Witness, has_places, held, place_in_body, renewed, shared, shut_out
from gigascene.execute.journal import Journal, journal_files
from gigascene.execute.memory import watched
from gigascene.execute.receipt import Receipt
from gigascene.execute.run import Job, tasks
from gigascene.execute.signals import Stop, stopping
from gigascene.execute.unpack import unpacked
from gigascene.model.contracts import Done, Engine, Failed, Sink
from gigascene.model.errors import BadInput, TaskFailed, Unreached, UsageError, WriteFailed, exit_code
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.plan import Plan
from gigascene.model.scene import Asset
from gigascene.plan.check import check_versions
from gigascene.plan.fingerprint import band_of, fingerprint, sources
from gigascene.plan.space import check_space
from gigascene.readers import tiles
from gigascene.registry import ENGINES, WRITERS
from gigascene.storage.folder import SPOOL, target_of
from gigascene.storage.identity import identity as identity_of
from gigascene.storage.local import NO_SPACE, Target, discard, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far it is."""

    pieces: int
    of: int
    resumed: int
    seconds: float
    sent: int = 0
    """Bytes on their way into a bucket, of all that go there when the last piece is made."""

    to_send: int = 0

    page: str = ""
    """Address where the cluster that works shows what it does."""


DELIVERY = "delivery"
"""An engine's option: how results come home."""

Watcher = Callable[[Progress], None]


def run(
    plan: Plan, *, resume: bool = False, watch: Watcher | None = None, where: Mapping[str, str] | None = None
) -> Receipt:
    """Make what the plan says. A path holds the old complete file, the new complete one, or nothing.

    `where` holds the engine's own options (``{"scheduler": "tcp://…"}``): a plan names no host, for it may be a stranger's.

    Raises a `GigasceneError`; after a signal or the loss of workers the finished
    pieces are kept beside the target, and `resume` goes on behind them.
    """
    engine = engine_of(plan, where or {})
    began = time.monotonic()
    with stopping() as stop, prepared(plan, resume=resume) as (part, journal):
        return _Run(plan, journal, part, began, watch or _unwatched).finished(engine, stop)


@contextmanager
def prepared(plan: Plan, *, resume: bool) -> Iterator[tuple[Path, Journal]]:
    """All that must be so before the first task is sent: the body file, which is ours alone, and its journal."""
    target = target_of(plan.target, plan.format.suffix, keep=not plan.execution.overwrite)
    target.check()
    check_versions(plan)
    check_inputs(plan)
    check_space(plan)
    with target.alone(), _swept(target), _journal(plan, target, resume=resume) as journal:
        if not resume:
            discard(*results(plan))  # their folder stays: it names jobs that may still run
        part = target.sibling("part")
        with writing(target.path):
            _begun(part, journal, plan, resume=resume)
        yield part, journal


def _begun(part: Path, journal: Journal, plan: Plan, *, resume: bool) -> None:
    """The body with what is good in it, in a file that no worker of an earlier run has in hand.

    Where there is no room for a copy, and pieces have places of their own, the file stays: what is late writes there what belongs there.
    """
    if not resume:
        discard(part)
    elif held(part) and part.exists():
        try:
            renewed(part)
        except OSError as error:
            if place_in_body(plan.format, 0, apart=False) is None or error.errno not in NO_SPACE:
                raise
    shut_out(part)  # not before: whoever is killed meanwhile leaves word that it is held
    with part.open("ab+") as body:
        body.truncate(journal.verify(body))


def check_inputs(plan: Plan) -> None:
    """Raise `BadInput` if an input is gone or is not what it was when the plan was made."""
    for source in sources(plan):
        band = band_of(source)
        try:
            found = _identity(source)
        except BadInput as error:
            raise type(error)(error.args[0], source.href, band, hint=error.args[4]) from error
        except OSError as error:
            raise BadInput(f"is gone ({error.strerror}).", source.href, band) from error
        if source.identity and found != source.identity:
            raise BadInput("has changed since the plan was made.", source.href, band, hint="Plan again.")


def _identity(source: Asset | PlainPicture) -> str:
    tiling = None if isinstance(source, Asset) else source.tiling
    return identity_of(source.href, fresh=True) if tiling is None else tiles.identity(source.href, tiling)


def engine_of(plan: Plan, where: Mapping[str, str]) -> Engine:
    """The engine, with its own options; where results come by files, these lie beside the target."""
    target, execution = target_of(plan.target, plan.format.suffix), plan.execution
    kind = ENGINES[execution.engine]
    known = set(kind.options)
    for name in where.keys() - known | (where.keys() & {SPOOL}):
        raise UsageError(f"the engine {execution.engine} has no option {name}")
    if where.get(DELIVERY) == "target" and place_in_body(plan.format, 0, apart=True) is None:
        what = f"where a piece of {plan.format.suffix} lies is known when those before it are made, so workers cannot write it there"
        raise UsageError(f"{what}: --delivery return or spool")
    spool = {SPOOL: str(target.sibling(SPOOL))} if SPOOL in known else {}
    engine: Engine = kind(execution.workers, **where, **spool)
    return engine


def results(plan: Plan) -> Iterator[Path]:
    """Logs of results on their way."""
    return target_of(plan.target, plan.format.suffix).sibling(SPOOL).glob("*.log")


def unspool(plan: Plan) -> None:
    """Remove results on their way that nobody will claim, and end who makes them."""
    folder = target_of(plan.target, plan.format.suffix).sibling(SPOOL)
    if folder.exists():
        from gigascene.engines.slurm import abandon  # noqa: PLC0415  (few runs have a spool)

        abandon(folder)


class _Run:
    """One execution of a plan."""

    def __init__(self, plan: Plan, journal: Journal, body: Path, began: float, watch: Watcher) -> None:
        self.plan, self.journal, self.body, self.began, self.watch = plan, journal, body, began, watch
        self.sink: Sink = WRITERS[plan.format.writer].open(body, plan, journal)
        self.resumed = len(journal)
        self.cpu_s = 0.0
        self.came: Counter[str] = Counter()

    def finished(self, engine: Engine, stop: Stop) -> Receipt:
        """Work through all tasks and commit; keep or remove the rest on failure."""
        with watched() as peak:
            try:
                self._work(engine, stop)
                check_inputs(self.plan)  # what changed meanwhile may be in it
                receipts.check_filled(self.plan, self.journal)
                facts = self.sink.finish()
            except BaseException as error:
                self._abort(error)
                raise
        receipt = Receipt(
            target=self.plan.target,
            fingerprint=fingerprint(self.plan),
            bytes=int(facts["bytes"]),
            pieces=len(self.journal),
            resumed=self.resumed,
            came=dict(self.came),
            seconds=round(time.monotonic() - self.began, 3),
            cpu_s=round(self.cpu_s, 3),
            peak_memory=peak.bytes,
            projected_memory=self.plan.execution.projected,
            path=str(receipts.path_for(Path(self.plan.target))),
            mosaic=receipts.mosaic_of(self.plan, self.journal),
            gaps=self.plan.gaps,
            change=receipts.change_of(self.plan, self.journal),
        )
        try:
            with _finished(self.plan.target):
                receipts.write(self.plan, receipt, self.journal, facts)
        finally:
            self.journal.remove()
            unspool(self.plan)
        discard(*Path(self.plan.target).parent.glob(f"{escape(Path(self.plan.target).name)}.capsule-*.json"))
        with _finished(self.plan.target):
            stac.write(self.plan, masked=bool(facts.get("masked")))
        return receipt

    def _work(self, engine: Engine, stop: Stop) -> None:
        """Every task that is not done yet, piece by piece into sink and journal."""
        if len(self.journal) == len(WRITERS[self.plan.format.writer].codec.pieces(self.plan.format)):
            return  # killed behind the last piece
        engine.check = stop.check
        with unpacked(self.plan, stop.check) as plan, self._place(engine) as place:
            self._run(Job(plan, place), engine, stop)

    def _place(self, engine: Engine) -> AbstractContextManager[Place | None]:
        """Where workers write pieces themselves, if they can."""
        if engine.in_place == "nobody" or not has_places(self.body, self.plan.format, apart=engine.processes > 1):
            return nullcontext()
        return shared(self.body, processes=engine.processes, afar=engine.in_place == "everybody")

    def _run(self, job: Job, engine: Engine, stop: Stop) -> None:
        of, bound = len(job.codec.pieces(self.plan.format)), job.codec.bound(self.plan.format)
        results = engine.map(
            job,
            tasks(self.plan, job.codec, len(self.journal)),
            ahead=self.plan.execution.ahead,
            bound=lambda task: (task.stop - task.start) * bound,
        )
        witness = Witness(self.body)
        with closing(results):
            for result in results:
                if isinstance(result, Failed):
                    raise failure(self.plan, result) from result.error
                witness.check(result)
                self._put(result, job)
                del result  # or it would wait for the next one, beside it
                stop.check()
                seconds = time.monotonic() - self.began
                done = len(self.journal)
                self.watch(Progress(pieces=done, of=of, resumed=self.resumed, seconds=seconds, page=engine.page))

    def _put(self, done: Done, job: Job) -> None:
        """Pieces of a finished task, into sink and journal."""
        self.cpu_s += done.seconds
        with self.journal.together():
            for piece in done.pieces:
                self.came["target" if piece.stored else "spool" if done.spooled else "return"] += 1
                self.sink.put(piece if piece.stored else job.stored(piece, sync=True))

    def _abort(self, error: BaseException) -> None:
        """Bad input or no space: leave nothing. Anything else, a server that is silent just now too, may be resumed."""
        something = len(self.journal) > 0 or any(results(self.plan))
        cause = error.__cause__ if isinstance(error, TaskFailed) else error
        passing = isinstance(cause, Unreached)
        keep = something and (passing or exit_code(error) not in {BadInput.exit_code, WriteFailed.exit_code})
        self.sink.abort(keep=keep)
        if keep:
            self.journal.close()
        else:
            shut_out(self.body)
            self.journal.remove()
            unspool(self.plan)


@contextmanager
def _finished(target: str) -> Iterator[None]:
    """What tells of a picture may fail to be written; the picture itself is in its place."""
    try:
        yield
    except WriteFailed as error:
        raise WriteFailed(error.args[0], error.args[1], f"{target} itself is finished.") from error


@contextmanager
def _journal(plan: Plan, target: Target, *, resume: bool) -> Iterator[Journal]:
    journal = Journal(target.sibling("journal"), plan, resume=resume)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _swept(target: Target) -> Iterator[None]:
    """Leave no empty body behind, nor its journal, when work fails before its first byte."""
    try:
        yield
    finally:
        part = target.sibling("part")
        if not part.exists() or part.stat().st_size == 0:
            discard(part, *journal_files(target.sibling("journal")))


def _unwatched(progress: Progress) -> None:
    """Nobody wants to know."""
