"""In a worker, as it is loaded: it takes itself for another machine, and notes writes that are on the disk before they return.

GIGASCENE_TEST_MARKER is the file that tells so.
"""

import os
from pathlib import Path

from gigascene.execute import in_place

_write = in_place.write_at


def _noted(file, data, offset):
    flags = Path(f"/proc/self/fdinfo/{file}").read_text().split("flags:")[1].split()[0]
    if int(flags, 8) & os.O_DSYNC:
        Path(os.environ["GIGASCENE_TEST_MARKER"]).touch()
    _write(file, data, offset)


def _elsewhere(marker):
    boot = marker.with_suffix(".boot")
    boot.write_text("another")
    in_place.BOOT, in_place.write_at = boot, _noted


if "GIGASCENE_TEST_MARKER" in os.environ:  # not where pytest looks for examples in it
    _elsewhere(Path(os.environ["GIGASCENE_TEST_MARKER"]))
