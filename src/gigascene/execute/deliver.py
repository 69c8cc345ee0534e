"""Run a plan wherever its output belongs: what belongs into a bucket or to a server is made whole in the scratch folder, then sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from gigascene.execute import coordinate
from gigascene.execute.coordinate import Progress, Watcher
from gigascene.execute.receipt import Receipt, path_for
from gigascene.execute.signals import stopping
from gigascene.execute.verify.verdict import verify
from gigascene.model import wire
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.model.plan import Plan
from gigascene.plan.check import check_versions
from gigascene.plan.fingerprint import fingerprint, sources
from gigascene.storage.delivery import Delivery, SignedDelivery
from gigascene.storage.folder import SUFFIX, tiles_beside
from gigascene.storage.hrefs import is_remote
from gigascene.storage.local import Target, writing
from gigascene.storage.presigned import is_signed
from gigascene.storage.scratch import made_at


def run(
    plan: Plan, *, resume: bool = False, watch: Watcher | None = None, where: Mapping[str, str] | None = None
) -> Receipt:
    """Make what the plan says, as `gigascene.execute.coordinate.run` does; its target may lie in a bucket or on a server.

    What could not be sent stays finished in the scratch folder, and `resume` sends it.
    """
    if not is_remote(plan.target):
        return coordinate.run(plan, resume=resume, watch=watch, where=where)
    made = made_at(plan.target)
    delivery = _delivery(plan, made)
    here = replace(plan, target=str(made), execution=replace(plan.execution, overwrite=True))
    delivery.check(_folder(plan))
    with _own(made.parent):
        receipt = _finished(here) if resume else None
        receipt = receipt or coordinate.run(here, resume=resume, watch=watch, where=where)
        with _kept(plan.target, made):
            _send(delivery, receipt, watch or _unwatched)
        shutil.rmtree(made.parent, ignore_errors=True)
    return replace(receipt, target=plan.target, path=delivery.receipt)


def _delivery(plan: Plan, made: Path) -> Delivery | SignedDelivery:
    keep = not plan.execution.overwrite
    return (
        SignedDelivery(plan.target, made, keep=keep)
        if is_signed(plan.target)
        else Delivery(plan.target, made, keep=keep)
    )


def _folder(plan: Plan) -> str:
    """Name of the folder that belongs to the output; empty where there is none."""
    name = plan.target.rpartition("/")[2]
    if plan.format.suffix == SUFFIX:
        return name
    return tiles_beside(name) if plan.format.suffix == ".dzi" else ""


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """The scratch folder of a target, for one run alone; gone afterwards if there is nothing in it."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with Target(folder).alone():
        try:
            yield
        finally:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


@contextmanager
def _kept(target: str, made: Path) -> Iterator[None]:
    """What cannot be sent says where it waits."""
    try:
        yield
    except WriteFailed as error:
        hint = f"It is finished in {made.parent}; the same command with --resume sends it."
        raise WriteFailed(target, error.args[1], f"{error.args[2]} {hint}".strip()) from None


def _finished(plan: Plan) -> Receipt | None:
    """The receipt of an output that was finished and not sent: of this plan, of the same inputs, and whole."""
    made = Path(plan.target)
    check_versions(plan)
    try:
        told = json.loads(path_for(made).read_text(encoding="utf-8"))
        same = told["fingerprint"] == fingerprint(plan) and _inputs(told) == _inputs_of(plan)
        if not same or not verify(made, lambda _done, _of: None, quick=True, decode_only=False).holds:
            return None
        found: Receipt = wire.from_wire(Receipt, {field.name: told[field.name] for field in fields(Receipt)})
    except (BadInput, OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _inputs(told: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(one["href"], one["identity"]) for one in told["inputs"]}


def _inputs_of(plan: Plan) -> set[tuple[str, str]]:
    return {(source.href, source.identity) for source in sources(plan)}


def _send(delivery: Delivery | SignedDelivery, receipt: Receipt, watch: Watcher) -> None:
    """Everything, with a receipt that names the object and not the place where it was made."""
    told = json.loads(path_for(delivery.made).read_text(encoding="utf-8"))
    told |= {"target": delivery.url, "path": delivery.receipt}
    count = receipt.pieces
    made = Progress(pieces=count, of=count, resumed=receipt.resumed, seconds=receipt.seconds)
    with stopping() as stop:

        def sent(done: int, of: int) -> None:
            stop.check()
            watch(replace(made, sent=done, to_send=of))

        delivery.deliver((json.dumps(told, indent=1, sort_keys=True) + "\n").encode(), sent)


def _unwatched(progress: Progress) -> None:
    """Nobody wants to know."""
