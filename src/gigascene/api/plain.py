"""What a plain picture is and has, as JSON values: PNG, JPEG, PAM and PNM, with all images of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from gigascene.metadata.side_files import beside
from gigascene.model.plain_picture import PlainPicture
from gigascene.plan.explain import crs_name
from gigascene.readers import jpeg, png, pnm
from gigascene.storage.signatures import Kind, kind_of_file

READ: Mapping[Kind | None, Callable[[Path], Iterable[PlainPicture]]] = {
    "png": lambda path: [png.describe(path)],
    "jpeg": lambda path: [jpeg.describe(path)],
    "pnm": pnm.pictures,
}
"""All images of a file, by its kind."""


def is_plain(path: str | PathLike[str]) -> bool:
    """Whether a file begins as a PNG, JPEG, PAM or PNM does; False where it cannot be opened."""
    try:
        return kind_of_file(Path(path)) in READ
    except (OSError, ValueError):
        return False


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
    return READ[kind_of_file(path)](path)
