"""`gigascene simulate`: true-to-format scenes of an invented Earth, to try everything without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress

HELP = """Simulate a scene in its agency's own layout.

\b
gigascene simulate landsat -o scenes/
gigascene simulate landsat -o scenes/ --size small --seed 7
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("simulate", help=HELP)(simulate)


def simulate(
    sensor: Annotated[str, typer.Argument(help="landsat")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder that will hold the scene's.")],
    size: Annotated[str, typer.Option("--size", help="full, small, or ROWSxCOLUMNS.")] = "full",
    seed: Annotated[int, typer.Option("--seed", help="Another Earth.")] = 0,
    level: Annotated[str, typer.Option("--level", help="l1 or l2.")] = "l1",
    workers: o.Workers = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Simulate and say where it is."""
    from gigascene.api.simulate import simulate as simulated

    with progress(f"simulate {sensor}", quiet=quiet) as watch:
        folder = simulated(
            sensor, output, size=size, seed=seed, level=level, workers=workers,
            progress=lambda done, of: watch(done, of, 0),
        )  # fmt: skip
    if json:
        o.print_json({"scene": str(folder)})
    else:
        typer.echo(str(folder))
