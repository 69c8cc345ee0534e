"""`gigascene run`: make what a saved plan says."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from gigascene.cli import _options as o
from gigascene.cli.compose import make

HELP = """Run a saved plan.

\b
gigascene plan compose true-color LC08_.../ -o fjord.png --save plan.json
gigascene run plan.json
gigascene run plan.json --resume
gigascene run plan.json --engine dask --workers 4
gigascene run plan.json --engine slurm --partition main --array 200 --memory 400G
gigascene run plan.json --engine slurm --array 200 --memory 400G --detach
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("run", help=HELP)(run)


def run(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="JSON file of `plan … --save`.")],
    engine: Annotated[str | None, typer.Option("--engine", help="Another engine than planned.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster: tls://host:8786. Means --engine dask."),
    ] = None,
    slurm: Annotated[
        str | None,
        typer.Option("--slurm", metavar="N", help="Dask's workers are N jobs of Slurm. Means --engine dask."),
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", metavar="NAME", help="Of Slurm.")] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Of Slurm.")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="LIMIT", help="Of each job: minutes, or h:m:s.")] = None,
    array: Annotated[str | None, typer.Option("--array", metavar="N", help="At most so many jobs of Slurm.")] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="FILE:TABLE", help="Options of Slurm from a TOML file.")
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option(
            "--delivery",
            metavar="WAY",
            help="How results of Dask's workers come home: target, spool or return. Left out, target where the format can.",
        ),
    ] = None,
    allowed_failures: Annotated[
        str | None,
        typer.Option(
            "--allowed-failures",
            metavar="N",
            help="Deaths of Dask's workers that one task survives before it runs alone.",
        ),
    ] = None,
    workers: o.Workers = None,
    memory: o.Memory = None,
    resume: o.Resume = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Send the jobs to Slurm and return; a last job finishes the picture.")
    ] = False,
    no_overwrite: o.NoOverwrite = False,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Load, fit to other hands if asked, make."""
    import gigascene
    from gigascene.api.plans import refitted

    loaded = gigascene.load_plan(plan)
    workers = workers or array or slurm  # so many tasks must there be, too
    engine = engine or ("dask" if scheduler or slurm else None)
    said = {
        "scheduler": scheduler,
        "slurm": slurm,
        "partition": partition,
        "account": account,
        "time": time,
        "array": array,
        "preset": preset,
        "delivery": delivery,
        "allowed_failures": allowed_failures,
    }
    where = {name: value for name, value in said.items() if value is not None}
    if engine is not None or workers is not None or memory is not None:
        loaded = refitted(loaded, engine=engine, workers=workers, memory=memory)
    if no_overwrite:
        loaded = replace(loaded, execution=replace(loaded.execution, overwrite=False))
    if detach:
        _detach(loaded, plan, resume=resume, json=json, where=where)
        return
    make(loaded, resume=resume, json=json, quiet=quiet, where=where)


def _detach(plan: Any, file: str, *, resume: bool, json: bool, where: dict[str, str]) -> None:
    """Send it, and say how to find it again."""
    from gigascene.api.plans import detach
    from gigascene.model.wire import to_wire

    sent = detach(plan, resume=resume, where=where)
    if json:
        o.print_json(to_wire(sent))
        return
    typer.echo(f"Sent as job {sent.array} ({sent.elements} elements); job {sent.finisher} finishes {plan.target}.")
    typer.echo(f"How far it is: squeue -j {sent.array},{sent.finisher}", err=True)
    typer.echo(f"To wait for it, or to finish it here: gigascene run {file} --engine slurm --resume", err=True)
