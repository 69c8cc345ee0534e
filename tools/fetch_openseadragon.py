"""Fetch the viewer's one foreign part, OpenSeadragon, with npm, and take it only if it is the one that is pinned here.

Run by `make setup`. To move to another release, take VERSION and INTEGRITY from `npm view openseadragon version
dist.integrity`, delete the folder below, run this, and look at the pictures of `pytest tests/browser`.
"""
# ruff: noqa: INP001, T201  (a script, no package; it tells what it does)

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

VERSION = "6.1.1"
INTEGRITY = "sha512-g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw=="
MEMBERS = {
    "package/LICENSE.txt": "LICENSE.txt",
    "package/build/openseadragon/openseadragon.min.js": "openseadragon.min.js",
}
"""What is kept of the package; its icons are not, the page has its own."""

FOLDER = Path(__file__).parents[1] / "src" / "gigascene" / "serve" / "page" / "vendor"
STAMP = "INTEGRITY"
"""Written last, so that a folder with the pinned stamp is whole."""


def main() -> None:
    """Fetch, check, unpack; nothing where it is already."""
    stamp = FOLDER / STAMP
    if stamp.exists() and stamp.read_text(encoding="ascii") == INTEGRITY:
        stamp.touch()  # for make, which compares it with this file
        return
    with TemporaryDirectory() as folder:
        archive = fetched(Path(folder))
        check(archive)
        unpack(archive)
    stamp.write_text(INTEGRITY, encoding="ascii")
    print(f"OpenSeadragon {VERSION} is in {FOLDER}")


def fetched(folder: Path) -> Path:
    """The package as npm delivers it, from wherever npm is set up to look."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not here, so OpenSeadragon is not fetched; `gigascene view` needs it, nothing else does.")
    words = [npm, "pack", f"openseadragon@{VERSION}", "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  (all words are ours)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        sys.exit(f"npm could not fetch openseadragon@{VERSION}:\n{done.stderr}")
    return archives[0]


def check(archive: Path) -> None:
    """Refuse any bytes but those that were looked at when the version was pinned."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != INTEGRITY:
        sys.exit(f"openseadragon@{VERSION} is not what was pinned.\n  got  {found}\n  want {INTEGRITY}")


def unpack(archive: Path) -> None:
    """Put the few files that are needed in place."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tarfile.open(archive) as package:
        for member, name in MEMBERS.items():
            content = package.extractfile(member)
            if content is None:
                sys.exit(f"openseadragon@{VERSION} has no file {member}")
            (FOLDER / name).write_bytes(content.read())


if __name__ == "__main__":
    main()
