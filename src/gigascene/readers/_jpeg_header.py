"""What a JPEG says before its first scan (ITU-T T.81, annex B): enough to know what decoding it will take."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import BinaryIO

from gigascene.model.errors import BadInput
from gigascene.readers._samples import AGAIN

SCAN, END, RESTARTS = 0xDA, 0xD9, range(0xD0, 0xD8)
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Frame headers; the three between them are tables, and one that nobody uses."""

READ = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
"""Those that are read here: with Huffman codes, 8 bits, and the DCT."""

MOST_SEGMENTS = 4096
"""Before the first scan; cameras write some twenty, and a colour profile takes 255 at most."""

ICC = b"ICC_PROFILE\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Frame and first scan."""

    shape: tuple[int, int]
    """Rows and columns."""

    sampling: tuple[tuple[int, int], ...]
    """Of each component, down and across."""

    one_scan: bool
    """All that is needed for a row lies together."""

    said: str = ""
    """What it says of its colours, in words, where that is not sRGB."""

    @property
    def coefficients(self) -> int:
        """Of the whole picture, all components, padded to whole coded units."""
        down = max(vertical for vertical, _ in self.sampling)
        across = max(horizontal for _, horizontal in self.sampling)
        units = -(-self.shape[0] // (8 * down)) * -(-self.shape[1] // (8 * across))
        return 64 * units * sum(vertical * horizontal for vertical, horizontal in self.sampling)


def header_of(file: BinaryIO, href: str) -> Header:
    """Segments up to the first scan's header, which is read too; raises `BadInput` where they cannot be, or are not read here."""
    _need(file.read(2) == b"\xff\xd8", "is no JPEG.", href)
    frame, kind, said = b"", 0, ""
    for _ in range(MOST_SEGMENTS):
        marker, data = _segment(file, href)
        if marker in FRAMES:
            _need(not frame, "has two frames before its first scan.", href)
            frame, kind = data, marker
        elif marker == 0xE2 and data.startswith(ICC):
            said = "a colour profile"
        elif marker == SCAN:
            _need(bool(frame), "has a scan before its frame.", href)
            return _header(frame, kind, data, said, href)
    raise BadInput(f"has more than {MOST_SEGMENTS} segments before its pixels.", href, hint=AGAIN)


def _segment(file: BinaryIO, href: str) -> tuple[int, bytes]:
    """Marker and data of the next one."""
    start = file.read(2)
    while start == b"\xff\xff":  # fill bytes may stand before a marker
        start = start[1:] + file.read(1)
    _need(len(start) == 2 and start[0] == 0xFF, "is cut short, or broken, before its pixels.", href)
    if (marker := start[1]) == END or marker in RESTARTS or marker <= 1:
        raise BadInput(f"has the marker {marker:02X} before its pixels, which cannot be.", href, hint=AGAIN)
    length = int.from_bytes(file.read(2), "big")
    data = file.read(max(length - 2, 0))
    _need(len(data) == length - 2, "is cut short, or broken, before its pixels.", href)
    return marker, data


def _header(frame: bytes, kind: int, scan: bytes, said: str, href: str) -> Header:
    _need(len(frame) >= 6 and len(frame) == 6 + 3 * frame[5] and len(scan) >= 1, "has a broken frame header.", href)
    if kind not in READ:
        what = f"is a JPEG of the kind SOF{kind - 0xC0}; baseline and progressive ones with Huffman codes are read."
        raise BadInput(what, href, hint="Save it again with another program.")
    depth, rows, columns, count = unpack(">BHHB", frame[:6])
    if depth != 8:
        raise BadInput(f"has {depth} bits a sample, and JPEGs of 8 are read.", href)
    if count == 4:
        hint = "Make it RGB first, by its colour profile: magick IN -profile sRGB.icc OUT"
        raise BadInput("holds CMYK (four inks), and pictures are grey or RGB.", href, hint=hint)
    if count not in {1, 3}:
        raise BadInput(f"has {count} components, and pictures are grey (1) or RGB (3).", href)
    _need(rows > 0 and columns > 0, f"declares {rows} rows of {columns} pixels.", href)
    sampling = tuple((frame[at] & 15, frame[at] >> 4) for at in range(7, 6 + 3 * count, 3))
    _need(all(1 <= factor <= 4 for pair in sampling for factor in pair), "has a broken frame header.", href)
    sampling = sampling if count > 1 else ((1, 1),)  # of one component alone they mean nothing (A.2.2)
    one_scan = kind != 0xC2 and scan[0] == count
    return Header(shape=(rows, columns), sampling=sampling, one_scan=one_scan, said=said)


def _need(fits: bool, what: str, href: str) -> None:  # noqa: FBT001  (reads as an assertion)
    if not fits:
        raise BadInput(what, href, hint=AGAIN)
