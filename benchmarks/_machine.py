"""The machine and the versions that numbers were measured with, in words without names or paths."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

import psutil

from _jobs import Tools

ASK = (
    "import json, sys; from importlib.metadata import version; print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
)
OURS = ("gigascene", "numpy", "numba", "rasterio", "imagecodecs", "isal")
PEERS = ("numpy", "rasterio", "scikit-image", "pillow", "imageio", "dask", "odc-stac")
ON_CLUSTER = ("dask", "distributed", "odc-stac", "odc-geo")


def machine(tools: Tools, *, cluster: bool) -> dict[str, str]:
    """Lines for the report."""
    ours = tools.cluster if cluster else tools.ours
    gdal = _gdal() if tools.gdal else "GDAL's programs not installed"
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {psutil.virtual_memory().total / 1e9:.0f} GB memory",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        "gigascene": f"{_versions(str(ours / 'python'), OURS)}{_commit()}",
        "peers": _versions(str(ours / "python"), ON_CLUSTER)
        if cluster
        else f"{_versions(str(tools.peers), PEERS)}, {gdal}",
        "others": f"load {os.getloadavg()[0]:.1f} (1 minute) when the numbers were written",
    }


def _processor() -> str:
    found = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    name, family = found.get("model name", platform.machine()), found.get("cpu family", "?")
    vector = "AVX-512" if "avx512f" in found.get("flags", "") else "no AVX-512"
    return f"{name} (family {family}, {vector})"


def _commit() -> str:
    """Of the checkout; none in an unpacked archive."""
    run = subprocess.run(
        ["git", "-C", Path(__file__).parent, "describe", "--always"], check=False, capture_output=True, text=True
    )
    return f", commit {run.stdout.strip()}" if run.returncode == 0 else ""


def _versions(python: str, names: tuple[str, ...]) -> str:
    run = subprocess.run([python, "-c", ASK, *names], check=True, capture_output=True, text=True)
    return ", ".join(f"{name} {version}" for name, version in json.loads(run.stdout).items())


def _gdal() -> str:
    run = subprocess.run(["gdal_translate", "--version"], check=True, capture_output=True, text=True)
    return f"gdal_translate of {run.stdout.split(',')[0]}"
