"""What is measured: for each benchmark its sources, its jobs (ours first) and the targets they are held against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _measure import Job
from _sources import landsat_bands, picture, rasters, scene

HERE = Path(__file__).parent
LIMITS = ("5500", "24000")
"""Stored numbers shown darkest and brightest: about the first and the 98th percentile of the made sources."""

GAMMA = "1.8"
DEFLATE = ("-co", "COMPRESS=DEFLATE")
GDAL_TILES = ("-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "INTERLEAVE=PIXEL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Where programs and files are."""

    work: Path
    ours: Path
    """Folder of the project's programs."""

    peers: Path
    """Python with the peers."""

    gdal: bool
    """GDAL's own programs are installed."""

    @property
    def gigascene(self) -> str:
        return str(self.ours / "gigascene")

    def peer(self, name: str, *arguments: object) -> list[str]:
        """One of the programs in `peers`."""
        return [str(self.peers), str(HERE / "peers" / f"{name}.py"), *map(str, arguments)]

    def out(self, name: str) -> Path:
        """An output."""
        return self.work / "out" / name


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


def landsat(tools: Tools) -> list[Job]:
    """Both published pictures of the full scene."""
    where, out = scene(tools.work), tools.out

    def ours(product: str, stretch: str) -> list[str]:
        target, look = str(out(f"{product}.png")), ["--units", "dn", "--stretch", stretch, "--gamma", "1"]
        return [tools.gigascene, "compose", product, str(where), "-o", target, *look, "-q"]

    true_color = ours("true-color", "5900:11000,6200:11000,7600:11000")
    false_color = ours("swir2nirg", "5000:14000,5200:14000,8000:14000")
    return [
        Job(name="gigascene, both pictures", commands=[true_color, false_color], output=out("true-color.png")),
        Job(
            name="document 1, whole arrays",
            commands=[tools.peer("document1", where, out("."))],
            output=out("document1-true-color.png"),
            note="as the notebook: pictures keep their names",
        ),
        Job(
            name="document 1, frugal",
            commands=[tools.peer("document1", where, out("."), "--frugal")],
            output=out("document1-true-color.png"),
            note="not the tutorial: each picture is forgotten at once",
        ),
    ]


def cog(tools: Tools) -> list[Job]:
    """One Sentinel-2 tile."""
    sources = [str(path) for path in rasters(tools.work, "sentinel2")]
    ours = [
        _compose(tools, "gigascene, deflate 6", sources, "ours-6.tif", "--level", "6"),
        _compose(tools, "gigascene, default", sources, "ours.tif"),
        _compose(tools, "gigascene, zstd 1", sources, "ours-zstd.tif", "--compress", "zstd", "--level", "1"),
        _compose(tools, "gigascene, deflate 1", sources, "ours-1.tif", "--level", "1"),
    ]
    loop = Job(
        name="simple loop",
        commands=[tools.peer("simple_loop", *sources, tools.out("loop.tif"), *LIMITS, "--overviews")],
        output=tools.out("loop.tif"),
        note="deflate 6, overviews appended: no COG",
    )
    return [*ours, *(_gdal(tools, sources) if tools.gdal else []), loop]


def queue(tools: Tools) -> list[Job]:
    """The same bands as document 3 shows them, with gamma."""
    sources = [str(path) for path in rasters(tools.work, "sentinel2")]
    gamma, workers = ["--gamma", GAMMA], os.cpu_count()

    def peer(program: str, output: str, *more: str) -> list[str]:
        return tools.peer(program, *sources, tools.out(output), *LIMITS, GAMMA, workers, *more)

    return [
        _compose(tools, "gigascene, deflate 6", sources, "gamma-6.tif", "--level", "6", *gamma),
        _compose(tools, "gigascene, zstd 1", sources, "gamma-zstd.tif", "--compress", "zstd", "--level", "1", *gamma),
        Job(
            name="process pool, deflate 6",
            commands=[peer("process_pool", "pool.tif")],
            output=tools.out("pool.tif"),
            note="document 3 as it is; no overviews: less work",
        ),
        Job(
            name="process pool, zstd 1",
            commands=[peer("process_pool", "pool-zstd.tif", "zstd")],
            output=tools.out("pool-zstd.tif"),
            note="document 3 as it is; no overviews: less work",
        ),
        Job(
            name="mended queue-writer, deflate 6",
            commands=[peer("queue_writer", "queue.tif")],
            output=tools.out("queue.tif"),
            note="no block read twice; no overviews: less work",
        ),
        Job(
            name="mended queue-writer, then a COG",
            commands=[
                peer("queue_writer", "queue.tif"),
                tools.peer("to_cog", tools.out("queue.tif"), tools.out("queue-cog.tif")),
            ],
            output=tools.out("queue-cog.tif"),
            note="the same product: GDAL's COG driver, ALL_CPUS",
        ),
    ]


def _compose(tools: Tools, name: str, sources: Sequence[str], target: str, *more: str, note: str = "") -> Job:
    bands = ",".join(Path(source).stem for source in sources)
    command = [tools.gigascene, "compose", "rgb", *sources, "--bands", bands, "-o", str(tools.out(target)), "-q"]
    stretch = ["--stretch", ":".join(LIMITS)]
    return Job(name=name, commands=[[*command, *stretch, *more]], output=tools.out(target), note=note)


def _gdal(tools: Tools, sources: Sequence[str]) -> list[Job]:
    """Its COG driver, and its GeoTIFF driver followed by gdaladdo; both with every thread it will take."""
    vrt, threads = str(tools.out("rgb.vrt")), {"GDAL_NUM_THREADS": "ALL_CPUS"}
    build = ["gdalbuildvrt", "-q", "-overwrite", "-separate", vrt, *sources]
    scaled = ["-q", "-ot", "Byte", "-scale", *LIMITS, "1", "255", "-co", "NUM_THREADS=ALL_CPUS"]
    plain = str(tools.out("gdal.tif"))
    to_plain = ["gdal_translate", *scaled, *GDAL_TILES, *DEFLATE, "-co", "ZLEVEL=6", "-co", "PREDICTOR=2", vrt, plain]
    add = ["gdaladdo", "-q", "-r", "average", plain, "2", "4", "8", "16", "32"]

    def cog(name: str, codec: str, level: int) -> Job:
        output, options = tools.out(name), ["-co", f"COMPRESS={codec}", "-co", f"LEVEL={level}", "-co", "PREDICTOR=YES"]
        return Job(
            name=f"gdal_translate, COG, {codec.lower()} {level}",
            commands=[build, ["gdal_translate", *scaled, "-of", "COG", *options, vrt, str(output)]],
            output=output,
            environment=threads,
            note="NUM_THREADS=ALL_CPUS",
        )

    return [
        cog("gdal-cog.tif", "DEFLATE", 6),
        cog("gdal-zstd.tif", "ZSTD", 1),
        cog("gdal-1.tif", "DEFLATE", 1),
        Job(
            name="gdal_translate + gdaladdo",
            commands=[build, to_plain, add],
            output=tools.out("gdal.tif"),
            environment=threads,
            note="deflate 6, overviews appended: no COG",
        ),
    ]


def memory(tools: Tools) -> list[Job]:
    """The same picture of one source and of one with twice the sides."""
    small, large = rasters(tools.work, "sentinel2"), rasters(tools.work, "double-sentinel2")
    scene_bands, doubled = landsat_bands(tools.work), rasters(tools.work, "double-landsat")
    return [
        _compose(tools, "COG", [*map(str, small)], "one.tif", note="10,980 x 10,980"),
        _compose(tools, "COG, 4 x the pixels", [*map(str, large)], "four.tif", note="21,960 x 21,960"),
        _compose(tools, "PNG", [*map(str, scene_bands)], "one.png", note="7,800 x 7,900"),
        _compose(tools, "PNG, 4 x the pixels", [*map(str, doubled)], "four.png", note="15,600 x 15,800"),
    ]


def startup(tools: Tools) -> list[Job]:
    """Until the first word."""
    python = str(tools.ours / "python")
    return [
        Job(name="gigascene --help", commands=[[tools.gigascene, "--help"]]),
        Job(name="gigascene compose --help", commands=[[tools.gigascene, "compose", "--help"]]),
        Job(name="import gigascene", commands=[[python, "-c", "import gigascene"]]),
        Job(name="import gigascene, all of compose", commands=[[python, "-c", "import gigascene; gigascene.compose"]]),
        Job(name="import rasterio, numpy", commands=[[python, "-c", "import rasterio, numpy"]], note="for comparison"),
        Job(name="import nothing", commands=[[python, "-c", ""]], note="Python itself"),
    ]


def engines(tools: Tools) -> list[Job]:
    """The default COG by every engine on this machine."""
    sources = [str(path) for path in rasters(tools.work, "sentinel2")]
    return [
        _compose(tools, f"gigascene, {engine}", sources, f"{engine}.tif", "--engine", engine, note=note)
        for engine, note in (("threads", "default"), ("serial", ""), ("processes", ""))
    ]


def png(tools: Tools) -> list[Job]:
    """A quarter of a gigapixel picture by every common way."""
    source = str(picture(tools.work, "quarter"))

    def out(name: str) -> str:
        return str(tools.out(f"{name}.png"))

    ours = [
        Job(
            name=f"gigascene, {level}",
            commands=[[tools.gigascene, "convert", source, "-o", out(level), "--level", level, "-q"]],
            output=tools.out(f"{level}.png"),
        )
        for level in ("default", "fast")
    ]
    peers = [
        Job(name=words, commands=[tools.peer("png", name, source, out(name))], output=tools.out(f"{name}.png"))
        for name, words in {
            "pillow": "Pillow, level 6",
            "opencv": "OpenCV",
            "vips": "libvips, level 1",
            "vips-6": "libvips, level 6",
        }.items()
    ]
    gdal = ["gdal_translate", "-q", "-of", "PNG", source, out("gdal")]
    convert = _imagemagick()
    magick = Job(
        name="ImageMagick",
        commands=[[str(convert), source, out("magick")]],
        output=tools.out("magick.png"),
        environment={"MAGICK_CONFIGURE_PATH": str(HERE / "peers" / "magick")},
        note="without Debian's limits",
    )
    return [
        *ours,
        *peers,
        *([Job(name="GDAL", commands=[gdal], output=tools.out("gdal.png"))] if tools.gdal else []),
        *([magick] if convert else []),
    ]


def _imagemagick() -> str | None:
    """The first `convert` of ImageMagick; other programs have that name too."""
    for folder in os.get_exec_path():
        program = Path(folder) / "convert"
        if os.access(program, os.X_OK):
            said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stdout
            if "ImageMagick" in said:
                return str(program)
    return None


def jpeg(tools: Tools) -> list[Job]:
    """A quarter and a sixteenth of a gigapixel picture, beside libvips with the same quality and subsampling."""
    return [job for name in ("quarter", "sixteenth") for job in _pair(tools, name, "jpeg", f"{name}.jpg")]


def deepzoom(tools: Tools) -> list[Job]:
    """The same as Deep Zoom with tiles of 512 without overlap, as JPEG and as PNG."""
    return [
        job
        for name in ("quarter", "sixteenth")
        for kind in ("jpg", "png")
        for job in _pair(tools, name, f"deepzoom-{kind}", f"{name}-{kind}.dzi", "--tiles", kind)
    ]


def _pair(tools: Tools, name: str, kind: str, target: str, *options: str) -> list[Job]:
    """Ours and libvips'."""
    source, ours, theirs = picture(tools.work, name), tools.out(f"ours-{target}"), tools.out(f"vips-{target}")
    words = f"{kind}, {SIZES[name]}"
    return [
        Job(
            name=f"gigascene, {words}",
            commands=[[tools.gigascene, "convert", str(source), "-o", str(ours), "-q", *options]],
            output=ours,
        ),
        Job(name=f"libvips, {words}", commands=[tools.peer("vips", kind, source, theirs)], output=theirs),
    ]


def pam(tools: Tools) -> list[Job]:
    """Rows handed to one writer, or written in place by the workers."""
    source = picture(tools.work, "quarter")
    ours = Job(
        name="gigascene, PAM",
        commands=[[tools.gigascene, "convert", str(source), "-o", str(tools.out("ours.pam")), "-q"]],
        output=tools.out("ours.pam"),
        note="one writer; journal, receipt",
    )
    ways = [
        Job(
            name=f"{way}, {engine}",
            commands=[tools.peer("pam_ways", way, engine, source, tools.out(f"{way}-{engine}.pam"))],
            output=tools.out(f"{way}-{engine}.pam"),
        )
        for engine in ("threads", "processes")
        for way in ("queue", "in-place")
    ]
    return [ours, *ways]


def gigapixel(tools: Tools) -> list[Job]:
    """The whole of it, and a quarter, into every kind of file."""
    return [
        Job(
            name=f"{words}, {name}",
            commands=[
                [tools.gigascene, "convert", str(picture(tools.work, name)), "-o", str(tools.out(name + suffix)), "-q"]
            ],
            output=tools.out(name + suffix),
            note=SIZES[name],
        )
        for suffix, words in {".png": "PNG", ".tif": "COG"}.items()
        for name in ("quarter", "gigapixel")
    ]


SIZES = {"gigapixel": "52,000 x 26,000", "quarter": "26,000 x 13,000", "sixteenth": "13,000 x 6,500"}


def _beside_vips(kind: str, name: str) -> Target:
    words = f"{kind}, {SIZES[name]}"
    return Target(words="CPU time", job=f"gigascene, {words}", of="cpu_s", at_most=1.2, against=f"libvips, {words}")


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
        sources=("landsat", "quarter", "sixteenth"),
        jobs=jpeg,
        targets=(_beside_vips("jpeg", "quarter"),),
    ),
    "deepzoom": Case(
        title="Deep Zoom beside libvips",
        words=(
            "The same pictures as Deep Zoom: tiles of 512 without overlap, down to one pixel, each level the mean of the one "
            "before; JPEG of quality 85, or PNG. Both replace the folder of the round before."
        ),
        sources=("landsat", "quarter", "sixteenth"),
        jobs=deepzoom,
        targets=(_beside_vips("deepzoom-jpg", "quarter"), _beside_vips("deepzoom-png", "quarter")),
    ),
    "pam": Case(
        title="One file from many workers",
        words=(
            "RGB of 26,000 x 13,000 pixels, 1.0 GB, from PPM to PAM: workers hand their rows to one that appends them (as "
            "gigascene does), or write them in place into a file of the final size."
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
