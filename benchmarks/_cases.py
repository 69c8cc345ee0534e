"""What is measured: for each benchmark its sources, its jobs and the targets they are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from _clusters import by_engine, on_cluster
from _jobs import SIZES, Tools, cog, deepzoom, engines, gigapixel, jpeg, landsat, memory, pam, png, queue, startup
from _measure import Job
from _mosaics import RULES, mosaics


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A ratio of two jobs, or one number, that was promised."""

    words: str
    job: str
    of: str
    """``wall_s``, ``cpu_s``, ``peak_bytes`` or ``file_bytes``."""

    at_most: float
    against: str | None = None
    """The job whose number divides; None for the number itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One benchmark."""

    title: str
    words: str
    sources: Sequence[str]
    jobs: Callable[[Tools], list[Job]]
    targets: Sequence[Target] = ()
    compared: Sequence[tuple[str, str]] = ()
    """Pairs of outputs whose pixels are compared after the runs."""

    runs: int = 3
    warm_up: bool = True
    """A first round does not count; left out where jobs take many minutes, and read more than memory keeps."""

    long: bool = False
    """Runs only where it is asked for by name."""

    cluster: bool = False
    """Runs in the environment of requirements/cluster.txt: ours, Dask and its peers, as workers must have all of them."""


def _region(name: str, rules: Sequence[str] = RULES, *, long: bool = False) -> Case:
    """Reproject, mosaic, COG; and the median of dates."""
    words, what = WORDS[name], {"latest": "the last date on top", "median": "the median of dates"}
    gdal, odc = "gdalbuildvrt + gdalwarp + gdal_translate, latest", "odc-stac + Dask"
    latest, median = "gigascene, latest", "gigascene, median"
    return Case(
        title=f"A region of Sentinel-2, {words}{'' if len(rules) > 1 else f': {what[rules[0]]}'}",
        words=(
            f"{words}, red, green and blue as COG with STAC items, nearest pixels on the grid of the next UTM zone at 10 m, "
            f"8-bit RGB COG, deflate: {', and '.join(what[rule] for rule in rules)}. odc-stac counts what two tiles of one "
            "date share once; we count every scene."
        ),
        sources=(name,),
        jobs=mosaics(name, rules),
        targets=tuple(
            Target(words=words, job=job, of=of, at_most=most, against=against)
            for words, job, of, most, against in (
                ("wall time", latest, "wall_s", 1 / 3, gdal),
                ("wall time", latest, "wall_s", 1.0, f"{odc}, latest"),
                ("wall time", median, "wall_s", 1 / 3, f"{odc}, median"),
                ("peak memory", latest, "peak_bytes", 2**30, None),
                ("peak memory", median, "peak_bytes", 2**30, None),
            )
            if job.rpartition(" ")[2] in rules
        ),
        compared=tuple((f"{name}-{one}.tif", f"{name}-{other}.tif") for one, other in PAIRS if one in rules),
        runs=1,
        warm_up=not long,
        long=long,
    )


def _on_cluster(name: str, *, long: bool = False) -> Case:
    """A COG from STAC items on a Dask cluster."""
    pairs = [(f"gigascene, dask, {rule}", f"odc-stac + save_cog_with_dask, {rule}") for rule in ("latest", "median")]
    return Case(
        title=f"A mosaic on a Dask cluster, {WORDS[name]}",
        words=(
            f"{WORDS[name]}, red, green and blue as COG with STAC items, nearest pixels on the grid of the next UTM zone at "
            "10 m, 8-bit RGB COG: tiles of 512, deflate 6, predictor 2, averaged overviews. The last date on top, and the median "
            "of dates, of which odc-stac counts what two tiles of one date share once, and we count every scene: where tiles "
            "overlap, medians differ. GDAL, which odc-stac asks, finds the nearest pixel of nearly the right place. Each run "
            "has a fresh cluster of one process of one thread for each core, in one environment with both; its start is not "
            "counted, and its time and memory are. odc-geo gets no statistics to make, as we make none, and makes its sides "
            "multiples of its smallest overview's pixel."
        ),
        sources=(name,),
        jobs=on_cluster(name),
        targets=tuple(
            Target(words=words, job=ours, of=of, at_most=1.0, against=theirs)
            for ours, theirs in pairs
            for words, of in (("wall time", "wall_s"), ("CPU time", "cpu_s"), ("peak memory", "peak_bytes"))
        ),
        compared=tuple((f"{name}-dask-{rule}.tif", f"{name}-odc-dask-{rule}.tif") for rule in ("latest", "median")),
        runs=1,
        long=long,
        cluster=True,
    )


def _beside_threads(name: str, rule: str = "median", *, runs: int = 3, long: bool = False) -> Case:
    """Engines dask and threads on one machine."""
    threads = f"gigascene, threads, {rule}"
    what = {"latest": "the last date on top", "median": "the median of dates"}[rule]
    return Case(
        title=f"Dask beside threads, {WORDS[name]}",
        words=(
            f"{WORDS[name]}: {what} as above, by threads, on a Dask cluster of this machine, and on one that "
            "the command starts and ends. Files are the same to the last byte, or this page would say so."
        ),
        sources=(name,),
        jobs=by_engine(name, rule),
        targets=tuple(
            Target(words="wall time", job=dask, of="wall_s", at_most=1.25, against=threads)
            for dask in (f"gigascene, dask, {rule}", f"gigascene, dask, own cluster, {rule}")
        ),
        compared=tuple((f"{name}-threads-{rule}.tif", f"{name}-{dask}-{rule}.tif") for dask in ("dask", "own-dask")),
        runs=runs,
        warm_up=runs > 1,
        long=long,
        cluster=True,
    )


WORDS = {
    "region-half": "2 x 2 tiles of 5,490 pixels a side, 3 dates",
    "region-small": "2 x 2 tiles of 2,742 pixels a side, 3 dates",
    "region": "3 x 3 tiles of 10,980 pixels a side, 4 dates",
}

PAIRS = (("latest", "gdal"), ("latest", "odc-latest"), ("median", "odc-median"))


def _beside_vips(kind: str) -> tuple[Target, ...]:
    words = f"{kind}, {SIZES['gigapixel']}"
    return tuple(
        Target(words=time, job=f"gigascene, {words}", of=of, at_most=1.2, against=f"libvips, {words}")
        for time, of in (("wall time", "wall_s"), ("CPU time", "cpu_s"))
    )


GDAL_BEST = "gdal_translate, COG, deflate 6"

CASES: Mapping[str, Case] = {
    "landsat": Case(
        title="Two pictures of a full Landsat 8 scene",
        words=(
            "The simulated scene (7,800 x 7,900 pixels, 16 bit, deflate) as true colour (4-3-2) and swir2nirg (7-5-1), "
            "with the limits that document 1 prints, as 8-bit PNG."
        ),
        sources=("landsat",),
        jobs=landsat,
        targets=(
            Target(
                words="wall time, both pictures",
                job="gigascene, both pictures", of="wall_s", at_most=1 / 5, against="document 1, whole arrays",
            ),
            Target(
                words="peak memory",
                job="gigascene, both pictures", of="peak_bytes", at_most=1 / 10, against="document 1, whole arrays",
            ),
        ),
        compared=(("true-color.png", "document1-true-color.png"), ("swir2nirg.png", "document1-swir2nirg.png")),
    ),
    "cog": Case(
        title="Sentinel-2 bands to an RGB Cloud-Optimised GeoTIFF",
        words=(
            "Three bands of 10,980 x 10,980 uint16 (COG, deflate, predictor 2, tiles of 1024; made from the simulated "
            "scene) to 8-bit RGB, tiles of 512, predictor 2, overviews."
        ),
        sources=("landsat", "sentinel2"),
        jobs=cog,
        targets=(
            Target(words="wall time, deflate 6", job="gigascene, deflate 6", of="wall_s", at_most=1 / 2.5, against=GDAL_BEST),
            Target(
                words="wall time, zstd 1",
                job="gigascene, zstd 1", of="wall_s", at_most=1 / 2.5, against="gdal_translate, COG, zstd 1",
            ),
            Target(
                words="wall time, deflate 1",
                job="gigascene, deflate 1", of="wall_s", at_most=1 / 2.5, against="gdal_translate, COG, deflate 1",
            ),
            Target(
                words="wall time, deflate 6, other GDAL way",
                job="gigascene, deflate 6", of="wall_s", at_most=1 / 2.5, against="gdal_translate + gdaladdo",
            ),
            Target(words="wall time, default codec", job="gigascene, default", of="wall_s", at_most=3.5),
            Target(words="file, default codec", job="gigascene, default", of="file_bytes", at_most=1.2, against=GDAL_BEST),
            Target(words="peak memory, default codec", job="gigascene, default", of="peak_bytes", at_most=300e6),
            Target(words="peak memory, deflate 6", job="gigascene, deflate 6", of="peak_bytes", at_most=300e6),
        ),
        compared=(("ours-6.tif", "gdal-cog.tif"), ("ours-6.tif", "loop.tif"), ("ours-6.tif", "ours-zstd.tif")),
    ),
    "queue": Case(
        title="The same bands beside a queue-writer",
        words=(
            "As above, brightened by a gamma of 1.8, beside document 3's architecture: a pool of processes, a queue of "
            "arrays, one writer that compresses; as it is described, and with its weak points mended."
        ),
        sources=("landsat", "sentinel2"),
        jobs=queue,
        targets=(
            Target(
                words="wall time, deflate 6",
                job="gigascene, deflate 6", of="wall_s", at_most=1 / 4, against="process pool, deflate 6",
            ),
            Target(
                words="wall time, zstd 1",
                job="gigascene, zstd 1", of="wall_s", at_most=1 / 4, against="process pool, zstd 1",
            ),
            Target(
                words="wall time, deflate 6, the mended one, the same product",
                job="gigascene, deflate 6", of="wall_s", at_most=1 / 4, against="mended queue-writer, then a COG",
            ),
        ),
        compared=(("gamma-6.tif", "pool.tif"), ("gamma-zstd.tif", "pool-zstd.tif"), ("gamma-6.tif", "queue-cog.tif")),
    ),
    "memory": Case(
        title="Memory at four times the pixels",
        words="The same commands on sources with twice the sides (mirrored side by side).",
        sources=("landsat", "sentinel2", "double-sentinel2", "double-landsat"),
        jobs=memory,
        targets=(
            Target(words="peak memory, COG", job="COG, 4 x the pixels", of="peak_bytes", at_most=1.1, against="COG"),
            Target(words="peak memory, PNG", job="PNG, 4 x the pixels", of="peak_bytes", at_most=1.1, against="PNG"),
        ),
    ),
    "png": Case(
        title="A third of a gigapixel as PNG",
        words="RGB of 26,000 x 13,000 pixels, 1.0 GB, from PPM to PNG, by whole programs.",
        sources=("landsat", "quarter"),
        jobs=png,
        targets=(
            Target(words="wall time", job="gigascene, default", of="wall_s", at_most=1 / 20, against="Pillow, level 6"),
            Target(words="file", job="gigascene, default", of="file_bytes", at_most=1.02, against="Pillow, level 6"),
            *(
                Target(words="wall time", job="gigascene, default", of="wall_s", at_most=1.0, against=peer)
                for peer in ("OpenCV", "libvips, level 1", "libvips, level 6", "GDAL")
            ),
            Target(words="file", job="gigascene, default", of="file_bytes", at_most=1.0, against="libvips, level 1"),
        ),
        compared=(("default.png", "vips.png"), ("default.png", "pillow.png"), ("default.png", "fast.png")),
        runs=1,
    ),
    "jpeg": Case(
        title="JPEG beside libvips",
        words=(
            "RGB from PPM to JPEG, quality 90, colours at half size, the standard's Huffman code, by whole programs. Ours takes "
            "most of a second to start, whatever the size; its memory does not grow."
        ),
        sources=("landsat", "gigapixel", "quarter"),
        jobs=jpeg,
        targets=_beside_vips("jpeg"),
    ),
    "deepzoom": Case(
        title="Deep Zoom beside libvips",
        words=(
            "The same pictures as Deep Zoom: tiles of 512 without overlap, down to one pixel, each level the mean of the one "
            "before; JPEG of quality 85, or PNG. Both replace the folder of the round before."
        ),
        sources=("landsat", "gigapixel", "quarter"),
        jobs=deepzoom,
        targets=(*_beside_vips("deepzoom-jpg"), *_beside_vips("deepzoom-png")),
    ),
    "pam": Case(
        title="One file from many workers",
        words=(
            "RGB of 26,000 x 13,000 pixels, 1.0 GB, from PPM to PAM: workers hand their rows to one that appends them, or "
            "write them in place (as gigascene's threads do); ours reads any PPM, keeps a journal and a receipt."
        ),
        sources=("landsat", "quarter"),
        jobs=pam,
    ),
    "gigapixel": Case(
        title="1.35 gigapixels, and a quarter of them",
        words="RGB of 52,000 x 26,000 pixels, 4.1 GB, from PPM; ours alone.",
        sources=("landsat", "quarter", "gigapixel"),
        jobs=gigapixel,
        targets=(
            Target(words="peak memory, PNG", job="PNG, gigapixel", of="peak_bytes", at_most=300e6),
            Target(words="the same memory at 4 GB as at 1 GB", job="PNG, gigapixel", of="peak_bytes", at_most=1.1, against="PNG, quarter"),
            Target(words="peak memory, COG", job="COG, gigapixel", of="peak_bytes", at_most=400e6),
        ),
        runs=1,
    ),
    "mosaic-small": _region("region-small"),
    "mosaic-half": _region("region-half", long=True),
    "mosaic": _region("region", ("latest",), long=True),
    "mosaic-median": _region("region", ("median",), long=True),
    "dask-cog": _on_cluster("region-small"),
    "dask-cog-large": _on_cluster("region-half", long=True),
    "dask-threads": _beside_threads("region-small"),
    "dask-threads-large": _beside_threads("region-half", long=True),
    "dask-threads-full": _beside_threads("region", "latest", runs=1, long=True),
    "startup": Case(
        title="Start-up",
        words="Commands that do nothing but start.",
        sources=(),
        jobs=startup,
        targets=(Target(words="CPU time of --help", job="gigascene --help", of="cpu_s", at_most=0.3),),
        runs=7,
    ),
    "engines": Case(
        title="One job, every engine",
        words="The default COG of the same bands; the files are the same to the last byte, or this page would say so.",
        sources=("landsat", "sentinel2"),
        jobs=engines,
        compared=(("threads.tif", "serial.tif"), ("threads.tif", "processes.tif")),
    ),
}  # fmt: skip
