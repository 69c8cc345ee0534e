"""Writers driven as the coordinator drives them, from an array of levels instead of scenes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from gigascene.execute.run import Job
from gigascene.model.block import Shown
from gigascene.model.plan import Execution, Format
from gigascene.works.gather import windows

NORTH_UP = Affine(10, 0, 500_000, 0, -10, 7_000_000)
SHAPES = [(1, 1), (3, 5), (700, 513), (5000, 300)]
TEXTS = {"Title": "True colour, Ätna", "Software": "gigascene 0", "gigascene:recipe": '{"product":"true-color"}'}


def format_of(
    writer, shape, bands=3, dtype="uint8", *, crs="EPSG:32626", affine=NORTH_UP, metadata=None, suffix=None, **options
):
    alpha = bands in {2, 4}
    plain = options.pop("plain", False)
    return writer.format(
        Format(
            writer=writer.name,
            suffix=suffix or writer.suffixes[0],
            shape=shape,
            bands=bands,
            dtype=dtype,
            alpha=alpha,
            nodata=None if alpha or plain else 0,
            geobox=GeoBox(shape, affine, crs),
            options=options,
            metadata=TEXTS if metadata is None else metadata,
        )
    )


def picture(format, noise=9, seed=0):
    """Smooth levels with some noise, a blank corner and, with noise, blank specks."""
    rng = np.random.default_rng(seed)
    (height, width), top = format.shape, np.iinfo(format.dtype).max
    slope = np.linspace(0.1, 0.6, width) + np.linspace(0, 0.3, height)[:, None]
    levels = slope[..., None] * top + rng.integers(1, 1 + noise, (height, width, format.bands))
    levels = levels.astype(format.dtype)
    if format.alpha:
        levels[..., -1] = top
    if format.alpha or format.nodata is not None:
        levels[: height // 2, : width // 3] = 0
        levels[rng.random((height, width)) < 0.01 * (noise > 1)] = 0
    return levels


def pieces(levels, writer, format, run=10_000, rows=512):
    """All pieces, by tasks of `run` pieces and windows of `rows` rows."""
    job = SimpleNamespace(work=SimpleNamespace(counts=()), codec=writer.codec, plan=SimpleNamespace(format=format))
    grid = writer.codec.pieces(format)
    for start in range(0, len(grid), run):
        for _, part in grid.runs(start, min(start + run, len(grid))):
            shown = (Shown(window=w, levels=levels[w.top : w.bottom, w.left : w.right]) for w in windows(part, rows))
            yield from Job.encoded(job, shown)


def opened(path, writer, format, done=None):
    body = path.with_name(f".{path.name}.part")
    if done is None:
        body.write_bytes(b"")
    format = replace(format, suffix=path.suffix)
    plan = SimpleNamespace(target=str(path), format=format, execution=Execution())
    return writer.open(body, plan, [] if done is None else done)


def write(path, levels, writer, format, **cut):
    """The finished file at `path`; the sink's facts."""
    sink = opened(path, writer, format)
    bound = writer.codec.bound(format)
    for piece in pieces(levels, writer, format, **cut):
        assert len(piece.body) <= bound
        sink.put(piece)
    return sink.finish()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())
