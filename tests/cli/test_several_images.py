"""Files of several images: counted, told, chosen."""

import json

import numpy as np
import pytest
from PIL import Image

from cli.shell import spoken

TWO = b"P6\n2 1\n255\n123456P7\nWIDTH 3\nHEIGHT 2\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n" + bytes(
    range(12)
)


@pytest.fixture
def said(tmp_path, capsys, monkeypatch):
    (tmp_path / "two.pnm").write_bytes(TWO)
    monkeypatch.chdir(tmp_path)
    return lambda *words: spoken(capsys, monkeypatch, *words)


def test_info_tells_all(said):
    code, out, _ = said("info", "two.pnm")
    assert code == 0
    assert "images  2" in out
    assert "1  3 x 2  2 bands of uint8, the last is alpha  --image 1" in out
    images = json.loads(said("info", "two.pnm", "--json").out)["images"]
    assert [image["shape"] for image in images] == [[1, 2], [2, 3]]


def test_info_of_a_png(said, tmp_path):
    Image.fromarray(np.zeros((5, 7, 4), np.uint8)).save(tmp_path / "a.png")
    code, out, _ = said("info", "a.png")
    assert code == 0
    assert "images  1" in out
    assert "7 x 5  4 bands of uint8, the last is alpha\n" in out


def test_one_is_chosen_and_others_are_told(said, tmp_path):
    code, _, err = said("convert", "two.pnm", "-o", "first.png")
    assert code == 0
    assert "holds several images" in err
    code, _, err = said("convert", "two.pnm", "-o", "second.png", "--image", "1")
    assert code == 0
    assert "holds" not in err
    with Image.open(tmp_path / "second.png") as found:
        assert np.asarray(found).tolist() == np.arange(12).reshape(2, 3, 2).tolist()
    code, _, err = said("convert", "two.pnm", "-o", "third.png", "--image", "2")
    assert code == 4
    assert "holds 2 images, and number 2 is not there" in err


def test_what_is_broken_is_told(said, tmp_path):
    (tmp_path / "two.pnm").write_bytes(TWO[:-1])
    assert said("info", "two.pnm").code == 4
    assert said("convert", "two.pnm", "-o", "first.png").code == 0  # the first is whole
