"""Options that several verbs share, and how results are printed."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer


def app_options() -> dict[str, Any]:
    """Plain help: rich would cost a third of the start-up time."""
    return {
        "rich_markup_mode": None,
        "add_completion": False,
        "pretty_exceptions_enable": False,
        "no_args_is_help": True,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    }


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENE", help="Folder, tar or zip file, scene id or STAC item; or plain rasters, one a band."
    ),
]
Scene = Annotated[str, typer.Argument(metavar="SCENE", help="Folder, tar or zip file, scene id or STAC item.")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="The suffix picks the format.")]
Bands = Annotated[str | None, typer.Option("--bands", metavar="A,B,C", help="Band names, separated by commas.")]
Units = Annotated[
    str, typer.Option("--units", help="default, dn (stored numbers), radiance, reflectance, temperature.")
]
Mask = Annotated[str | None, typer.Option("--mask", metavar="NAMES", help="Make these no data, such as clouds,snow.")]
Resolution = Annotated[
    float | None, typer.Option("--resolution", metavar="M", help="Pixel size, where there are several: 10, 20 or 60.")
]
Root = Annotated[str | None, typer.Option("--root", metavar="DIR", help="Where scenes are looked up by id.")]
Offset = Annotated[
    str | None,
    typer.Option("--offset", help="Sentinel-2 from STAC: applied (no offset is left in the numbers) or raw."),
]
Survey = Annotated[str, typer.Option("--survey", help="sample (4 million pixels) or exact (all).")]
Overlay = Annotated[
    str | None, typer.Option("--overlay", metavar="GEOJSON", help="Draw its lines, outlines and points on the picture.")
]
OverlayColor = Annotated[
    str | None, typer.Option("--overlay-color", metavar="COLOR", help="#rrggbb, or white, red, … Default: yellow.")
]
OverlayWidth = Annotated[
    float | None, typer.Option("--overlay-width", metavar="PIXELS", help="Of the lines, output pixels. Default: 2.")
]
Engine = Annotated[str, typer.Option("--engine", help="serial, threads, processes, dask or slurm.")]
Workers = Annotated[str | None, typer.Option("--workers", metavar="N", help="Default: all cores.")]
Memory = Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="Never use more, such as 1G.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")]
NoOverwrite = Annotated[
    bool, typer.Option("--no-overwrite", help="Never replace an output that is there already: exit code 5.")
]
AllowGaps = Annotated[
    bool, typer.Option("--allow-gaps", help="Go on without what is gone or cannot be read; exit code 3.")
]
Save = Annotated[str | None, typer.Option("--save", metavar="PLAN", help="Keep the plan as JSON.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


GAPS = 3
"""Exit code: done, with gaps that were allowed."""


def _allow(said: bool) -> bool:
    """Kept in the environment: worker processes read it too."""
    if said:
        os.environ["GIGASCENE_ALLOW_PRIVATE_HREFS"] = "1"
    return said


AllowPrivate = Annotated[
    bool,
    typer.Option("--allow-private", callback=_allow, is_eager=True, help="Hrefs may lead into this machine's network."),
]


def is_planned(context: typer.Context) -> bool:
    """True behind the word `plan`: only say what would be done."""
    above = context.parent
    while above is not None:
        if above.info_name == "plan":
            return True
        above = above.parent
    return False


def names(text: str | None) -> tuple[str, ...]:
    """Comma-separated names."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def one_of(option: str, said: str, known: tuple[str, ...]) -> Any:
    """Check a choice, with a hint."""
    if said not in known:
        from gigascene.model.errors import UsageError

        raise UsageError(f"{option} is one of {', '.join(known)}, not {said!r}")
    return said


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def memory(count: float) -> str:
    """Bytes of memory as ``--memory`` counts them, by 1024.

    >>> memory(300 << 20)
    '300 MiB'
    """
    return f"{count / (1 << 20):,.0f} MiB"


def size(count: float) -> str:
    """Bytes for people.

    >>> size(1_500_000)
    '1.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
