"""Deep Zoom pyramids: every tile of every level against plain NumPy, and folders that are whole or not there."""

import base64
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from io import BytesIO
from xml.etree import ElementTree as ET

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from gigascene.kernels.overview import halve_numpy
from gigascene.model.block import Shown
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.grid import Window
from gigascene.storage import folder as folders
from gigascene.storage.folder import MARKER, FolderTarget, target_of
from gigascene.storage.local import Target
from gigascene.writers.deepzoom import CODEC, WRITER
from writers import _drive
from writers._drive import names, opened, picture, pieces, write

SPACE = "{http://schemas.microsoft.com/deepzoom/2008}"


def format_of(shape, bands=3, dtype="uint8", **options):
    return _drive.format_of(WRITER, shape, bands, dtype, **options)


def cascade(levels, format):
    """All levels, the smallest first."""
    found = [levels]
    while max(found[0].shape[:2]) > 1:
        found.insert(0, halve_numpy(found[0], nodata=format.nodata, alpha=format.alpha))
    return found


def cascade_shape(level, shape):
    """Rows and columns of a level."""
    factor = 1 << ((max(shape) - 1).bit_length() - level)
    return tuple(-(-side // factor) for side in shape)


def content(folder):
    """Every file by its name, with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def places(levels, tile):
    """(level, row, column, pixels) of every tile there must be."""
    for number, level in enumerate(levels):
        for row in range(-(-level.shape[0] // tile)):
            for column in range(-(-level.shape[1] // tile)):
                part = level[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
                yield number, row, column, part


def same(data, part, *, nodata):
    """Whether a PNG says exactly these pixels; level 0 in all bands is transparent where `nodata` says so."""
    with Image.open(BytesIO(data)) as image:
        assert image.size == (part.shape[1], part.shape[0])
        clear = image.info.get("transparency")
        if nodata and part.dtype == np.uint8:
            assert clear == (0 if part.shape[2] == 1 else (0, 0, 0))
    found = imagecodecs.png_decode(data)
    found = found.reshape(*part.shape[:2], -1)
    np.testing.assert_array_equal(found[..., : part.shape[2]], part)
    if found.shape[2] > part.shape[2]:
        np.testing.assert_array_equal(found[..., -1] > 0, part.any(axis=-1))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (700, 513), (1025, 2049), (64, 64), (1, 300)])
@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint16"), (3, "uint8"), (4, "uint8")])
def test_every_tile_of_every_level(tmp_path, shape, bands, dtype):
    format = format_of(shape, bands, dtype, tile=128)
    levels, path = picture(format), tmp_path / "world.dzi"
    facts = write(path, levels, WRITER, format)
    assert names(tmp_path) == ["world.dzi", "world_files"]
    root = ET.parse(path).getroot()
    assert (root.tag, root.attrib) == (f"{SPACE}Image", {"Format": "png", "Overlap": "0", "TileSize": "128"})
    assert root[0].attrib == {"Width": str(shape[1]), "Height": str(shape[0])}
    files, wanted = content(tmp_path / "world_files"), cascade(levels, format)
    del files[MARKER]
    for level, row, column, part in places(wanted, 128):
        same(files.pop(f"{level}/{column}_{row}.png"), part, nodata=format.nodata is not None)
    assert not files
    assert facts["levels"] == len(wanted)
    assert wanted[0].shape[:2] == (1, 1)
    assert facts["tiles"] == sum(1 for _ in places(wanted, 128))
    sizes = [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file() and file.name != MARKER]
    assert facts["bytes"] == sum(sizes)


def test_tiles_of_512(tmp_path):
    format = format_of((1025, 2049))
    levels = picture(format)
    write(tmp_path / "a.dzi", levels, WRITER, format)
    files = content(tmp_path / "a_files")
    assert len(files) == 1 + 3 * 5 + 2 * 3 + 1 * 2 + 1 * 1 + 9
    for level, row, column, part in places(cascade(levels, format), 512):
        same(files[f"{level}/{column}_{row}.png"], part, nodata=True)


@pytest.mark.parametrize("kind", ["jpg", "webp"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_lossy_tiles_are_made_of_exact_pixels(tmp_path, kind, bands):
    format = format_of((1100, 700), bands, tile=64, tiles=kind, quality=95)
    y, x = np.ogrid[:1100, :700]
    levels = np.empty((1100, 700, bands), np.uint8)
    levels[:] = (120 + 50 * np.sin(y / 60) + 50 * np.cos(x / 90))[..., None]
    if format.alpha:
        levels[..., -1] = 255
    levels[:600, :128] = 0
    write(tmp_path / "a.dzi", levels, WRITER, format)
    colours = bands - format.alpha
    for level, row, column, part in places(cascade(levels, format), 64):
        data = (tmp_path / f"a_files/{level}/{column}_{row}.{kind}").read_bytes()
        found = (imagecodecs.jpeg8_decode if kind == "jpg" else imagecodecs.webp_decode)(data)
        found = found.reshape(*part.shape[:2], -1)
        valid = part[..., -1] > 0
        if kind == "jpg":
            assert found.shape[2] == colours
        elif not valid.all():
            np.testing.assert_array_equal(found[..., 3], np.where(valid, 255, 0))
        else:
            assert found.shape[2] == 3
        away = np.abs(found[..., :colours].astype(int) - part[..., :colours])
        if valid.any():
            assert away[valid].mean() < 4
        if kind == "jpg" and not valid.any():
            assert found.max() == 0


@pytest.mark.parametrize("bands", [2, 4])
def test_webp_keeps_alpha_exactly(tmp_path, bands):
    """Graded, of every level, to another decoder."""
    format = format_of((300, 400), bands, tile=64, tiles="webp")
    levels = np.full((300, 400, bands), 90, np.uint8)
    levels[..., -1] = np.arange(400) * 255 // 399
    levels[200:, :, -1] = np.random.default_rng(5).integers(0, 256, (100, 400))
    levels[:70, :70, -1] = 255  # a tile that needs none
    write(tmp_path / "a.dzi", levels, WRITER, format)
    for level, row, column, part in places(cascade(levels, format), 64):
        with Image.open(tmp_path / f"a_files/{level}/{column}_{row}.webp") as image:
            assert image.mode == ("RGB" if (part[..., -1] == 255).all() else "RGBA")
            np.testing.assert_array_equal(np.asarray(image.convert("RGBA"))[..., 3], part[..., -1])


@pytest.mark.parametrize("tiles", ["png", "jpg", "webp"])
def test_bodies_do_not_depend_on_the_cut_and_stay_below_their_bound(tiles):
    format = format_of((1100, 1300), tile=64, tiles=tiles)
    levels = picture(format)
    want = list(pieces(levels, WRITER, format, rows=10_000))
    assert len(want) == len(CODEC.pieces(format)) == 5 * 6
    for task, rows in ((1, 1), (2, 37), (7, 64), (10_000, 512)):
        assert list(pieces(levels, WRITER, format, task, rows)) == want


@pytest.mark.parametrize("tiles", ["png", "jpg", "webp"])
@pytest.mark.parametrize(("bands", "noise"), [(1, 256), (3, 256), (3, 2), (4, 256)])
def test_bodies_of_noise_stay_below_their_bound(tiles, bands, noise):
    format = format_of((512, 512), bands, tile=128, tiles=tiles, quality=100)
    levels = np.random.default_rng(4).integers(0, noise, (512, 512, bands)).astype(np.uint8)
    levels *= 255 // (noise - 1)
    assert all(len(piece.body) <= CODEC.bound(format) for piece in pieces(levels, WRITER, format))


@pytest.mark.slow
@pytest.mark.parametrize("tiles", ["png", "jpg", "webp"])
@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("rows", [100, 256])
def test_scratch_is_truthful(tiles, bands, rows):
    format = format_of((2048, 4096), bands, tile=256, tiles=tiles)
    levels = np.random.default_rng(7).integers(0, 256, (1024, 4096, bands), dtype=np.uint8)
    for across in (1, 4):
        tops = range(0, 1024, rows)
        parts = [np.ascontiguousarray(levels[top : top + rows, : 1024 * across]) for top in tops]
        shown = [
            Shown(window=Window(top=top, left=0, height=len(part), width=1024 * across), levels=part)
            for top, part in zip(tops, parts, strict=True)
        ]
        list(CODEC.encode(0, shown, format))
        tracemalloc.start()
        bodies = sum(len(piece.body) for piece in list(CODEC.encode(0, shown, format)))
        peak = tracemalloc.get_traced_memory()[1] - bodies
        tracemalloc.stop()
        assert peak <= CODEC.scratch(format, across)


def test_a_resumed_sink_gives_the_same_folder(tmp_path):
    format = format_of((1100, 1300), tile=64)
    levels = picture(format)
    write(tmp_path / "whole.dzi", levels, WRITER, format, run=3, rows=50)
    every = list(pieces(levels, WRITER, format))
    sink = opened(tmp_path / "again.dzi", WRITER, format)
    done = [sink.put(piece) for piece in every[:5]]
    sink.abort(keep=True)
    sink = opened(tmp_path / "again.dzi", WRITER, format, done)
    for piece in every[5:]:
        sink.put(piece)
    sink.finish()
    assert content(tmp_path / "again_files") == content(tmp_path / "whole_files")
    assert (tmp_path / "again.dzi").read_bytes() == (tmp_path / "whole.dzi").read_bytes()
    assert names(tmp_path) == ["again.dzi", "again_files", "whole.dzi", "whole_files"]


def test_the_marker_tells_what_is_there(tmp_path):
    format = format_of((700, 513), tile=64)
    write(tmp_path / "a.dzi", picture(format), WRITER, format)
    files = content(tmp_path / "a_files")
    marker = json.loads(files[MARKER])
    assert marker["names"] == sorted(str(level) for level in range(11))
    assert marker["texts"] == dict(format.metadata)
    for number, facts in enumerate(reversed(marker["levels"])):
        tiles = [name for name in files if name.startswith(f"{number}/")]
        tiles.sort(key=lambda name: [int(n) for n in reversed(name.split("/")[1].split(".")[0].split("_"))])
        lines = [f"{name} {len(files[name])} {hashlib.sha256(files[name]).hexdigest()}\n" for name in tiles]
        assert facts == {
            "tiles": len(tiles),
            "bytes": sum(len(files[name]) for name in tiles),
            "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }


@pytest.mark.parametrize("bands", [3, 4])
def test_sparse_leaves_out_what_is_no_data(tmp_path, bands):
    format = format_of((1100, 1300), bands, tile=64, sparse="yes")
    levels = picture(format)
    facts = write(tmp_path / "a.dzi", levels, WRITER, format)
    files = content(tmp_path / "a_files")
    blank = 0
    for level, row, column, part in places(cascade(levels, format), 64):
        name = f"{level}/{column}_{row}.png"
        assert (name in files) == bool(part.any())
        blank += not part.any()
    assert blank > 20
    assert facts["tiles"] == len(files) - 1
    told = json.loads(files[MARKER])["written"][::-1]
    assert "" in told
    for level, row, column, _ in places(cascade(levels, format), 64):
        bits = np.unpackbits(np.frombuffer(base64.b64decode(told[level]), np.uint8))
        across = -(-cascade_shape(level, (1100, 1300))[1] // 64)
        assert (f"{level}/{column}_{row}.png" in files) == (not told[level] or bool(bits[row * across + column]))


def test_without_nodata_every_pixel_counts(tmp_path):
    format = format_of((300, 400), 3, tile=64, plain=True)
    levels = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    write(tmp_path / "a.dzi", levels, WRITER, format)
    for level, row, column, part in places(cascade(levels, format), 64):
        data = (tmp_path / f"a_files/{level}/{column}_{row}.png").read_bytes()
        assert b"tRNS" not in data
        same(data, part, nodata=False)


@pytest.mark.parametrize(
    "options",
    [
        {"tile": 100},
        {"tile": "big"},
        {"tile": 32},
        {"tiles": "gif"},
        {"quality": 0},
        {"sparse": "maybe"},
        {"overlap": 1},
        {"tiles": "jpg", "dtype": "uint16"},
        {"tiles": "webp", "dtype": "uint16"},
        {"dtype": "float32"},
        {"sparse": True, "plain": True},
    ],
    ids=str,
)
def test_options_that_make_no_sense(options):
    with pytest.raises(UsageError):
        format_of((10, 10), **options)


def test_a_plan_carries_all_options():
    format = format_of((10, 10))
    assert format.options == {"tile": 512, "tiles": "png", "quality": 85, "sparse": False}
    assert WRITER.format(format) == format


# The folder.


def test_the_former_pyramid_is_replaced(tmp_path):
    path = tmp_path / "a.dzi"
    for shape in ((700, 900), (80, 90), (500, 500)):
        format = format_of(shape, tile=64)
        levels = picture(format)
        write(path, levels, WRITER, format)
        assert len(content(tmp_path / "a_files")) == 1 + sum(1 for _ in places(cascade(levels, format), 64))
        assert names(tmp_path) == ["a.dzi", "a_files"]


@pytest.mark.parametrize("what", ["file", "link", "stranger", "added", "broken"])
def test_what_was_not_written_here_stays(tmp_path, what):
    path, folder = tmp_path / "a.dzi", tmp_path / "a_files"
    format = format_of((100, 90), tile=64)
    if what == "file":
        folder.write_text("mine")
    elif what == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif what == "stranger":
        folder.mkdir()
        (folder / "diary.txt").write_text("mine")
    else:
        write(path, picture(format), WRITER, format)
        (folder / ("notes.txt" if what == "added" else MARKER)).write_text("[]")
    before = {name: content(tmp_path) for name in names(tmp_path)}
    with pytest.raises(WriteFailed, match="not written here" if what in {"stranger", "added", "broken"} else "link"):
        opened(path, WRITER, format)
    (tmp_path / ".a.dzi.part").unlink()
    assert {name: content(tmp_path) for name in names(tmp_path)} == before


def test_what_somebody_puts_there_meanwhile_stays(tmp_path):
    format = format_of((100, 90), tile=64)
    sink = opened(tmp_path / "a.dzi", WRITER, format)
    for piece in pieces(picture(format), WRITER, format):
        sink.put(piece)
    (tmp_path / "a_files").mkdir()
    (tmp_path / "a_files" / "diary.txt").write_text("mine")
    with pytest.raises(WriteFailed, match=r"diary\.txt"):
        sink.finish()
    assert names(tmp_path) == [".a.dzi.part", "a_files"]
    assert names(tmp_path / "a_files") == ["diary.txt"]


def test_no_space_is_a_failed_write(tmp_path, monkeypatch):
    format = format_of((700, 900), tile=64)
    levels = picture(format)
    write(tmp_path / "a.dzi", levels, WRITER, format)
    before = content(tmp_path)
    real, left = os.write, [50]

    def full(file, data):
        left[0] -= 1
        if left[0] < 0:
            real(file, data[:3])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    sink = opened(tmp_path / "a.dzi", WRITER, format)
    for piece in pieces(levels, WRITER, format):
        sink.put(piece)
    with monkeypatch.context() as disk, pytest.raises(WriteFailed, match="no space left"):
        disk.setattr(os, "write", full)
        sink.finish()
    sink.abort(keep=False)
    assert content(tmp_path) == before


def test_missing_pieces_are_refused(tmp_path):
    sink = opened(tmp_path / "a.dzi", WRITER, format_of((700, 900), tile=64))
    with pytest.raises(WriteFailed, match="12 pieces are missing"):
        sink.finish()
    sink.abort(keep=False)
    assert not names(tmp_path)


def test_a_killed_finish_can_be_done_again(tmp_path):
    format = format_of((300, 400), tile=64)
    levels = picture(format)
    write(tmp_path / "whole.dzi", levels, WRITER, format)
    sink = opened(tmp_path / "a.dzi", WRITER, format)
    done = [sink.put(piece) for piece in pieces(levels, WRITER, format)]
    sink.abort(keep=True)
    shutil.copytree(tmp_path / "whole_files" / "3", tmp_path / ".a_files.new" / "3")
    (tmp_path / ".a.dzi.head").write_text("half")
    opened(tmp_path / "a.dzi", WRITER, format, done).finish()
    assert content(tmp_path / "a_files") == content(tmp_path / "whole_files")
    assert names(tmp_path) == ["a.dzi", "a_files", "whole.dzi", "whole_files"]


KILLED = """
import os, sys
from pathlib import Path
from gigascene.storage import folder
from gigascene.storage.local import Target

at, swapping, head, path = int(sys.argv[1]), sys.argv[2] == "swap", sys.argv[3] == "head", Path(sys.argv[4])
if swapping:
    folder.exchange = lambda one, other: False
target, seen = folder.FolderTarget(path / "a_files"), 0
target.fresh, target.check, folder._libc()

def hook(event, args):
    global seen
    if event in {"open", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "os.mkdir", "shutil.rmtree"}:
        seen += 1
        if seen > at:
            os._exit(9)

sys.addaudithook(hook)
target.fresh.mkdir()
(target.fresh / "0").mkdir()
(target.fresh / "0" / "0_0.png").write_text("new")
(path / ".a.dzi.head").write_text("new")
target.mark({"tiles": 1})
if head:
    folder.place_with_head(target, Target(path / "a.dzi"), path / ".a.dzi.head")
else:
    target.place()
print(seen, flush=True)
os._exit(0)
"""


def state(path):
    """What stands at a path: the folder's text, if it is whole, and that of the head."""
    folder, head = path / "a_files", path / "a.dzi"
    tile = None
    if folder.exists():
        assert json.loads((folder / MARKER).read_text())["names"] == ["0"]
        tile = (folder / "0" / "0_0.png").read_text()
    return tile, head.read_text() if head.exists() else None


@pytest.mark.parametrize("former", [True, False])
@pytest.mark.parametrize("way", ["exchange", "swap"])
@pytest.mark.parametrize("head", ["head", "alone"])
def test_killed_at_any_moment_there_is_the_old_the_new_or_nothing(tmp_path, former, way, head):
    seen = set()
    for moment in range(200):
        path = tmp_path / str(moment)
        (path / "a_files" / "0").mkdir(parents=True)
        if former:
            (path / "a_files" / "0" / "0_0.png").write_text("old")
            (path / "a_files" / MARKER).write_text('{"gigascene:folder": 1, "names": ["0"]}')
            if head == "head":
                (path / "a.dzi").write_text("old")
        else:
            shutil.rmtree(path / "a_files")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(moment), way, head, str(path)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode in {0, 9}, done.stderr
        tile, text = state(path)
        seen.add((tile, text))
        if text is not None:
            assert tile == text  # who finds a head finds its own folder
        if head == "alone" and former and way == "exchange":
            assert tile is not None
        FolderTarget(path / "a_files").recover()
        if former:
            assert state(path)[0] is not None  # nothing is lost
        if done.returncode == 0:
            assert state(path) == ("new", "new" if head == "head" else None)
            assert names(path) == (["a.dzi", "a_files"] if head == "head" else [".a.dzi.head", "a_files"])
            break
    else:
        pytest.fail("never done")
    assert moment > 8
    assert ("new", "new" if head == "head" else None) in seen


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_where_names_cannot_be_exchanged(tmp_path, monkeypatch, number):
    class Old:
        def renameat2(self, *_):
            folders.ctypes.set_errno(number)
            return -1

    monkeypatch.setattr(folders, "_libc", Old)
    format = format_of((100, 90), tile=64)
    for seed in (1, 2):
        write(tmp_path / "a.dzi", picture(format, seed=seed), WRITER, format)
    assert names(tmp_path) == ["a.dzi", "a_files"]
    monkeypatch.setattr(folders, "_libc", object)
    write(tmp_path / "a.dzi", picture(format, seed=3), WRITER, format)
    assert names(tmp_path) == ["a.dzi", "a_files"]


def test_a_refused_exchange_is_told(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="No such file"):
        folders.exchange(tmp_path / "a", tmp_path / "b")


def test_targets_by_suffix(tmp_path):
    assert type(target_of(str(tmp_path / "a.png"), ".png")) is Target
    target = target_of(f"{tmp_path}/maps/", "/")
    assert isinstance(target, FolderTarget)
    target.check()
    assert target.sibling("part") == tmp_path / ".maps.part"
    with pytest.raises(WriteFailed, match="no folder"):
        target_of(f"{tmp_path}/no/maps", "/").check()
