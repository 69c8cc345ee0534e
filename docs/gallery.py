"""Make the pictures of the documentation: run every command line of gallery.md, then reduce what it made.

    python docs/gallery.py

Works in build/gallery and needs 2 GB of disk there and 3 GB of memory; the simulated scene is made once.
"""
# ruff: noqa: INP001  (a folder of pages, no package)

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
WORK = DOCS.parent / "build" / "gallery"
GIGASCENE = Path(sys.executable).with_name("gigascene")

SIDE, FIRST_SIDE = 760, 1000
"""Pixels of the longer side: of the gallery, and of the picture with which README.md begins."""

QUALITY = 78


def commands() -> list[list[str]]:
    """Command lines of the page, in order, as words."""
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^\$ (gigascene .+)$", text, re.MULTILINE)]


def run(words: list[str]) -> None:
    """Run one, unless it would simulate a scene that is there."""
    print(shlex.join(words), flush=True)  # noqa: T201  (what it is doing, for who waits)
    if words[1] == "simulate" and (WORK / words[words.index("-o") + 1]).is_dir():
        return
    subprocess.run([GIGASCENE, *words[1:], "--quiet"], cwd=WORK, check=True)  # noqa: S603  (our own page's lines)


def reduce(made: Path, target: Path, side: int) -> None:
    """A small JPEG on white; no data becomes white."""
    with Image.open(made) as picture:
        picture.draft("RGB", (2 * side, 2 * side))
        layered = picture.convert("RGB" if picture.format == "JPEG" else "RGBA")
    layered.thumbnail((side, side), reducing_gap=3)
    page = Image.new("RGB", layered.size, "white")
    page.paste(layered, mask=layered.getchannel("A") if layered.mode == "RGBA" else None)
    page.save(target, quality=QUALITY, optimize=True, progressive=True)


def main() -> None:
    """All of them."""
    Image.MAX_IMAGE_PIXELS = None
    WORK.mkdir(parents=True, exist_ok=True)
    for words in commands():
        run(words)
        if words[1] != "compose":
            continue
        made, product = WORK / words[words.index("-o") + 1], words[2]
        reduce(made, DOCS / "images" / "gallery" / f"{product}.jpg", SIDE)
        if product == "true-color":
            reduce(made, DOCS / "images" / "fjord.jpg", FIRST_SIDE)


if __name__ == "__main__":
    main()
