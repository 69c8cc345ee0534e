"""Deep Zoom pictures as sources: ours and others', with overlap, with gaps; what is broken is refused in words."""

import json
import tracemalloc

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import gigascene
from api.test_convert import noise, read_pam, write_pam
from gigascene.metadata.deep_zoom import DeepZoom, descriptor
from gigascene.model.errors import BadInput, TaskFailed, exit_code
from gigascene.plan.convert import found

MEMORY = 4 << 20


def pyramid(folder, levels, side=64, overlap=0, kind="png", save=None, but=()):
    """The finest level as other programs cut it, tiles of (row, column) in `but` left out; the descriptor."""
    zoom = DeepZoom(shape=levels.shape[:2], tile=side)
    path = folder / "a.dzi"
    path.write_text(descriptor(zoom.shape, side, kind, overlap))
    place = folder / "a_files" / str(zoom.top)
    place.mkdir(parents=True)
    tiles = zoom.tiles(zoom.top)
    for index in range(len(tiles)):
        at = tiles[index]
        row, column = divmod(index, tiles.across)
        part = levels[max(at.top - overlap, 0) : at.bottom + overlap, max(at.left - overlap, 0) : at.right + overlap]
        if (row, column) not in but:
            (save or saved)(np.ascontiguousarray(part), place / f"{column}_{row}.{kind}")
    return path


def saved(part, path):
    if path.suffix == ".webp":
        path.write_bytes(imagecodecs.webp_encode(part, lossless=True, level=100))
    elif part.dtype == np.uint16:
        path.write_bytes(imagecodecs.png_encode(part if part.shape[2] > 1 else part[..., 0]))
    else:
        Image.fromarray(part if part.shape[2] > 1 else part[..., 0]).save(path, quality=95)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 300),
    bands=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "uint16"]),
    tile=st.sampled_from([64, 112, 256]),
)
def test_round_trips_change_nothing(tmp_path_factory, height, width, bands, dtype, tile):
    folder = tmp_path_factory.mktemp("trip")
    levels = noise((height, width), bands, dtype, seed=height * width)
    gigascene.convert(write_pam(folder / "a.pam", levels), folder / "a.dzi", options={"tile": tile}, workers=2)
    gigascene.convert(folder / "a.dzi", folder / "b.pam", workers=2)
    np.testing.assert_array_equal(read_pam(folder / "b.pam"), levels)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    bands=st.sampled_from([3, 4]),
    side=st.integers(8, 90),
    overlap=st.integers(0, 5),
    kind=st.sampled_from(["png", "webp"]),
)
def test_tiles_that_overlap(tmp_path_factory, height, width, bands, side, overlap, kind):
    folder = tmp_path_factory.mktemp("overlap")
    levels = noise((height, width), bands, seed=height + width)
    levels[..., 3:] = np.where(levels[..., 3:] > 100, 255, 1)  # what is fully transparent may lose its colour in WebP
    gigascene.convert(pyramid(folder, levels, side, overlap, kind), folder / "b.pam", workers=1)
    np.testing.assert_array_equal(read_pam(folder / "b.pam")[..., :bands], levels)


def test_jpeg_tiles_are_what_their_decoder_gives(tmp_path):
    smooth = np.asarray(Image.fromarray(noise((9, 11))).resize((330, 270), Image.Resampling.BICUBIC))
    gigascene.convert(pyramid(tmp_path, smooth, 100, 0, "jpg"), tmp_path / "b.png", workers=2)
    shown = np.asarray(Image.open(tmp_path / "b.png"))
    assert np.abs(shown.astype(int) - smooth).mean() < 2


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("target", ["b.png", "b.tif", "b.dzi"])
def test_any_cut_gives_the_same_bytes(tmp_path, target, workers):
    levels = noise((1100, 1500))
    source = pyramid(tmp_path, levels, 254, 1)
    direct, other = tmp_path / "direct", tmp_path / "other"
    direct.mkdir()
    other.mkdir()
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), direct / target)
    gigascene.convert(source, other / target, workers=workers, memory="420M" if workers == 1 else "2G")

    def files(folder):
        listed = [path for path in folder.rglob("*") if path.is_file() and "receipt" not in path.name]
        return {path.relative_to(folder): path.read_bytes() for path in listed}

    for name, content in files(direct).items():
        if name.suffix == ".png" and "files" in str(name):
            assert files(other)[name] == content  # tiles have no texts inside
    if target != "b.dzi":
        gigascene.convert(other / target, tmp_path / "c.pam")
        np.testing.assert_array_equal(read_pam(tmp_path / "c.pam"), levels)


def test_tiles_that_are_not_there_are_no_data(tmp_path):
    """Where tiles have alpha or a level for no data that says it; where they have not, alpha is added, and it is told."""
    levels = noise((200, 200)) | 1
    source = pyramid(tmp_path, levels, 100, 0, but={(0, 1)})
    plan = gigascene.plan_convert(source, tmp_path / "b.pam")
    assert any("1 tiles of" in note and "no data" in note for note in plan.notes)
    gigascene.convert(source, tmp_path / "b.pam")
    shown = read_pam(tmp_path / "b.pam")
    valid = np.ones((200, 200), bool)
    valid[:100, 100:] = False
    np.testing.assert_array_equal(shown[..., 3] == 255, valid)
    np.testing.assert_array_equal(shown[valid][:, :3], levels[valid])
    assert not shown[~valid].any()


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_our_own_sparse_pyramids(tmp_path, kind):
    levels = noise((600, 900), 4)
    levels[..., 3] = 0
    levels[200:500, 300:600, 3] = 255
    levels[levels[..., 3] == 0] = 0
    options = {"tile": 128, "sparse": True, "tiles": kind, "quality": 100}
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), tmp_path / "a.dzi", options=options)
    gigascene.convert(tmp_path / "a.dzi", tmp_path / "b.pam")
    shown = read_pam(tmp_path / "b.pam")
    np.testing.assert_array_equal(shown[..., 3], levels[..., 3])
    if kind == "png":
        np.testing.assert_array_equal(shown, levels)


def test_no_data_of_a_landsat_picture_stays(small_scene, tmp_path):
    gigascene.compose("true-color", small_scene, tmp_path / "a.png")
    gigascene.compose("true-color", small_scene, tmp_path / "a.dzi")
    gigascene.convert(tmp_path / "a.dzi", tmp_path / "b.png")
    one, other = Image.open(tmp_path / "a.png"), Image.open(tmp_path / "b.png")
    assert one.info["transparency"] == other.info["transparency"] == (0, 0, 0)
    np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


BAD = {
    "no tiles": (
        lambda path: [tile.unlink() for tile in path.parent.glob("a_files/8/*")],
        "no tiles of its full resolution",
    ),
    "no folder": (lambda path: (path.parent / "a_files").rename(path.parent / "b_files"), "a_files/8 cannot be listed"),
    "no xml": (lambda path: path.write_text("hello"), "no Deep Zoom descriptor"),
    "huge tiles": (
        lambda path: path.write_text(descriptor((2**31, 2**31), 2**31, "png")),
        "tiles of 2147483648 pixels",
    ),
    "a kind": (lambda path: path.write_text(descriptor((200, 200), 64, "bmp")), "tiles of the kind 'bmp'"),
    "a way out": (lambda path: path.write_text(descriptor((200, 200), 64, "../x")), "tiles of the kind"),
    "entities": (
        lambda path: path.write_text('<!DOCTYPE x [<!ENTITY a "b">]><Image Format="&a;"/>'),
        "no Deep Zoom descriptor",
    ),
    "a long descriptor": (lambda path: path.write_bytes(b" " * (2 << 20)), "is larger than 1 MB"),
    "no place": (lambda path: path.unlink(), "cannot be opened"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pyramids_are_told_at_once(tmp_path, name):
    spoil, words = BAD[name]
    path = pyramid(tmp_path, noise((200, 200)))
    spoil(path)
    tracemalloc.start()
    with pytest.raises(BadInput, match=rf"a\.dzi.*{words}"):
        found(str(path))
    assert tracemalloc.get_traced_memory()[1] < MEMORY
    tracemalloc.stop()


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def huge(path):
    data = bytearray(path.read_bytes())
    data[16:24] = b"\x7f\xff\xff\xff" * 2
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, r"1_1\.\w+"),
        (lambda path: path.write_bytes(b""), r"1_1\.\w+"),
        (lambda path: saved(noise((64, 63)), path), "is a tile of 63 x 64 pixels.* should be 64 x 64"),
    ],
)
def test_a_broken_tile_is_named(tmp_path, kind, spoil, words):
    """Also where it is cut short, and nothing is left behind."""
    path = pyramid(tmp_path, noise((200, 200)), kind=kind)
    spoil(tmp_path / "a_files" / "8" / f"1_1.{kind}")
    with pytest.raises((TaskFailed, BadInput), match=words) as told:
        gigascene.convert(path, tmp_path / "b.png", workers=1)
    assert exit_code(told.value) == 4
    assert {one.name for one in tmp_path.iterdir() if "capsule" not in one.name} == {"a.dzi", "a_files"}


def test_a_tile_that_lies_about_its_size_takes_no_memory(tmp_path):
    path = pyramid(tmp_path, noise((200, 200)))
    huge(tmp_path / "a_files" / "8" / "1_1.png")
    with pytest.raises(BadInput, match=r"1_1\.png"):
        gigascene.convert(path, tmp_path / "b.png", workers=1)


def test_a_tile_with_other_bands_is_named(tmp_path):
    path = pyramid(tmp_path, noise((200, 200)))
    saved(noise((64, 64), 1), tmp_path / "a_files" / "8" / "2_1.png")
    with pytest.raises(TaskFailed, match=r"2_1\.png: is a tile .* with 1 bands .*should be .* 3"):
        gigascene.convert(path, tmp_path / "b.png", workers=1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("tiling", None), ("packing", "bytes"), ("form", "jpeg"), ("held", -1), ("kind", "../../x"), ("side", 0)],
)
def test_a_plan_that_was_tampered_with_is_refused(tmp_path, key, value):
    plan = gigascene.plan_convert(pyramid(tmp_path, noise((200, 200))), tmp_path / "b.png")
    gigascene.save_plan(plan, tmp_path / "plan.json")
    said = json.loads((tmp_path / "plan.json").read_text())
    place = said["picture"]["tiling"] if key in {"kind", "side"} else said["picture"]
    place[key] = value
    (tmp_path / "plan.json").write_text(json.dumps(said))
    with pytest.raises(BadInput, match=r"plan\.json"):
        gigascene.load_plan(tmp_path / "plan.json")
