"""JPEG, one file from any number of workers, with GDAL's mask behind the image.

The mask says what is no data (`dataset_mask` in rasterio); programs that do
not know it see black there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import rasterio
from rasterio import Env
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window

from gigascene.codecs.jpeg import CODEC, color_bands, has_mask, header
from gigascene.codecs.png import ZLIB_HEADER, adler32_combine
from gigascene.metadata.geotiff_tags import ungeoreferenced_allowed
from gigascene.model.contracts import OnDisk, Placed, Record
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink
from gigascene.writers._limits import check_sides
from gigascene.writers._on_disk import SHARES

MAX_SIDE = 65_500
"""The format's own limit is 65,535; libjpeg, with which nearly everything reads it, stops here."""

MAX_MASKED = 2**32 - 1
"""Bytes of an image with a mask behind it: 32 bits say where the mask begins."""


class JpegSink(FileSink):
    """Strips behind one another, behind a header."""

    codec = CODEC

    def __init__(self, body: Path, plan: Plan, done: Record) -> None:
        super().__init__(body, plan, done)
        if not self.assembled and self._body.empty:
            self._body.append(header(plan.format))

    def _made(self) -> Mapping[str, Any]:
        """The last strip was the end of the file."""
        self._check(masked=False)
        return {**super()._made(), "mask": False, "masked": True}

    def _check(self, *, masked: bool) -> None:
        """Raise `WriteFailed` where GDAL sees another picture."""
        target = str(self._body.target.path)
        found = seen(self._temporary, target)
        if found != (self._format.shape, color_bands(self._format), masked):
            raise WriteFailed(target, f"the finished file reads back as {found}")

    def _told_beside(self) -> Format:
        return replace(self._format, nodata=None)


class MaskedJpegSink(JpegSink):
    """Strips and masks into a body; images first, masks behind them, out of it."""

    assembled = "jpeg"

    def _made(self) -> Mapping[str, Any]:
        """Write and check the file; it has a mask only where it is needed."""
        placed = self._body.placed
        masked = not all(strip.facts["full"] for strip in placed)
        with self._body.path.open("rb") as body, self._temporary.open("wb") as file:
            file.write(header(self._format))
            for _, image in parts(body, placed, of="image"):
                file.write(image)
            if masked:
                self._mask(body, file)
        self._check(masked=masked)
        return {"mask": masked, "masked": True, "in_place": False}

    def _mask(self, body: BinaryIO, file: BinaryIO) -> None:
        """GDAL's mask: zlib of one bit a pixel, then where it begins."""
        begin, adler = file.tell(), 1
        if begin > MAX_MASKED:
            raise WriteFailed(str(self._body.target.path), "a JPEG with a mask ends at 4 GB", "Use .tif.")
        file.write(ZLIB_HEADER)
        for strip, bits in parts(body, self._body.placed, of="mask"):
            file.write(bits)
            adler = adler32_combine(adler, int(strip.facts["adler32"]), int(strip.facts["raw"]))
        file.write(b"\x01\x00\x00\xff\xff" + struct.pack(">I", adler) + struct.pack("<I", begin))


class JpegWriter:
    """JPEG: 8 bit, grey or RGB; no data, or alpha 0, becomes a mask."""

    name = "jpeg"
    suffixes = (".jpg", ".jpeg")
    options: tuple[str, ...] = ("quality",)
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Option `quality`, 1 to 100 (90); sides up to 65,500."""
        if format.dtype != "uint8":
            raise UsageError("JPEG holds 8 bits, not 16; write .png or .tif, or use depth 8")
        if color_bands(format) not in {1, 3}:
            raise UsageError(f"JPEG holds grey or RGB, not {color_bands(format)} bands; write .tif")
        if format.nodata not in {None, 0}:
            raise UsageError(f"JPEG takes nodata 0 or alpha, not nodata {format.nodata}")
        check_sides(format, "JPEG", MAX_SIDE)
        return replace(format, options={"quality": _quality(format.options.get("quality", 90))})

    def finishing(self, format: Format) -> int:
        """One strip on its way, and GDAL's look at the file."""
        return 2 * CODEC.bound(format)

    def on_disk(self, format: Format) -> OnDisk:
        """Another file is assembled where there is a mask."""
        return OnDisk(share=SHARES["jpeg"], assembled=has_mask(format))

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> JpegSink:
        """A sink on the body file."""
        sink = MaskedJpegSink if has_mask(plan.format) else JpegSink
        return sink(body, plan, done)


WRITER = JpegWriter()


def parts(body: BinaryIO, placed: Record, *, of: Literal["image", "mask"]) -> Iterator[tuple[Placed, bytes]]:
    """The images of all strips in order, or their masks."""
    for strip in placed:
        image = int(strip.facts["image"])
        begin, end = (0, image) if of == "image" else (image, strip.length)
        body.seek(strip.offset + begin)
        yield strip, body.read(end - begin)


def seen(path: Path, target: str) -> tuple[tuple[int, int], int, bool]:
    """Shape, bands and whether there is a mask, as GDAL finds them; decodes the first row."""
    with Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), ungeoreferenced_allowed():
        try:
            with rasterio.open(path, driver="JPEG") as picture:
                picture.read(1, window=Window(0, 0, picture.width, 1))
                return picture.shape, picture.count, MaskFlags.per_dataset in picture.mask_flag_enums[0]
        except RasterioError as error:
            raise WriteFailed(target, f"the finished file cannot be read back ({error})") from error


def _quality(wish: Any) -> int:
    text = str(wish)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise UsageError(f"the quality of a JPEG is 1 to 100, not {wish!r}")
    return int(text)
