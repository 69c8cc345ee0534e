"""Deep Zoom: a descriptor, and beside it a folder of tiles of every level, for viewers such as OpenSeadragon.

``world.dzi`` speaks for ``world_files/LEVEL/COLUMN_ROW.png``. Level 0 is one pixel, the last is the whole picture; tiles do not
overlap, and those at the right and bottom edge are smaller. Pixels without data are transparent in png and webp (no data
is level 0, or alpha), and black in jpg.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gigascene.codecs._tile_layout import TileLayout, check_known, check_pixels, tile_options, truth
from gigascene.codecs.tiles import TileCodec
from gigascene.metadata.deep_zoom import descriptor
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.storage.folder import tiles_beside
from gigascene.writers._tiles import TilesSink, Tree, finishing, on_disk


def layout(format: Format) -> TileLayout:
    """Down to one pixel."""
    options = format.options
    return TileLayout(
        shape=format.shape,
        tile=int(options["tile"]),
        depth=(max(format.shape) - 1).bit_length(),
        kind=str(options["tiles"]),
        quality=int(options["quality"]),
        sparse=bool(options["sparse"]),
    )


CODEC = TileCodec(layout)


class DeepZoomWriter:
    """Deep Zoom: png (8 or 16 bit), jpg or webp tiles, grey or RGB, with or without alpha."""

    name = "deepzoom"
    suffixes = (".dzi",)
    options: tuple[str, ...] = ("tile", "tiles", "quality", "sparse")
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Fill in tile (512), tiles (png), quality (85) and sparse (no: viewers ask for every tile)."""
        check_known(format, self.options)
        options = {**tile_options(format, 512), "sparse": truth(format.options, "sparse")}
        format = replace(format, options=options)
        check_pixels(format)
        if options["sparse"] and not format.alpha and format.nodata is None:
            raise UsageError("sparse leaves out what is no data, and here everything is data")
        return format

    def finishing(self, format: Format) -> int:
        """A row of tiles of every level that workers do not make."""
        return finishing(layout(format), format)

    def on_disk(self, format: Format) -> OnDisk:
        """By the tiles' own format, with all smaller levels; made out of a body."""
        return on_disk(layout(format))

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> TilesSink:
        """A sink on the body file."""
        target, format = Path(plan.target), plan.format
        zoom = layout(format)

        def name(level: int, row: int, column: int) -> str:
            return f"{zoom.depth - level}/{column}_{row}.{zoom.kind}"

        tree = Tree(
            folder=target.with_name(tiles_beside(target.name)),
            name=name,
            scheme="deepzoom",
            finest=zoom.depth,
            head=descriptor(zoom.shape, zoom.tile, zoom.kind),
        )
        return TilesSink(body, plan, done, CODEC, tree)


WRITER = DeepZoomWriter()
