"""`gigascene demo`: simulate a scene, make its pictures, show where they are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress, run_watcher

HELP = """See it work: a full-size simulated Landsat scene and its pictures.

\b
gigascene demo
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("demo", help=HELP)(demo)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to put it all.")] = Path("demo"),
    size: Annotated[str, typer.Option("--size", help="full, small, or ROWSxCOLUMNS.")] = "full",
    quiet: o.Quiet = False,
) -> None:
    """Simulate, compose, count; each with its time and peak memory."""
    import gigascene

    scene = _scene(output, size, quiet=quiet)
    for product, name in (("true-color", "true-color.png"), ("swir2nirg", "ice.png"), ("true-color", "true-color.tif")):
        with progress(name, quiet=quiet) as watch:
            receipt = gigascene.compose(product, scene, output / name, watch=run_watcher(watch))
        typer.echo(
            f"{receipt.target}  {product}, {o.size(receipt.bytes)}, {receipt.seconds:.1f} s, "
            f"peak memory of gigascene so far {o.memory(receipt.peak_memory)}"
        )
    began = time.monotonic()
    gigascene.histogram(scene, units="dn").save(output / "histogram.png")
    typer.echo(f"{(output / 'histogram.png').absolute()}  histogram, {time.monotonic() - began:.1f} s")


def _scene(output: Path, size: str, *, quiet: bool) -> Path:
    """The simulated scene, made once."""
    from gigascene.api.simulate import find_or_simulate

    began = time.monotonic()
    with progress("simulate", quiet=quiet) as watch:
        scene, made = find_or_simulate("landsat", output / "scenes", size=size, progress=lambda d, of: watch(d, of, 0))
    took = f"simulated in {time.monotonic() - began:.1f} s" if made else "was there"
    typer.echo(f"{scene.absolute()}  scene, {took}")
    return scene
