"""`gigascene run`: make what a saved plan says."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.compose import make

HELP = """Run a saved plan.

\b
gigascene plan compose true-color LC08_.../ -o fjord.png --save plan.json
gigascene run plan.json
gigascene run plan.json --resume
gigascene run plan.json --engine dask --workers 4
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
    workers: o.Workers = None,
    memory: o.Memory = None,
    resume: o.Resume = False,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Load, fit to other hands if asked, make."""
    import gigascene
    from gigascene.api.plans import refitted

    loaded = gigascene.load_plan(plan)
    engine = engine or ("dask" if scheduler else None)
    if engine is not None or workers is not None or memory is not None:
        loaded = refitted(loaded, engine=engine, workers=workers, memory=memory)
    make(loaded, resume=resume, json=json, quiet=quiet, where={"scheduler": scheduler} if scheduler else None)
