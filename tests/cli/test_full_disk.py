"""`gigascene convert` on a disk that is full, whatever it writes: exit 5, and nothing is left."""

import numpy as np
import pytest

from cli.shell import spoken
from cli.test_bad_input import refused, tmpfs
from serve.pictures import geotiff

KINDS = {
    "png": ("a.png",),
    "pam": ("a.pam",),
    "raw": ("a.raw",),
    "jpeg": ("a.jpg", "--quality", "100"),
    "cog": ("a.tif",),
    "deepzoom": ("a.dzi", "--tiles", "png"),
    "figure": ("a.svg",),
    "tiles": ("tiles/",),
}
ROOM_KB = (8, 64, 700, 1500)
"""Full at the journal, or in the body, early or late: the smallest result, the JPEG, takes 1.6 MB."""


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Levels that nothing compresses: 2.4 MB."""
    levels = np.random.default_rng(5).integers(1, 256, (800, 1000, 3), np.uint8)
    return geotiff(tmp_path_factory.mktemp("noise") / "noise.tif", levels, nodata=0)


@pytest.mark.parametrize("room", ROOM_KB)
@pytest.mark.parametrize("kind", KINDS)
def test_disk_full(capsys, monkeypatch, noise, tmp_path, kind, room):
    name, *options = KINDS[kind]
    with tmpfs(tmp_path / "disk", f"size={room}k") as disk:
        said = spoken(capsys, monkeypatch, "convert", noise, "-o", f"{disk}/{name}", *options)
        refused(said, 5, r"no space left|on the disk, and|Is there space left", folder=disk)


@pytest.mark.parametrize("room", [700, 1500, 2300])
def test_disk_that_fills_up_under_rows_in_place(capsys, monkeypatch, noise, tmp_path, room):
    """PAM's size is known, and so refused before; here another program takes the room meanwhile."""
    monkeypatch.setattr("gigascene.plan.space._free", lambda plan: 1 << 40)
    with tmpfs(tmp_path / "disk", f"size={room}k") as disk:
        said = spoken(capsys, monkeypatch, "convert", noise, "-o", f"{disk}/a.pam")
        refused(said, 5, "no space left|Is there space left", folder=disk)
