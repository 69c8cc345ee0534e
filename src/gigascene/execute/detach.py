"""Send the work of a plan to Slurm and go away: a job that begins behind the others finishes it (`finish`)."""

from __future__ import annotations

from collections.abc import Mapping

from gigascene.engines.slurm import Sent, Slurm
from gigascene.execute.coordinate import engine_of, prepared, results, unspool
from gigascene.execute.run import Job, tasks
from gigascene.model.errors import UsageError
from gigascene.model.plan import Plan
from gigascene.storage.hrefs import is_remote


def detach(plan: Plan, *, resume: bool = False, where: Mapping[str, str] | None = None) -> Sent:
    """Which jobs were sent. Raises a `GigasceneError` where nothing was."""
    engine = engine_of(plan, where or {})
    if not isinstance(engine, Slurm):
        raise UsageError(f"only jobs of --engine slurm work on without this process, not {plan.execution.engine}")
    if is_remote(plan.target):
        raise UsageError(
            "what goes into a bucket or to a server is sent from here when it is done, so somebody must wait for it"
        )
    if plan.picture is not None and plan.picture.from_top:
        raise UsageError(f"a {plan.picture.form.upper()} is unpacked while somebody waits; convert it without --detach")
    with prepared(plan, resume=resume) as (_, journal):
        job = Job(plan)
        try:
            return engine.detach(job, tasks(plan, job.codec, len(journal)))
        except BaseException:
            if not any(results(plan)):
                unspool(plan)
            raise
