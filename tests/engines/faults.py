"""Work that fails as real work does, in a module of its own, so that other processes find it."""

import json
import os
import traceback
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import rasterio
from rasterio._err import CPLE_OpenFailedError

from gigascene.engines._sbatch import NoAnswer
from gigascene.model.contracts import Failed
from gigascene.model.errors import BadInput, Broken, MissingBands, NoAccess, WriteFailed


class OfSomebodyElse(ValueError):
    """Says more than it is made of."""

    def __init__(self, what):
        super().__init__(what)
        self.more = "more"

    def __str__(self):
        return f"{self.args[0]} and {self.more}"


def fails(error):
    raise error


ACTS = {
    "no file": lambda: Path("/nowhere/é b.tif").read_bytes(),
    "no permission": lambda: fails(PermissionError(13, "Permission denied", "a.tif")),
    "two names": lambda: os.rename("/nowhere/a", "/nowhere/b"),  # noqa: PTH104  (an error with both)
    "a number for a file": lambda: os.fstat(10**6),
    "no text": lambda: b"caf\xe9 \xff".decode("utf-8"),
    "no letter": lambda: "é".encode("ascii"),
    "no json": lambda: json.loads("{"),
    "no xml": lambda: ET.fromstring("<a"),
    "no axis": lambda: np.zeros(3).sum(axis=2),
    "no raster": lambda: rasterio.open("/nowhere/a.tif"),
    "what GDAL says": lambda: fails(CPLE_OpenFailedError(1, 4, "no such file")),
    "no key": lambda: {}[("a", 1)],
    "no number": lambda: fails(ValueError(float("nan"), [1, (2,)], None)),
    "a path": lambda: fails(Broken("is truncated", Path("/a/b.tif"), "B4", "", "Fetch it again.")),
    "no login": lambda: fails(NoAccess("wants a login", "https://a/b.tif")),
    "a number of NumPy": lambda: fails(BadInput("is", np.int64(3))),
    "no bands": lambda: fails(MissingBands("true-color", "S2A", ("blue",), ("red",), ("because",))),
    "no space": lambda: fails(WriteFailed("a.tif", "no space")),
    "no answer": lambda: fails(NoAnswer("Slurm is silent")),
    "of somebody else": lambda: fails(OfSomebodyElse("this")),
}
"""By what they meet."""


def fail(task):
    """The act of this number."""
    try:
        list(ACTS.values())[task.index]()
    except Exception as error:  # noqa: BLE001
        return Failed(task=task, error=error, traceback=traceback.format_exc())
    raise AssertionError(f"act {task.index} has not failed")
