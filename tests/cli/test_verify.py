"""Damage of every kind is found and placed; hostile receipts are refused; nothing whole is called damaged."""

import json
import random
import shutil
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import gigascene
from gigascene.api.verify import verify
from gigascene.cli import _options
from gigascene.cli import verify as command
from gigascene.execute import digests
from gigascene.execute.verify import decoding
from gigascene.execute.verify.proof import read_proof
from gigascene.model.errors import BadInput, UsageError

KINDS = {
    "a.png": {},
    "deep.png": {"depth": 16},
    "document.png": {"packing": "document"},
    "figure.png": {"writer": "figure"},
    "a.pam": {},
    "a.ppm": {},
    "a.jpg": {},
    "masked.jpg": {"mask": ("clouds",)},
    "a.tif": {},
    "tiles.tif": {"options": {"tile": 64}},
    "jpeg.tif": {"options": {"compress": "jpeg", "tile": 64}},
    "document.tif": {"options": {"compress": "zstd", "tile": 64}, "packing": "document"},
    "big.tif": {"options": {"compress": "none", "bigtiff": True, "tile": 64}},
    "a.pdf": {},
}


@pytest.fixture(scope="module")
def made(small_scene, tmp_path_factory):
    """One finished file of every kind."""
    folder = tmp_path_factory.mktemp("made")
    for name, wishes in KINDS.items():
        gigascene.compose("true-color", small_scene, folder / name, **wishes)
    return folder


@pytest.fixture
def fresh(made, tmp_path):
    """A copy of a finished file, its receipt and its side files, to be spoiled."""

    def copy(name):
        for path in made.glob(f"{Path(name).stem}.*"):
            shutil.copy2(path, tmp_path)
        return tmp_path / name

    return copy


@pytest.fixture
def say(capsys):
    """`gigascene verify WORDS`: exit code, stdout, stderr."""
    root = typer.Typer(**_options.app_options())
    root.callback()(lambda: None)
    command.add_to(root)

    def run(*words):
        code = 0
        try:
            code = root(args=["verify", *map(str, words)], standalone_mode=False) or 0
        except typer.Exit as stop:
            code = stop.exit_code
        return code, *capsys.readouterr()

    return run


def receipt_of(path):
    return path.with_name(f"{path.name}.receipt.json")


def changed(path, change):
    """Rewrite the receipt of a file."""
    whole = json.loads(receipt_of(path).read_text())
    change(whole)
    receipt_of(path).write_text(json.dumps(whole))
    return path


def flip(path, at, bit=0):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


# Whole


@pytest.mark.parametrize("name", KINDS)
def test_whole(made, name):
    found = verify(made / name)
    assert found.state == "whole", found.damage
    assert found.holds
    assert set(found.inputs.values()) == {"unchanged"}
    assert found.pieces or found.blocks
    assert bool(found.decoded_by) == (not name.endswith(".pdf"))
    if not name.startswith("figure") and found.decoded_by:
        assert found.shape == (300, 260)
    assert found.pieces == (0 if name in {"a.jpg", "masked.jpg", "a.pdf", "figure.png"} else len(grid(made / name)))


def grid(path):
    return read_proof(path).pieces


@pytest.mark.parametrize("name", KINDS)
def test_blocks_of_any_size(made, name, monkeypatch):
    """Digests do not depend on how much is read at once."""
    monkeypatch.setattr(digests, "BLOCK", 1000)
    assert verify(made / name, quick=True).state == "whole"


@pytest.mark.slow
def test_many_pieces(scene, tmp_path, monkeypatch):
    """Strips and tiles in several pieces: damage is placed by rows and columns."""
    for name in ("a.png", "a.pam", "a.tif", "a.jpg"):
        gigascene.compose("pan-sharpened", scene, tmp_path / name)
        assert verify(tmp_path / name).state == "whole"
    for name in ("a.png", "a.pam"):
        proof = read_proof(tmp_path / name)
        assert len(proof.checksums) > 4
        index, offset, length, _ = proof.checksums[2]
        flip(tmp_path / name, offset + length // 2)
        window = proof.pieces[index]
        [damage] = verify(tmp_path / name).damage
        assert damage.piece == 2
        assert f"rows {window.top:,} to {window.bottom - 1:,}" in damage.what
        flip(tmp_path / name, proof.checksums[3][1])
        [damage] = verify(tmp_path / name, quick=True).damage
        assert f"pieces 3 to 4 of {len(proof.pieces)}" in damage.what
    from tifffile import TiffFile

    with TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        across = -(-page.imagewidth // page.tilewidth)
        row, column = 4, across - 1
        at, size = (values[row * across + column] for values in (page.dataoffsets, page.databytecounts))
    flip(tmp_path / "a.tif", at + size // 2)
    window = read_proof(tmp_path / "a.tif").pieces[row // 4 * -(-across // 4) + column // 4]
    [damage] = verify(tmp_path / "a.tif").damage
    assert f"rows {window.top:,} to {window.bottom - 1:,}" in damage.what
    assert f"columns {window.left:,} to {window.right - 1:,}" in damage.what
    flip(tmp_path / "a.jpg", (tmp_path / "a.jpg").stat().st_size // 2)
    [damage] = verify(tmp_path / "a.jpg").damage
    assert "rows" in damage.what


# Damage


@pytest.mark.parametrize("name", ["a.png", "a.pam", "a.tif", "tiles.tif", "jpeg.tif", "a.jpg", "a.pdf"])
def test_every_flipped_bit_is_found(fresh, name):
    path, draw = fresh(name), random.Random(name)
    size = path.stat().st_size
    places = [0, size - 1, *(draw.randrange(size) for _ in range(100))]
    for at in places:
        bit = draw.randrange(8)
        flip(path, at, bit)
        found = verify(path, quick=True)
        assert found.state == "damaged", at
        assert any(one.offset is None or one.what for one in found.damage)
        if name in {"a.png", "a.pam"}:
            [damage] = found.damage
            assert damage.offset <= at < damage.offset + damage.length
        flip(path, at, bit)
    assert verify(path).state == "whole"


@pytest.mark.parametrize("name", KINDS)
def test_lengths(fresh, name):
    path = fresh(name)
    data = path.read_bytes()
    for length in (0, 1, 7, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        found = verify(path)
        assert "cut short" in found.damage[0].what
        assert found.damage[0].offset == length
    path.write_bytes(data + b"\0")
    [damage] = verify(path).damage
    assert "1 bytes behind its end" in damage.what
    assert damage.offset == len(data)


@pytest.mark.parametrize("name", ["a.png", "a.ppm", "a.tif", "a.jpg"])
def test_another_picture_with_valid_checksums(fresh, small_scene, name):
    path = fresh(name)
    kept = receipt_of(path).read_text()
    gigascene.compose("natural-color-swir", small_scene, path)
    assert verify(path).state == "whole"
    receipt_of(path).write_text(kept)
    assert verify(path).state == "damaged"
    Image.new("RGB", (260, 300)).save(path, format={".ppm": "PPM", ".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix))
    assert verify(path).state == "damaged"
    if path.suffix != ".jpg":  # of which one block is all there is
        assert "another picture" in " ".join(one.what for one in verify(path).damage)


def test_header_end_and_overviews_are_named(fresh):
    path = fresh("a.png")
    flip(path, 20)
    assert "its header" in verify(path).damage[0].what
    flip(path, 20)
    flip(path, path.stat().st_size - 1)
    assert "its end" in verify(path).damage[0].what
    path = fresh("tiles.tif")
    flip(path, 5)
    assert "its header" in verify(path).damage[0].what


def test_the_mask_of_a_jpeg(fresh):
    path = fresh("masked.jpg")
    data = bytearray(path.read_bytes())
    begin = int.from_bytes(data[-4:], "little")
    assert data[begin - 2 : begin] == b"\xff\xd9"
    flip(path, begin + 10)
    assert verify(path, quick=True).state == "damaged"
    wrong = zlib.compress(b"\0" * 5)
    path.write_bytes(data[:begin] + wrong + data[-4:])
    found = verify(path, decode_only=True)
    assert found.state == "damaged"
    assert "mask" in found.damage[0].what


def test_pieces_that_came_otherwise_into_the_file(fresh):
    """The file is as it was written, and not as workers made it: told unless it is --quick."""
    path = changed(fresh("tiles.tif"), lambda whole: whole["checksums"][1].__setitem__(3, "0" * 64))
    assert verify(path, quick=True).state == "whole"
    [damage] = verify(path).damage
    assert damage.piece == 1


def test_what_agrees_and_cannot_be_decoded(fresh, tmp_path):
    """A receipt made for a broken file: the decoder has the last word."""
    for name in ("a.png", "a.jpg", "a.tif"):
        path = fresh(name)
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 200] = b"" if name == "a.jpg" else bytes(range(200))  # a JPEG has no checksums
        path.write_bytes(data)
        found = verify(path, decode_only=True)
        assert found.state == "damaged", name

        def forged(whole, path=path):
            sums = [list(span) for span in digests.blocks(path, 0, path.stat().st_size, workers=2)]
            whole.update(blocks=sums, in_place=False, index=0, bytes=path.stat().st_size)

        changed(path, forged)
        assert verify(path, quick=True).state == "whole"
        assert verify(path).state == "damaged", name


# Without a receipt


@pytest.mark.parametrize("name", KINDS)
def test_decode_only(fresh, name):
    path = fresh(name)
    receipt_of(path).unlink()
    with pytest.raises(BadInput, match=r"receipt.*--decode-only"):
        verify(path)
    if name.endswith(".pdf"):
        with pytest.raises(BadInput, match="PDF"):
            verify(path, decode_only=True)
        return
    found = verify(path, decode_only=True)
    assert found.state == "decoded", found.damage
    one = path.suffix in {".jpg", ".pam"} or name == "jpeg.tif"
    assert len(found.decoded_by) == (1 if one else 2)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_foreign_files_decode(tmp_path, mode):
    """Two decoders agree on what other programs write, or are not compared where they mean different things."""
    picture = Image.fromarray(np.arange(70 * 50, dtype=np.uint16).reshape(70, 50)) if mode == "I;16" else None
    picture = picture or Image.linear_gradient("L").convert(mode)
    for suffix in (".png", ".tif"):
        picture.save(tmp_path / f"x{suffix}")
        found = verify(tmp_path / f"x{suffix}", decode_only=True)
        assert found.state == "decoded", (suffix, found.damage)


def test_two_decoders_that_disagree(fresh, monkeypatch):
    path = fresh("a.png")
    read = decoding.png.PngRows.read

    def off(self, top, height, out):
        read(self, top, height, out)
        out[0, 0] ^= 1

    monkeypatch.setattr(decoding.png.PngRows, "read", off)
    [damage] = verify(path).damage
    assert "other pixels" in damage.what
    assert "rows 0 to" in damage.what


def test_quick_and_decode_only_exclude_each_other(made):
    with pytest.raises(UsageError):
        verify(made / "a.png", quick=True, decode_only=True)


# Receipts


def test_the_receipt_of_another_file(fresh, made):
    path = fresh("a.png")
    shutil.copy(receipt_of(made / "tiles.tif"), receipt_of(path))
    found = verify(path)
    assert found.state == "damaged"
    assert "its receipt calls it tiles.tif" in found.notes


DEEP = "[" * 30_000 + "]" * 30_000
HOSTILE = {
    "empty": "",
    "cut": '{"gigascene:receipt": 2, "bytes": 1',
    "binary": "\0\1\2",
    "list": "[]",
    "number": "7",
    "null": "null",
    "another": "{}",
    "deep": DEEP,
    "deep inside": '{"gigascene:receipt": 2, "recipe": ' + DEEP + "}",
    "nan": '{"gigascene:receipt": NaN}',
    "long number": '{"gigascene:receipt": ' + "9" * 10_000 + "}",
    "future": '{"gigascene:receipt": 99}',
    "past": '{"gigascene:receipt": 1}',
    "brackets": "[" + "[]," * 3_000_000 + "[]]",
    "numbers": "[" + "1," * 3_000_000 + "1]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_texts_that_are_no_receipt(fresh, kind):
    path = fresh("a.png")
    receipt_of(path).write_text(HOSTILE[kind])
    with pytest.raises(BadInput, match=r"a\.png\.receipt\.json"):
        verify(path)


def put(*keys, to):
    def change(whole):
        *way, last = keys
        for key in way:
            whole = whole[key]
        whole[last] = to

    return change


CHANGES = [
    put("bytes", to=-1),
    put("bytes", to=10**30),
    put("bytes", to=1.5),
    put("bytes", to=True),
    put("bytes", to="12"),
    put("blocks", to=[]),
    put("blocks", to=None),
    put("blocks", to="abc"),
    put("blocks", to={"a": 1}),
    put("blocks", 0, to=[0, 1]),
    put("blocks", 0, 0, to=-5),
    put("blocks", 0, 1, to=-5),
    put("blocks", 0, 1, to=10**15),
    put("blocks", 0, 2, to="zz"),
    put("blocks", 0, 2, to=5),
    put("checksums", to=[]),
    put("checksums", 0, 0, to=3),
    put("checksums", 0, 1, to=10**18),
    put("checksums", 0, 2, to=10**18),
    put("checksums", 0, 3, to=None),
    put("grid", to=None),
    put("grid", "shape", to=[10**9, 10**9]),
    put("grid", "shape", to=[0, 0]),
    put("grid", "piece", to=[1]),
    put("grid", "piece", to=[1, 1]),
    put("in_place", to="no"),
    put("in_place", to=False),
    put("inputs", to=[1]),
    put("inputs", 0, to={}),
    put("inputs", 0, "href", to=7),
    put("versions", to=[]),
    put("files", to=["a.pgw"]),
    put("files", to={"../../x": "0"}),
    put("files", to={"..": "0"}),
    put("finished", to=7),
    lambda whole: whole.pop("checksums"),
    lambda whole: whole.pop("blocks"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_receipts_that_cannot_be_true(fresh, change):
    path = changed(fresh("a.png"), change)
    with pytest.raises(BadInput, match=r"a\.png\.receipt\.json"):
        verify(path)


def test_a_receipt_cut_anywhere(fresh):
    path = fresh("a.tif")
    text = receipt_of(path).read_text()
    for length in range(0, len(text) - 2, 37):
        receipt_of(path).write_text(text[:length])
        with pytest.raises(BadInput):
            verify(path)


@pytest.mark.parametrize("name", ["tiles.tif", "big.tif"])
def test_an_index_that_lies(fresh, name):
    """A receipt that vouches for a broken TIFF: nothing crashes, and no memory is taken on its word."""
    path, draw = fresh(name), random.Random(7)
    data = path.read_bytes()
    for _ in range(150):
        spoiled = bytearray(data)
        spoiled[draw.randrange(0, 2500)] = draw.choice([0, 1, 127, 255])
        path.write_bytes(spoiled)
        changed(
            path,
            lambda whole: whole.update(
                blocks=[list(s) for s in digests.blocks(path, 0, len(data), workers=2)], index=0
            ),
        )
        with suppress(BadInput):
            assert verify(path).state in {"whole", "damaged"}


def test_an_index_that_is_damaged_and_not_told(fresh):
    """A receipt that hides which bytes are the index: damage is told by bytes, whatever the index says."""
    path, draw = fresh("tiles.tif"), random.Random(8)
    data = path.read_bytes()
    changed(path, lambda whole: whole.update(index=0))
    for _ in range(100):
        spoiled = bytearray(data)
        for _ in range(5):
            spoiled[draw.randrange(0, 2500)] = draw.randrange(256)
        path.write_bytes(spoiled)
        assert verify(path).state == ("whole" if spoiled == data else "damaged")


def test_hostile_texts_do_not_reach_the_terminal(fresh, say):
    path = changed(fresh("a.png"), put("inputs", 0, "scene", to="\x1b[31mred\n" + "x" * 10_000))
    code, out, _ = say(path, "-q")
    assert code == 0
    assert "\x1b" not in out
    assert len(out.splitlines()) == 1
    assert len(out) < 3000


def test_inputs_with_strange_places(fresh):
    path = changed(fresh("a.png"), lambda whole: whole["inputs"][0].update(href="\0"))
    changed(path, lambda whole: whole["inputs"][1].update(href="https://example.com/a.tif"))
    assert sorted(verify(path, quick=True).inputs.values()) == ["gone", "unchanged", "unknown"]


# What is no file


def test_no_files(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.png", tmp_path / "a\0b", Path("/dev/null")):
        with pytest.raises(BadInput):
            verify(path)


def test_a_file_that_changes_meanwhile(fresh):
    path = fresh("a.png")
    with pytest.raises(BadInput, match="changed while"):
        verify(path, watch=lambda done, of: path.touch())


# The command line


def test_words(fresh, say, small_scene):
    path = fresh("a.png")
    code, out, err = say(path)
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: whole; 1 piece as made, decoded by libpng and gigascene: 260 x 300; made ")
    assert f"by gigascene {gigascene.__version__} from {small_scene.name}, 3 inputs unchanged" in out
    code, out, err = say(path, "--quick")
    assert "decoded" not in out
    flip(path, 1000)
    code, out, err = say(path)
    assert code == 4
    assert "damaged: piece 1 of 1 (rows 0 to 299) differs. Copy it again" in out
    assert "1 of 1 file did not pass" in err


def test_json(fresh, say, tmp_path):
    good, bad = fresh("a.tif"), fresh("a.png")
    flip(bad, 1000)
    code, out, _ = say(good, bad, tmp_path / "none.png", "--json")
    assert code == 4
    first, second, third = json.loads(out)
    assert (first["state"], second["state"], third["state"]) == ("whole", "damaged", "unknown")
    assert first["decoded_by"] == ["libtiff"]
    assert first["made"]["gigascene"] == gigascene.__version__
    assert second["damage"][0]["piece"] == 0
    assert "none.png" in third["error"]


def test_inputs(fresh, say, small_scene, tmp_path):
    scene = Path(shutil.copytree(small_scene, tmp_path / "scene" / small_scene.name))
    path = tmp_path / "own.png"
    gigascene.compose("true-color", scene, path)
    first, second, _ = read_proof(path).inputs
    Path(first.href).touch()
    Path(second.href).unlink()
    code, out, _ = say(path)
    assert code == 0
    assert "1 input unchanged, 1 input gone, 1 input changed" in out
    assert say(path, "--inputs")[0] == 4


def test_inputs_that_are_pictures(fresh, say):
    """As `convert` has them: no scene, no band, and what later versions may tell besides."""
    path = fresh("a.png")
    other = fresh("a.ppm")
    one = {"picture": 0, "href": str(other), "identity": f"{other.stat().st_size}-{other.stat().st_mtime_ns}"}
    _, out, _ = say(changed(path, put("inputs", to=[one])))
    assert "from a.ppm, 1 input unchanged" in out


def test_notes(fresh, say):
    path = fresh("a.png")
    path.with_suffix(".pgw").unlink()
    path.with_name("a.png.aux.xml").write_text("other")
    code, out, _ = say(path)
    assert code == 0
    assert "side file a.pgw is gone" in out
    assert "side file a.png.aux.xml has changed" in out


# Memory


@pytest.mark.parametrize("suffix", [".png", ".pam"])
def test_memory_is_bounded(tmp_path, suffix):
    """A picture of 600 MB of pixels is verified in much less."""
    path = tmp_path / f"large{suffix}"
    if suffix == ".pam":
        with path.open("wb") as file:
            file.write(b"P7\nWIDTH 20000\nHEIGHT 10000\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n")
            file.truncate(file.tell() + 600_000_000)
    else:
        _blank_png(path, 20000, 10000)
    script = (
        "import resource, sys; from gigascene.api.verify import verify; base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "found = verify(sys.argv[1], decode_only=True); assert found.state == 'decoded', found;"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 120


def _blank_png(path, columns, rows):
    """A black picture, written in little memory."""
    from gigascene.codecs.png import PNG, chunk

    packer, row = zlib.compressobj(1), b"\0" * (1 + 3 * columns)
    with path.open("wb") as file:
        header = columns.to_bytes(4, "big") + rows.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
        file.write(PNG + chunk(b"IHDR", header))
        for _ in range(rows):
            if data := packer.compress(row):
                file.write(chunk(b"IDAT", data))
        file.write(chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b""))
