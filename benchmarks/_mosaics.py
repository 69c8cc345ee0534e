"""Mosaics of simulated regions: ours, GDAL's programs, odc-stac with Dask. All on one grid, that of the next UTM zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from _jobs import GDAL_TILES, Tools
from _measure import Job
from _sources import BANDS, by_date, region_grid

LIMITS = ("1000", "9000")
"""Stored numbers shown darkest and brightest."""

MEMORY = "1G"

PATIENCE_S = 1800.0
"""Of a full region, odc-stac and Dask have made 12.5 GB and no file that is whole in that time."""

RULES = ("latest", "median")


def mosaics(name: str, rules: Sequence[str] = RULES) -> Callable[[Tools], list[Job]]:
    """Jobs of one region: the last date on top, and the median of dates. GDAL's programs have no median."""

    def jobs(tools: Tools) -> list[Job]:
        found = {
            "latest": [
                _ours(tools, name, "latest"),
                *([_gdal(tools, name)] if tools.gdal else []),
                _odc(tools, name, "latest"),
            ],
            "median": [_ours(tools, name, "median"), _odc(tools, name, "median")],
        }
        return [job for rule in rules for job in found[rule]]

    return jobs


def mosaic(tools: Tools, name: str, rule: str, output: Path) -> list[str]:
    """Words of our command."""
    command = ["mosaic", "true-color", str(tools.work / name), "-o", str(output), "-q"]
    grid = ["--grid", f"like:{region_grid(tools.work, name)}", "--combine", rule, "--offset", "raw"]
    return [*command, *grid, "--units", "dn", "--stretch", ":".join(LIMITS), "--gamma", "1", "--level", "6"]


def _ours(tools: Tools, name: str, rule: str) -> Job:
    output = tools.out(f"{name}-{rule}.tif")
    return Job(
        name=f"gigascene, {rule}",
        commands=[[tools.gigascene, *mosaic(tools, name, rule, output), "--memory", MEMORY]],
        output=output,
        note=f"--memory {MEMORY}",
    )


def _odc(tools: Tools, name: str, rule: str) -> Job:
    output = tools.out(f"{name}-odc-{rule}.tif")
    command = tools.peer("odc_mosaic", rule, tools.work / name, region_grid(tools.work, name), output, *LIMITS)
    return Job(
        name=f"odc-stac + Dask, {rule}",
        commands=[command],
        output=output,
        note="threads; whole picture in memory",
        limit_s=PATIENCE_S,
    )


def _gdal(tools: Tools, name: str) -> Job:
    """A virtual mosaic for each band, one of all bands, warped with every thread, then a COG."""
    bands = {band: tools.out(f"{name}-{band}.vrt") for band in BANDS}
    stacked, warped, output = (tools.out(f"{name}-{end}") for end in ("all.vrt", "warped.tif", "gdal.tif"))
    build = ["gdalbuildvrt", "-q", "-overwrite"]
    layers = [[*build, str(vrt), *map(str, by_date(tools.work, name, band))] for band, vrt in bands.items()]
    return Job(
        name="gdalbuildvrt + gdalwarp + gdal_translate, latest",
        commands=[
            *layers,
            [*build, "-separate", str(stacked), *map(str, bands.values())],
            _warp(stacked, region_grid(tools.work, name), warped),
            ["gdal_translate", "-q", "-ot", "Byte", "-scale", *LIMITS, "1", "255", "-of", "COG", *_cog(), str(warped), str(output)],
        ],
        output=output,
        environment={"GDAL_NUM_THREADS": "ALL_CPUS", "GDAL_CACHEMAX": "512"},
        note="ALL_CPUS, -wm 512, GDAL_CACHEMAX=512; the step between is not compressed",
    )  # fmt: skip


def _warp(source: Path, grid: Path, target: Path) -> Sequence[str]:
    """Onto the pixels of a grid."""
    crs, *rest = grid.with_suffix(".txt").read_text().split()
    west, south, east, north, pixel = rest
    place = ["-t_srs", crs, "-te", west, south, east, north, "-tr", pixel, pixel]
    threads = ["-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-wm", "512", "-co", "BIGTIFF=YES"]
    return ["gdalwarp", "-q", "-overwrite", "-r", "near", *place, *threads, *GDAL_TILES, str(source), str(target)]


def _cog() -> list[str]:
    return ["-co", "COMPRESS=DEFLATE", "-co", "LEVEL=6", "-co", "PREDICTOR=YES", "-co", "BIGTIFF=IF_SAFER"]
