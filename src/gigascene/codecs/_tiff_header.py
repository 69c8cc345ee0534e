"""Everything of a COG that lies before its tiles: TIFF header, GDAL's ghost area, directories (IFDs).

TIFF 6.0 (Adobe 1992), BigTIFF (libtiff 4), GDAL's "COG driver" page for the ghost area.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._tiff_options import color_bands, level_shape, tiff_options
from gigascene.model.plan import Format, Numbers

ASCII, SHORT, LONG, RATIONAL, DOUBLE, LONG8 = 2, 3, 4, 5, 12, 16
SIZES = {ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, DOUBLE: 8, LONG8: 8}
COMPRESSIONS = {"none": 1, "lzw": 5, "jpeg": 7, "deflate": 8, "zstd": 50000}
BLACK_IS_ZERO, RGB, PALETTE, TRANSPARENCY_MASK, YCBCR = 1, 2, 3, 4, 6
SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
FULL_RANGE = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
"""Reference black and white of Y, Cb and Cr, as fractions."""

OFFSETS, BYTE_COUNTS, GDAL_METADATA, GDAL_NODATA = 324, 325, 42112, 42113

Tag: TypeAlias = tuple[int, bytes]
"""TIFF's type code, and the values, little-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One picture of the file: full resolution, an overview, or a mask."""

    tags: Mapping[int, Tag]
    """All but where its tiles are."""

    sizes: NDArray[np.int64]
    """Bytes of every tile, row-major."""

    offsets: NDArray[np.int64]
    """Where every tile begins, counted from the end of the header."""


def shorts(*values: int) -> Tag:
    """A tag of 16-bit numbers."""
    return SHORT, struct.pack(f"<{len(values)}H", *values)


def longs(*values: int) -> Tag:
    """A tag of 32-bit numbers."""
    return LONG, struct.pack(f"<{len(values)}I", *values)


def text(value: str) -> Tag:
    """A text tag; GDAL reads it as UTF-8."""
    return ASCII, value.encode() + b"\0"


def image_tags(format: Format, level: int) -> dict[int, Tag]:
    """Tags of the pixels of one level."""
    options, bands = tiff_options(format), color_bands(format)
    height, width = level_shape(format.shape, level)
    jpeg, colors = options.compress == "jpeg", 3 if bands >= 3 else 1
    tags = {
        254: longs(int(level > 0)),
        256: longs(width),
        257: longs(height),
        258: shorts(*[8 * np.dtype(format.dtype).itemsize] * bands),
        259: shorts(COMPRESSIONS[options.compress]),
        262: shorts(BLACK_IS_ZERO if colors == 1 else YCBCR if jpeg else RGB),
        277: shorts(bands),
        284: shorts(1),
        322: longs(options.tile),
        323: longs(options.tile),
        339: shorts(*[SAMPLE_FORMATS[np.dtype(format.dtype).kind]] * bands),
    }
    if options.predictor > 1:
        tags[317] = shorts(options.predictor)
    if jpeg and colors == 3:
        tags[530] = shorts(2, 2)
        tags[532] = RATIONAL, struct.pack("<12I", *FULL_RANGE)
    if bands > colors:
        tags[338] = shorts(*[2 if format.alpha else 0] * (bands - colors))
    if format.nodata is not None and not jpeg:
        tags[GDAL_NODATA] = text(str(format.nodata))
    if format.numbers is not None:
        tags |= number_tags(format.numbers, format.dtype)
    if level == 0 and (format.metadata or format.numbers):
        # rasterio splits names at a colon
        said = {key.replace(":", "_"): value for key, value in format.metadata.items()}
        tags[GDAL_METADATA] = text(metadata_xml(said, {} if format.numbers is None else roles(format.numbers)))
    return tags


def number_tags(numbers: Numbers, dtype: str) -> dict[int, Tag]:
    """What means no data, and the colours of classes."""
    tags = {GDAL_NODATA: text(nodata_text(numbers, dtype))}
    if numbers.colors:
        table = np.frombuffer(bytes.fromhex(numbers.colors), np.uint8).reshape(-1, 3)
        tags |= {262: shorts(PALETTE), 320: shorts(*(257 * table.T.astype(np.uint16)).ravel().tolist())}
    return tags


def nodata_text(numbers: Numbers, dtype: str) -> str:
    """As GDAL writes it: of floats, digits that tell the number of this type.

    >>> nodata_text(Numbers(nodata=-9999.0), "int16"), nodata_text(Numbers(nodata=None), "float32")
    ('-9999', 'nan')
    """
    if numbers.nodata is None:
        return "nan"
    return f"{numbers.nodata:.17g}" if np.dtype(dtype).kind == "f" else str(int(numbers.nodata))


def roles(numbers: Numbers) -> dict[str, str]:
    """What GDAL keeps of a band's scale, offset and unit, by role; nothing of what is as usual."""
    said = {}
    if (numbers.scale, numbers.offset) != (1.0, 0.0):
        said = {"offset": repr(numbers.offset), "scale": repr(numbers.scale)}
    return said | ({"unittype": numbers.unit} if numbers.unit else {})


def mask_tags(format: Format, level: int) -> dict[int, Tag]:
    """Tags of the 1-bit mask of one level: 1 is valid; deflate."""
    height, width = level_shape(format.shape, level)
    tile = tiff_options(format).tile
    return {
        254: longs(4 | int(level > 0)),
        256: longs(width),
        257: longs(height),
        258: shorts(1),
        259: shorts(COMPRESSIONS["deflate"]),
        262: shorts(TRANSPARENCY_MASK),
        277: shorts(1),
        284: shorts(1),
        322: longs(tile),
        323: longs(tile),
        339: shorts(1),
    }


def metadata_xml(items: Mapping[str, str], roles: Mapping[str, str] | None = None) -> str:
    """GDAL's own metadata, as its TIFF driver keeps it: values are escaped twice; and the first band's, by role.

    >>> metadata_xml({"A": "b<c"}).splitlines()[1]
    '  <Item name="A">b&amp;lt;c</Item>'
    """
    lines = [f'  <Item name="{escape(key)}">{escape(escape(value))}</Item>' for key, value in items.items()]
    lines += [
        f'  <Item name="{role.upper()}" sample="0" role="{role}">{escape(escape(value))}</Item>'
        for role, value in (roles or {}).items()
    ]
    return "\n".join(["<GDALMetadata>", *lines, "</GDALMetadata>"])


def ghost(*, masked: bool) -> bytes:
    r"""GDAL's promise how the tiles lie; each line of it is kept by the writer.

    >>> len(ghost(masked=False)), ghost(masked=False)[:43]
    (183, b'GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\n')
    """
    lines = [
        "LAYOUT=IFDS_BEFORE_DATA\n",
        "BLOCK_ORDER=ROW_MAJOR\n",
        "BLOCK_LEADER=SIZE_AS_UINT4\n",
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n",
        "KNOWN_INCOMPATIBLE_EDITION=NO\n ",  # a byte to spare: editors overwrite NO with YES
        "MASK_INTERLEAVED_WITH_IMAGERY=YES\n" if masked else "",
    ]
    promise = "".join(lines)
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(promise):06d} bytes\n{promise}".encode()


def header(directories: Sequence[Directory], *, big: bool, masked: bool) -> bytes:
    """The file up to its first tile."""
    length = len(_header(directories, 0, big=big, masked=masked))
    return _header(directories, length, big=big, masked=masked)


def _header(directories: Sequence[Directory], data: int, *, big: bool, masked: bool) -> bytes:
    """`data` is where the tiles begin; the length does not depend on it."""
    promise = ghost(masked=masked)
    promise += b"\0" * (len(promise) % 2)
    start = (16 if big else 8) + len(promise)
    parts = [struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if big else struct.pack("<2sHI", b"II", 42, start), promise]
    for position, directory in enumerate(directories):
        parts.append(_directory(directory, start, data, big=big, last=position == len(directories) - 1))
        start += len(parts[-1])
    return b"".join(parts)


def _directory(directory: Directory, start: int, data: int, *, big: bool, last: bool) -> bytes:
    """Entries, the offset of the next directory, then the values too long for an entry."""
    where = (LONG8, (directory.offsets + data).astype("<u8").tobytes())
    if not big:
        where = (LONG, (directory.offsets + data).astype("<u4").tobytes())
    tags = {**directory.tags, OFFSETS: where, BYTE_COUNTS: (LONG, directory.sizes.astype("<u4").tobytes())}
    inline, count, pointer = (8, "<Q", "<Q") if big else (4, "<H", "<I")
    entry = "<HHQ" if big else "<HHI"
    fixed = struct.calcsize(count) + len(tags) * (struct.calcsize(entry) + inline) + inline
    entries, values = [struct.pack(count, len(tags))], b""
    for tag, (kind, content) in sorted(tags.items()):
        entries.append(struct.pack(entry, tag, kind, len(content) // SIZES[kind]))
        if len(content) <= inline:
            entries.append(content.ljust(inline, b"\0"))
        else:
            entries.append(struct.pack(pointer, start + fixed + len(values)))
            values += content + b"\0" * (-len(content) % 8)
    following = 0 if last else start + fixed + len(values)
    return b"".join([*entries, struct.pack(pointer, following), values])
