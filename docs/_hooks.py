"""What the pages say of options and of names is asked of the program itself when the site is built."""
# ruff: noqa: INP001  (a folder of pages, no package)

from __future__ import annotations

import re
from typing import Any

import typer.main
from typer.core import TyperArgument, TyperOption

from gigascene.api.names import catalogue
from gigascene.cli import app

MARKER = re.compile(r"<!-- (usage|table): ([a-z ]+) -->")
"""``<!-- usage: compose -->`` and ``<!-- table: products -->``."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this for every page: markers become text."""
    return MARKER.sub(lambda found: MADE[found[1]](found[2]), markdown)


def usage(words: str) -> str:
    """Usage line and option table of a verb."""
    command: Any = typer.main.get_command(app())
    for word in words.split():
        command = command.commands[word]
    arguments = [item for item in command.params if isinstance(item, TyperArgument)]
    options = [item for item in command.params if isinstance(item, TyperOption) and not item.hidden]
    named = " ".join(f"{_value(item)}{' …' if item.nargs == -1 else ''}" for item in arguments)
    line = f"gigascene {words} {named}".rstrip() + (" [OPTIONS]" if options else "")
    rows = [_row(_value(item), item) for item in arguments] + [_row(_spelled(item), item) for item in options]
    return "\n".join([f"```text\n{line}\n```", "", "| | | default |", "|---|---|---|", *rows, ""])


def table(kind: str) -> str:
    """Every name of a kind, with a line about it."""
    rows = [f"| `{name}` | {about} |" for name, about in catalogue(kind).items()]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


MADE = {"usage": usage, "table": table}


def _spelled(option: TyperOption) -> str:
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
    return names if option.is_flag else f"{names} {_value(option)}"


def _value(item: Any) -> str:
    return str(item.metavar or item.name).upper()


def _row(spelled: str, item: Any) -> str:
    plain = item.default not in (None, False, "") and not callable(item.default) and not item.required
    default = "required" if item.required else f"`{item.default}`" if plain else ""
    text = (item.help or "").replace("|", "\\|")
    return f"| `{spelled}` | {text} | {default} |"
