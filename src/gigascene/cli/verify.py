"""`gigascene verify`: proves that a finished file is whole, and what it was when it was made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress

if TYPE_CHECKING:
    from gigascene.execute.verify.verdict import Verdict

HELP = """Prove that a file is whole and unchanged: by its receipt, and by decoding it again.

\b
gigascene verify fjord.png
gigascene verify fjord.png fjord.tif --quick
gigascene verify fjord.tif --json
gigascene verify s3://pictures/fjord.tif
"""

TOLD = 3
"""Damaged places in a line; --json has more."""

LONGEST = 200
"""Characters of a text out of a receipt, which may be anybody's."""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("verify", help=HELP)(verify)


def verify(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Finished files, folders of map tiles or exported sites, with their receipts beside them.",
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Sizes and checksums only; decode nothing.")] = False,
    decode_only: Annotated[
        bool, typer.Option("--decode-only", help="Without the receipt: decode, by two decoders where there are two.")
    ] = False,
    inputs: Annotated[bool, typer.Option("--inputs", help="Fail also where an input is changed or gone.")] = False,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Look at every file; fail in the end if one of them does not hold."""
    found = []
    for file in files:
        found.append(facts := _looked_at(file, quick=quick, decode_only=decode_only, quiet=quiet))
        if not json:
            typer.echo(_line(facts), err=facts["state"] == "unknown")
    if json:
        o.print_json(found)
    bad = sum(not _holds(facts, inputs=inputs) for facts in found)
    if bad:
        typer.echo(f"gigascene: {bad} of {_count(len(found), 'file')} did not pass.", err=True)
        raise typer.Exit(4)


def _looked_at(file: str, *, quick: bool, decode_only: bool, quiet: bool) -> dict[str, Any]:
    """Facts about one file; what stops its verification does not stop that of the next."""
    import gigascene.api.verify as api
    from gigascene.model.errors import BadInput

    with progress(f"verify {file}", quiet=quiet, unit="MB") as watch:
        try:
            verdict: Verdict = api.verify(
                file, quick=quick, decode_only=decode_only, watch=lambda done, of: watch(done, of, 0)
            )
        except BadInput as error:
            return {"file": file, "state": "unknown", "error": str(error)}
    return asdict(verdict)


def _holds(facts: dict[str, Any], *, inputs: bool) -> bool:
    stale = inputs and any(state in {"changed", "gone"} for state in facts.get("inputs", {}).values())
    return facts["state"] in {"whole", "decoded"} and not stale


def _line(facts: dict[str, Any]) -> str:
    """All that matters about one file."""
    if facts["state"] == "unknown":
        return _plain(facts["error"], 5 * LONGEST)
    states = {"whole": ["whole"], "decoded": [], "damaged": [_damage(facts)]}
    said = [*states[facts["state"]], _agreed(facts), _made(facts), *facts["notes"]]
    return _plain(f"{facts['file']}: {'; '.join(filter(None, said))}", 20 * LONGEST)


def _damage(facts: dict[str, Any]) -> str:
    told = [one["what"] for one in facts["damage"][:TOLD]]
    more = f"; and {facts['damaged'] - len(told):,} places more" if facts["damaged"] > len(told) else ""
    return f"damaged: {'; '.join(told)}{more}. Copy it again from where it is whole, or make it again"


def _agreed(facts: dict[str, Any]) -> str:
    """What was compared, and who has decoded it."""
    pieces, blocks = facts["pieces"], facts["blocks"]
    said = [
        _count(pieces, "piece") + " as made" if pieces else _count(blocks, "block") + " as written" if blocks else ""
    ]
    if facts["tiles"]:
        said.append(f"{_count(facts['tiles'], 'tile')} as written")
    if facts["decoded_by"]:
        rows, columns = facts["shape"]
        said.append(f"decoded by {' and '.join(facts['decoded_by'])}: {columns:,} x {rows:,}")
    return ", ".join(filter(None, said))


def _made(facts: dict[str, Any]) -> str:
    made = facts["made"]
    if not made:
        return ""
    states = list(facts["inputs"].values())
    counted = [
        f"{_count(states.count(state), 'input')} {state}" for state in dict.fromkeys(sorted(states, reverse=True))
    ]
    sources = made["sources"]
    named = ", ".join(text[:LONGEST] for text in sources[:TOLD]) + (
        f" and {len(sources) - TOLD} more" if len(sources) > TOLD else ""
    )
    words = f"made {made['finished'][:40]} by gigascene {made['gigascene'][:40]} from {named or 'nothing'}"
    return ", ".join([words, *counted])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain(text: str, longest: int) -> str:
    """Without what a terminal would obey."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= longest else f"{shown[:longest]}…"
