"""`gigascene replay`: run a failed task again, alone, under the debugger if wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli._options import size

HELP = """Run the failed task of a capsule again, here.

\b
gigascene replay fjord.png.capsule-3.json --debug
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("replay", help=HELP)(replay)


def replay(
    capsule: Annotated[Path, typer.Argument(help="JSON file that a failed run left.")],
    debug: Annotated[bool, typer.Option("--debug", help="Open the debugger where it fails.")] = False,
    allow_private: o.AllowPrivate = False,
) -> None:
    """Replay and say how it went."""
    import gigascene

    made = gigascene.replay(capsule, debug=debug)
    typer.echo(f"The task succeeds now: {size(made)}. Run the plan again.")
