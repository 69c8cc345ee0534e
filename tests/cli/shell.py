"""The command line as a user meets it: in this process where that is enough, as a process of its own where not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from gigascene.cli import main

PROGRAM = Path(sys.executable).with_name("gigascene")


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def spoken(capsys, monkeypatch, *words) -> Said:
    """Run `gigascene WORDS` in this process."""
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["gigascene", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return Said(code, out, err)


def started(*words, cwd=None, env=None) -> Said:
    """Run `gigascene WORDS` as a process of its own."""
    done = subprocess.run(
        [PROGRAM, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def copied(scene: Path, folder: Path) -> Path:
    """A copy of a scene's folder that may be spoiled."""
    return Path(shutil.copytree(scene, folder / scene.name))


def band(scene: Path, key: str) -> Path:
    """The file of one band."""
    return scene / f"{scene.name}_{key}.TIF"


def cut(path: Path, share: float) -> None:
    """Keep only the first part of a file."""
    os.truncate(path, int(path.stat().st_size * share))
