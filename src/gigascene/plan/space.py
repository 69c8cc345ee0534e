"""What a plan will write, foreseen before a pixel is read: what is certain, what is likely, what no pixels exceed."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.plan.fit import REDUCED, others
from gigascene.registry import WRITERS
from gigascene.storage.folder import target_of
from gigascene.storage.scratch import existing, made_at

SHARES = {"png": 0.6, "jpg": 0.1, "webp": 0.1, "deflate": 0.6, "zstd": 0.6, "lzw": 0.6, "jpeg": 0.1, "none": 1.0}
"""What a picture of the Earth usually keeps of its bytes, by way of compression: measured on the benchmarks' sources, rounded up."""

WITH_SMALLER = 4 / 3
"""A picture and all its smaller levels: 1 + 1/4 + 1/16 …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes on the target's disk."""

    file: int
    """Likely size of what is finished."""

    least: int
    """So much must be there at once, whatever the pixels."""

    likely: int
    """The same for usual pixels: files on their way count too."""

    most: int
    """No pixels need more."""

    free: int
    """What the system gives, and what an earlier run has left for this one."""

    @property
    def doubt(self) -> str:
        """Empty, or that it may not fit: noise takes twice as much as usual."""
        if min(self.most, 2 * self.likely) <= self.free:
            return ""
        will = "will probably" if self.likely > self.free else "may"
        return (
            f"the disk {will} not hold it: about {_words(self.likely)} are needed at once, at most {_words(self.most)}, "
            f"and {_words(self.free)} are free"
        )


def space(plan: Plan) -> Space:
    """What a plan needs and what there is."""
    format = plan.format
    raw = format.shape[0] * format.shape[1] * format.bands * np.dtype(format.dtype).itemsize
    codec = WRITERS[format.writer].codec
    most = len(codec.pieces(format)) * codec.bound(format)
    share, twice = _share(format), 1 + _assembled(format)
    file = most if format.writer in REDUCED else int(raw * share)
    unpacked = _unpacked(plan)
    return Space(
        file=file,
        least=unpacked + (twice * raw if share >= 1 and format.writer not in REDUCED else 0),
        likely=unpacked + twice * file,
        most=unpacked + twice * max(most, file),
        free=_free(plan),
    )


def check_space(plan: Plan) -> Space:
    """What `space` tells; raises `WriteFailed` where the disk cannot hold it."""
    found = space(plan)
    if found.least > found.free:
        what = f"it needs {_words(found.least)} on the disk, and {_words(found.free)} are free"
        raise WriteFailed(plan.target, what, _instead(plan))
    _check_files(plan)
    return found


def _check_files(plan: Plan) -> None:
    """Raise `WriteFailed` where a folder of tiles needs more files than its disk can still have."""
    layout = getattr(WRITERS[plan.format.writer].codec, "layout", None)
    if layout is None or (tiles := layout(plan.format)).sparse:
        return
    need = sum(math.prod(tiles.counts(level)) for level in range(tiles.depth + 1))
    status = os.statvfs(existing(Path(made_at(plan.target)).parent))
    if status.f_files and need > status.f_favail:  # some file systems count none
        what = f"it is {need:,} files, and the disk can have {status.f_favail:,} more"
        raise WriteFailed(plan.target, what, "Use a larger --tile, or write .tif, which is one file.")


def _share(format: Format) -> float:
    """Bytes of the file by bytes of its pixels."""
    if format.writer == "pam":
        return 1.0
    kind = {"png": "png", "jpeg": "jpeg"}.get(format.writer)
    if kind is not None:
        return SHARES[kind]
    way = str(format.options.get("tiles") or format.options.get("compress"))
    return SHARES.get(way, 0.6) * WITH_SMALLER


def _assembled(format: Format) -> bool:
    """True where the finished file is made out of another, so that for a moment both are there."""
    masked = format.alpha or format.nodata is not None
    return format.writer not in {"png", "pam"} and (format.writer != "jpeg" or masked)


def _unpacked(plan: Plan) -> int:
    """Of a picture that is unpacked beside the target first (`gigascene.execute.unpack`)."""
    picture = plan.picture
    if picture is None or not picture.from_top:
        return 0
    return picture.shape[0] * picture.shape[1] * picture.bands * np.dtype(picture.dtype).itemsize


def _free(plan: Plan) -> int:
    target = target_of(str(made_at(plan.target)), plan.format.suffix)
    part = target.sibling("part")
    status = os.statvfs(existing(target.path.parent))
    return status.f_bavail * status.f_frsize + (part.stat().st_blocks * 512 if part.exists() else 0)


def _instead(plan: Plan) -> str:
    if _unpacked(plan):
        return "Its source is unpacked beside what is made of it: write to another disk."
    if plan.format.writer == "cog":
        return "Leave out --compress none, or write to another disk."
    fitting = [suffix for suffix, other in others(plan) if space(other).least <= _free(plan)]
    return f"Write {' or '.join(fitting)}, or to another disk." if fitting else "Write to another disk."


def _words(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
