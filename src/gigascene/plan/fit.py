"""A plan cut into tasks that fit its memory; and which other formats would fit where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gigascene.model.errors import GigasceneError, LimitExceeded
from gigascene.model.plan import Plan
from gigascene.plan.memory import cut_to_memory
from gigascene.plan.work import work_of
from gigascene.registry import ENGINES, WRITERS
from gigascene.works._needs import Needs
from gigascene.works.overlay import HELD

EXACT = {".tif": "cog", ".png": "png", ".pam": "pam"}
"""Suffixes and writers of single files that keep every pixel, the most useful first."""


def fitted(plan: Plan) -> Plan:
    """The plan cut into tasks that fit its memory; raises `LimitExceeded`, which names formats that would fit."""
    try:
        return _cut(plan)
    except LimitExceeded as error:
        fitting = " or ".join(suffix for suffix, _ in others(plan))
        hint = f" Or write {fitting} instead." if fitting else ""
        raise LimitExceeded(f"{error}{hint}") from error


def others(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Other formats that hold this picture to the pixel, and its plan for each, which fits the same memory."""
    if WRITERS[plan.format.writer].on_disk(plan.format).reduced:
        return
    for suffix, name in EXACT.items():
        if name == plan.format.writer or (plan.format.numbers and not getattr(WRITERS[name], "numbers", False)):
            continue
        try:
            format = WRITERS[name].format(replace(plan.format, writer=name, suffix=suffix, options={}))
            yield suffix, _cut(replace(plan, format=format))
        except GigasceneError:  # it does not hold this, or does not fit either
            continue


def _cut(plan: Plan) -> Plan:
    """With fewer workers where nobody said how many."""
    engine = ENGINES[plan.execution.engine](plan.execution.workers)
    wanted = replace(plan.execution, workers=engine.workers)
    writer, format = WRITERS[plan.format.writer], plan.format
    unpacking = 0 if plan.picture is None else plan.picture.held
    alone = max(writer.finishing(format), unpacking)  # before the first task, and behind the last
    try:
        cut, execution = cut_to_memory(_needs(plan), format, writer.codec, wanted, engine.processes, alone)
    except LimitExceeded:
        if not wanted.elastic or wanted.workers == 1:
            raise
        return _cut(replace(plan, execution=replace(wanted, workers=wanted.workers // 2)))
    return replace(plan, cut=cut, execution=execution)


def _needs(plan: Plan) -> Needs:
    """Of the work, and of what is drawn over it."""
    needs = work_of(plan).needs
    if plan.overlay is None:
        return needs
    return replace(needs, pixel=needs.pixel + 1, kept=needs.kept + HELD * plan.overlay.count)
