"""Tiles in every format and shape, read by another decoder."""

import numpy as np
import pytest

from gigascene.codecs.png import whole as png
from gigascene.model.errors import UsageError
from gigascene.serve.encode import Coder, Validity, opaque, shown
from serve.pictures import noise, seen, visible

SIDES = [(1, 1), (1, 2), (2, 1), (3, 4), (512, 1), (1, 512), (512, 512)]


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", SIDES)
def test_png(shape, bands):
    pixels = noise(shape, bands)
    got = seen(png(pixels))
    colours = pixels if bands in {1, 3} else pixels[..., :-1]
    np.testing.assert_array_equal(got[..., :3], np.broadcast_to(colours, (*shape, 3)))
    np.testing.assert_array_equal(got[..., 3], 255 if bands in {1, 3} else pixels[..., -1])


@pytest.mark.parametrize("format", ["jpg", "jpeg", "webp"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", SIDES)
def test_lossy(format, shape, bands):
    seen(Coder(format=format, quality=100).encode(noise(shape, bands)))  # what cannot be packed must fit too
    smooth = np.full((*shape, bands), 200, np.uint8)
    if bands in {2, 4}:
        smooth[: shape[0] // 2, ..., -1] = 0
    got = seen(Coder(format=format).encode(smooth)).astype(int)
    wanted = np.broadcast_to(opaque(smooth), (*shape, 3))
    solid = wanted[..., 0] > 0
    assert abs(got[..., :3] - wanted)[solid].max() <= 6
    if format == "webp" and bands in {2, 4}:
        np.testing.assert_array_equal(got[..., 3] > 0, solid)


def test_sixteen_bits_are_shown_by_their_upper_eight():
    levels = np.uint16([[[0], [1], [255], [256], [65535]]])
    assert shown(levels, Validity.ALL)[0, :, 0].tolist() == [0, 0, 0, 1, 255]
    assert shown(levels, Validity.NODATA)[0].tolist() == [[0, 0], [0, 255], [0, 255], [1, 255], [255, 255]]


def test_alpha_only_where_it_is_needed():
    levels = noise((4, 5), 3, low=1)
    assert shown(levels, Validity.NODATA).shape == (4, 5, 3)
    full = np.concatenate([levels, np.full((4, 5, 1), 255, np.uint8)], axis=-1)
    assert shown(full, Validity.ALPHA).shape == (4, 5, 3)
    full[0, 0, 3] = 0
    np.testing.assert_array_equal(visible(shown(full, Validity.ALPHA)), visible(full))


@pytest.mark.parametrize("said", [{"format": "gif"}, {"format": "PNG"}, {"quality": 0}, {"quality": 101}])
def test_refused(said):
    with pytest.raises(UsageError):
        Coder(**said)
