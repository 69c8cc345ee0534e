"""What a plain picture is and has, as JSON values: PNG, PAM and PNM, with all images of a file."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from gigascene.metadata.side_files import beside
from gigascene.model.plain_picture import PlainPicture
from gigascene.plan.explain import crs_name
from gigascene.readers import png, pnm


def is_plain(path: str | PathLike[str]) -> bool:
    """Whether a file begins as a PNG, PAM or PNM does; False where it cannot be opened."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(4)
    except (OSError, ValueError):
        return False
    return start == b"\x89PNG" or (start[:1] == b"P" and start[1:2] in {b"%d" % number for number in range(1, 8)})


def describe_plain(path: str | PathLike[str]) -> dict[str, Any]:
    """Every image of a file. Reads headers only; raises `BadInput` for what is broken.

    Returns
    -------
    dict
        `file`, `form`, `crs` (by what lies beside it, or None) and `images`: of each its shape (rows, columns), bands, dtype,
        alpha and, in Netpbm files, maxval.
    """
    found = list(_images(Path(path)))
    grid = beside(Path(path), found[0].shape).geobox
    return {
        "file": str(path),
        "form": found[0].form,
        "crs": crs_name(grid),
        "images": [
            {
                "image": one.index,
                "shape": list(one.shape),
                "bands": one.bands,
                "dtype": one.dtype,
                "alpha": one.alpha,
                "maxval": one.maxval,
            }
            for one in found
        ],
    }


def _images(path: Path) -> Iterable[PlainPicture]:
    with path.open("rb") as file:
        form = file.read(1)
    return [png.describe(path)] if form == b"\x89" else pnm.pictures(path)
