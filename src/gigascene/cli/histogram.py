"""`gigascene histogram`: counts per band, plotted or as JSON, with suggested limits."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o

HELP = """Count the values of bands; suggest a stretch.

\b
gigascene histogram LC08_.../ --bands red,green,blue -o histogram.png
gigascene histogram LC08_.../ --units dn --json
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("histogram", help=HELP)(histogram)


def histogram(
    source: o.Sources,
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help=".png, .pdf or .svg")] = None,
    bands: o.Bands = None,
    units: o.Units = "default",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    survey: o.Survey = "exact",
    workers: o.Workers = None,
    root: o.Root = None,
    offset: o.Offset = None,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
) -> None:
    """Count, plot, print."""
    import gigascene

    counted = gigascene.histogram(
        source,
        o.names(bands) or ("red", "green", "blue"),
        units=units,
        mask=o.names(mask),
        resolution=resolution,
        mode=o.one_of("--survey", survey, ("sample", "exact")),
        workers=workers,
        root=root,
        offset=offset,
    )
    if output:
        counted.save(output)
    if json:
        o.print_json(counted.to_json())
        return
    for name, (low, high) in counted.limits().items():
        typer.echo(f"{name:>10}  {low:.6g} to {high:.6g}")
    typer.echo(f"{'stretch':>10}  --stretch {counted.to_json()['stretch']}")
    if output:
        typer.echo(output)
