"""What a plan will write, foreseen before a pixel is read: what is certain, what is likely, what no pixels exceed."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gigascene.model.contracts import Writer
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Plan
from gigascene.plan.fit import others
from gigascene.registry import ENGINES, WRITERS
from gigascene.storage.folder import SPOOL, target_of
from gigascene.storage.scratch import existing, made_at


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
    writer: Writer = WRITERS[format.writer]
    most = len(writer.codec.pieces(format)) * writer.codec.bound(format)
    there = writer.on_disk(format)
    copies, file = 1 + there.assembled + _spools(plan), most if there.reduced else int(raw * there.share)
    unpacked = _unpacked(plan)
    return Space(
        file=file,
        least=unpacked + (copies * raw if there.share >= 1 and not there.reduced else 0),
        likely=unpacked + copies * file,
        most=unpacked + copies * max(most, file),
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


def _unpacked(plan: Plan) -> int:
    """Of a picture that is unpacked beside the target first (`gigascene.execute.unpack`)."""
    picture = plan.picture
    if picture is None or not picture.from_top:
        return 0
    return picture.shape[0] * picture.shape[1] * picture.bands * np.dtype(picture.dtype).itemsize


def _spools(plan: Plan) -> bool:
    """Whether every piece lies beside the target once more, in logs of those who made it, until the run is over."""
    return bool(ENGINES[plan.execution.engine].spools)


def _free(plan: Plan) -> int:
    target = target_of(str(made_at(plan.target)), plan.format.suffix)
    left = [target.sibling("part"), *(target.sibling(SPOOL).glob("*.log") if _spools(plan) else ())]
    status = os.statvfs(existing(target.path.parent))
    return status.f_bavail * status.f_frsize + sum(file.stat().st_blocks * 512 for file in left if file.exists())


def _instead(plan: Plan) -> str:
    if _unpacked(plan):
        return "Its source is unpacked beside what is made of it: write to another disk."
    if smaller := WRITERS[plan.format.writer].on_disk(plan.format).smaller:
        return str(smaller)
    fitting = [suffix for suffix, other in others(plan) if space(other).least <= _free(plan)]
    return f"Write {' or '.join(fitting)}, or to another disk." if fitting else "Write to another disk."


def _words(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
