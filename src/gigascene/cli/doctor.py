"""`gigascene doctor`: whether this machine is fit, and with which libraries."""

from __future__ import annotations

import typer

from gigascene.cli import _options as o

HELP = """Check this installation and machine.

\b
gigascene doctor
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("doctor", help=HELP)(doctor)


def doctor(json: o.Json = False) -> None:
    """Examine and print; exit code 1 if anything is wrong."""
    from gigascene.api.doctor import examine

    checks = examine()
    if json:
        o.print_json([{"name": c.name, "ok": c.ok, "found": c.found} for c in checks])
    else:
        for check in checks:
            typer.echo(f"{'ok' if check.ok else 'BAD':>4}  {check.name:<14}{check.found}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
