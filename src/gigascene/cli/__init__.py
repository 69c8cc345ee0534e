"""The command line: one file for each verb.

A command parses, calls one public function and prints. Results go to stdout,
progress and words to stderr. Nothing slow is imported before it is needed.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import typer

from gigascene.cli import (
    compare,
    compose,
    convert,
    demo,
    doctor,
    fetch,
    histogram,
    info,
    list_,
    mosaic,
    plan,
    replay,
    run,
    search,
    simulate,
    stac,
    verify,
    view,
)
from gigascene.cli._options import app_options


def app() -> typer.Typer:
    """All verbs."""
    root = typer.Typer(help="Satellite archives to finished pictures.", **app_options())
    root.callback()(_version)
    for verb in (
        demo,
        search,
        fetch,
        stac,
        info,
        histogram,
        compose,
        mosaic,
        compare,
        convert,
        plan,
        run,
        replay,
        verify,
        view,
        list_,
        doctor,
        simulate,
    ):
        verb.add_to(root)
    return root


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"gigascene {version('gigascene')}")
        raise typer.Exit


def _version(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command line; every error has its exit code and says what to do."""
    _start_lightly()
    try:
        code = app()(standalone_mode=False)
    except SystemExit as stop:
        code = _cut_off() if isinstance(stop.__context__, BrokenPipeError) else stop.code
    except Exception as error:  # noqa: BLE001  (the last place where anything can be told)
        code = _told(error)
    except KeyboardInterrupt:
        _say("Stopped.")
        code = 130
    gc.freeze()  # the system takes everything back at once; to look for garbage first takes a tenth of a second
    sys.exit(code)


def _start_lightly() -> None:
    """Libraries make objects by the hundred thousand as they are imported, and BLAS threads that we never use."""
    gc.set_threshold(200_000)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _told(error: Exception) -> int:
    """Say what happened; the exit code."""
    from gigascene.model.errors import GigasceneError, Stopped, exit_code

    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, typer.Abort):
        _say("Stopped.")
        return 130
    show: Callable[[], None] | None = getattr(error, "show", None)
    if show is not None:  # a usage error of click, of which typer has a copy of its own
        show()
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, BrokenPipeError):
        return _cut_off()
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # of a file that is made, `WriteFailed` tells
        _say("gigascene: no space left where its results are printed.")
        return 5
    if not isinstance(error, GigasceneError) and os.environ.get("GIGASCENE_DEBUG"):
        raise error
    words = str(error) if isinstance(error, GigasceneError) else f"{type(error).__name__}: {error}"
    hint = f" {error.args[2]}" if isinstance(error, Stopped) else ""
    unexpected = (
        "" if isinstance(error, GigasceneError) else "\nThis is a fault of gigascene. GIGASCENE_DEBUG=1 shows where."
    )
    _say(f"gigascene: {words}{hint}{unexpected}")
    return exit_code(error)


def _cut_off() -> int:
    """Nobody reads what is printed any more (``| head -1``): go in silence, as other programs do."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)  # so that nothing is said of what is still to be flushed
    return 128 + signal.SIGPIPE


def _say(words: str) -> None:
    typer.echo(words, err=True)
