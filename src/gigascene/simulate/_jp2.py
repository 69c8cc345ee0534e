"""JPEG 2000 as the agency has it: lossless, in tiles, with its place in GML; filled from the top, rows at a time.

OpenJPEG encodes each tile as an image of its own; the tile-parts are joined under one main header (ITU-T T.800,
annexes A and I). That is allowed because every tile begins at a multiple of 1024 pixels, where all subbands and code
blocks of up to four decompositions begin anew.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

TILE = 1024

_SIZ, _SOT, _EOC = 0xFF51, 0xFF90, 0xFFD9
_GRAY, _RGB = 17, 16

_GML = """<?xml version="1.0" encoding="UTF-8"?>
<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.opengis.net/gml http://schemas.opengis.net/gml/3.1.1/profiles/gmlJP2Profile/1.0.0/gmlJP2Profile.xsd">
  <gml:boundedBy><gml:Null>withheld</gml:Null></gml:boundedBy>
  <gml:featureMember>
    <gml:FeatureCollection>
      <gml:featureMember>
        <gml:RectifiedGridCoverage dimension="2" gml:id="RGC0001">
          <gml:rectifiedGridDomain>
            <gml:RectifiedGrid dimension="2">
              <gml:limits>
                <gml:GridEnvelope><gml:low>1 1</gml:low><gml:high>{columns} {rows}</gml:high></gml:GridEnvelope>
              </gml:limits>
              <gml:axisName>x</gml:axisName>
              <gml:axisName>y</gml:axisName>
              <gml:origin>
                <gml:Point gml:id="P0001" srsName="urn:ogc:def:crs:EPSG::{epsg}"><gml:pos>{x} {y}</gml:pos></gml:Point>
              </gml:origin>
              <gml:offsetVector srsName="urn:ogc:def:crs:EPSG::{epsg}">{step} 0</gml:offsetVector>
              <gml:offsetVector srsName="urn:ogc:def:crs:EPSG::{epsg}">0 -{step}</gml:offsetVector>
            </gml:RectifiedGrid>
          </gml:rectifiedGridDomain>
          <gml:rangeSet>
            <gml:File>
              <gml:rangeParameters/>
              <gml:fileName>gmljp2://codestream/0</gml:fileName>
              <gml:fileStructure>Record Interleaved</gml:fileStructure>
            </gml:File>
          </gml:rangeSet>
        </gml:RectifiedGridCoverage>
      </gml:featureMember>
    </gml:FeatureCollection>
  </gml:featureMember>
</gml:FeatureCollection>
"""


class Jp2File:
    """One file being written.

    Parameters
    ----------
    path : Path
        The file; its folder must be there.
    geobox : GeoBox
        Its pixels, square and north up, in whole metres.
    bits : int
        Of a sample: 8, or 15 for numbers of 16 bits.
    bands : int
        3 are red, green and blue.
    """

    def __init__(self, path: Path, geobox: GeoBox, bits: int, bands: int = 1) -> None:
        self._rows_total, self._columns = geobox.shape
        self._bits, self._bands = bits, bands
        self._dtype = np.uint8 if bits == 8 else np.uint16
        self._rows = np.empty((0, self._columns, bands), self._dtype)
        self._have = self._done = self._tiles = 0
        self._blank: dict[tuple[int, ...], bytes] = {}
        # All tiles have the same; the encoder takes fewer by itself for a side shorter than 8 pixels at the coarsest one.
        self._resolutions = max(1, min(5, (_smallest(self._rows_total, self._columns) // 8).bit_length()))
        self._file = path.open("wb")
        self._file.write(_boxes(geobox, bits, bands))

    def put(self, rows: NDArray[Any]) -> None:
        """Append rows: (y, x) or (y, x, band)."""
        rows = rows.reshape(len(rows), *self._rows.shape[1:])
        if not len(self._rows):
            self._rows = np.empty((min(TILE, self._rows_total), *self._rows.shape[1:]), self._dtype)
        while len(rows):
            full = min(TILE, self._rows_total - self._done)
            take = min(full - self._have, len(rows))
            self._rows[self._have : self._have + take] = rows[:take]
            self._have, rows = self._have + take, rows[take:]
            if self._have == full:
                self._encode(self._rows[:full])
                self._have, self._done = 0, self._done + full

    def put_blank(self) -> None:
        """All rows, of zeros."""
        for top in range(0, self._rows_total, TILE):
            height = min(TILE, self._rows_total - top)
            self._encode(np.broadcast_to(self._dtype(0), (height, self._columns, self._bands)))
        self._done = self._rows_total

    def finish(self) -> None:
        """Write the end, and close."""
        assert self._done == self._rows_total
        self._file.write(struct.pack(">H", _EOC))
        self._file.close()

    def close(self) -> None:
        """Close, as it is."""
        self._file.close()

    def _encode(self, strip: NDArray[Any]) -> None:
        """A row of tiles."""
        for left in range(0, self._columns, TILE):
            main, part = _split(self._codestream(np.ascontiguousarray(strip[:, left : left + TILE])))
            if self._tiles == 0:
                self._file.write(self._main_header(main))
            # the number of the tile is behind the marker and its length
            self._file.write(part[:4] + struct.pack(">H", self._tiles) + part[6:])
            self._tiles += 1

    def _codestream(self, tile: NDArray[Any]) -> bytes:
        """A tile as an image of its own; tiles of zeros are encoded once."""
        if tile.any():
            return self._lossless(tile)
        if tile.shape not in self._blank:
            self._blank[tile.shape] = self._lossless(tile)
        return self._blank[tile.shape]

    def _lossless(self, tile: NDArray[Any]) -> bytes:
        return bytes(
            imagecodecs.jpeg2k_encode(
                tile[..., 0] if self._bands == 1 else tile,
                codecformat="j2k", reversible=True, resolutions=self._resolutions, bitspersample=self._bits,
                mct=self._bands == 3, numthreads=1,
            )
        )  # fmt: skip

    def _main_header(self, main: bytes) -> bytes:
        """That of the first tile, with the whole image's size and its tiles'."""
        at = main.index(struct.pack(">H", _SIZ)) + 6
        sizes = struct.pack(">8I", self._columns, self._rows_total, 0, 0, TILE, TILE, 0, 0)
        return main[:at] + sizes + main[at + len(sizes) :]


def _smallest(rows: int, columns: int) -> int:
    """Shortest side of any tile."""
    return min(side if side <= TILE else side % TILE or TILE for side in (rows, columns))


def _split(codestream: bytes) -> tuple[bytes, bytes]:
    """Main header, and all tile-parts without the end marker."""
    at = 2
    while True:
        marker, length = struct.unpack(">HH", codestream[at : at + 4])
        if marker == _SOT:
            return codestream[:at], codestream[at:-2]
        at += 2 + length


def _boxes(geobox: GeoBox, bits: int, bands: int) -> bytes:
    """All that lies before the codestream."""
    rows, columns = geobox.shape
    header = _box(b"ihdr", struct.pack(">IIHBBBB", rows, columns, bands, bits - 1, 7, 1, 0))
    header += _box(b"colr", struct.pack(">BBBI", 1, 0, 0, _RGB if bands == 3 else _GRAY))
    affine = geobox.affine
    step = round(affine.a)
    gml = _GML.format(
        columns=columns, rows=rows, epsg=geobox.crs.epsg if geobox.crs else 0, step=step,
        x=round(affine.c) + step // 2, y=round(affine.f) - step // 2,
    )  # fmt: skip
    instance = _box(b"lbl ", b"gml.root-instance") + _box(b"xml ", gml.encode())
    return b"".join(
        [
            _box(b"jP  ", b"\r\n\x87\n"),
            _box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
            _box(b"jp2h", header),
            _box(b"asoc", _box(b"lbl ", b"gml.data") + _box(b"asoc", instance)),
            struct.pack(">I4s", 0, b"jp2c"),  # to the end of the file
        ]
    )


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content
