"""The commands that are timed: ours first, then the same work by others."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
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

    cluster: Path
    """Folder of the programs of the environment with ours, Dask and odc-stac."""

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
    """A gigapixel picture and a quarter of it, beside libvips with the same quality and subsampling."""
    return [job for name in ("gigapixel", "quarter") for job in _pair(tools, name, "jpeg", f"{name}.jpg")]


def deepzoom(tools: Tools) -> list[Job]:
    """The same as Deep Zoom with tiles of 512 without overlap, as JPEG and as PNG."""
    return [
        job
        for name in ("gigapixel", "quarter")
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
        note="threads, in place; journal, receipt",
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


SIZES = {"gigapixel": "52,000 x 26,000", "quarter": "26,000 x 13,000"}
