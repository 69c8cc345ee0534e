"""A picture as a static site: Deep Zoom tiles and the page, for any web server or bucket, or to be opened from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gigascene.metadata.deep_zoom import descriptor
from gigascene.serve.encode import Coder
from gigascene.serve.picture import Picture
from gigascene.serve.site import page_files, view_files
from gigascene.storage.folder import MARKER, FolderTarget, tiles_beside
from gigascene.storage.local import writing

Told = Callable[[int, int], None]
"""Told (tiles done, of)."""


def export(
    pictures: Sequence[Picture],
    folder: Path,
    coder: Coder | None = None,
    told: Told | None = None,
    finish: Callable[[Mapping[str, int]], None] | None = None,
) -> dict[str, int]:
    """Write the site; the folder appears when it is whole.

    Parameters
    ----------
    pictures : sequence of Picture
        One, or two to compare.
    folder : Path
        New, empty, or an earlier export, which is then replaced.
    coder : Coder, optional
        Of the tiles; left out, they are PNG, or stay what they are.
    told : callable, optional
        Told of progress.
    finish : callable, optional
        Given what is returned, when the folder is in its place and before another run may write it.

    Returns
    -------
    dict
        Number of `tiles`, and the `bytes` of all files.

    Raises
    ------
    WriteFailed
        The folder cannot be written, or holds what no export wrote.
    UsageError
        Two pictures cannot be compared, or tiles that are there already would have to be encoded again.
    """
    coders = [coder or Coder(format=picture.facts.format) for picture in pictures]
    facts = [
        replace(picture.facts, format=coder.format, exact=False)
        for picture, coder in zip(pictures, coders, strict=True)
    ]
    files = {**page_files(), **view_files(facts)}
    files |= {
        f"{one.name}.dzi": descriptor(one.zoom.shape, one.zoom.tile, one.format, one.overlap).encode() for one in facts
    }
    of, done, size = sum(len(one.zoom) for one in facts), 0, sum(map(len, files.values()))

    def finished(marker: int) -> None:
        if finish:
            finish({"tiles": done, "bytes": size + marker})

    with replacing(folder, finished) as fresh:
        for picture, one, chosen in zip(pictures, facts, coders, strict=True):
            tiles = fresh / tiles_beside(f"{one.name}.dzi")
            for level in range(one.zoom.top + 1):
                (tiles / str(level)).mkdir(parents=True)
            for level, row, column, content in picture.every_tile(chosen):
                (tiles / str(level) / f"{column}_{row}.{one.format}").write_bytes(content)
                done, size = done + 1, size + len(content)
                if told:
                    told(done, of)
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(content)
    return {"tiles": done, "bytes": size}


@contextmanager
def replacing(folder: Path, finish: Callable[[int], None]) -> Iterator[Path]:
    """A hidden folder beside it, which takes its place when all is written (`gigascene.storage.folder`).

    Then `finish` is told the bytes of its marker.
    """
    target = FolderTarget(folder.absolute())
    target.check()
    with target.alone():
        try:
            target.recover()
            with writing(target.path):
                target.fresh.mkdir()
                yield target.fresh
            target.mark({"writer": "view"})
            target.place()
            finish((target.path / MARKER).stat().st_size)
        finally:
            target.recover()
