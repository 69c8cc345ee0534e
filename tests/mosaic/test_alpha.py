"""What plain rasters say of where they have data holds for all that is made of them: alpha, masks inside and beside a file."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

import gigascene
from gigascene.model.errors import BadInput

PLACE = Affine(10, 0, 600_000, 0, -10, 5_200_020)
SHAPE = 40, 50
HOLE = np.s_[10:25, 15:40]
WAYS = ("alpha", "inside", "beside", "each")


def there():
    found = np.ones(SHAPE, bool)
    found[HOLE] = False
    return found


def write(path, pixels, mask=None, *, inside=True, place=PLACE):
    facts = {"driver": "GTiff", "crs": "EPSG:32632", "transform": place, "dtype": pixels.dtype}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside),
        rasterio.open(path, "w", count=len(pixels), height=pixels.shape[1], width=pixels.shape[2], **facts) as file,
    ):
        file.write(pixels)
        if mask is not None:
            file.write_mask(mask)
        return file


def rgb(folder, way, seed=0):
    """Three bands of random levels, 0 among them, and where they are."""
    levels = np.random.default_rng(seed).integers(0, 256, (3, *SHAPE)).astype(np.uint8)
    valid = (there() * 255).astype(np.uint8)
    path = folder / f"{way}.tif"
    if way == "alpha":
        write(path, np.concatenate([levels, valid[None]]))
        with rasterio.open(path, "r+") as file:
            file.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    elif way == "each":
        write(path, levels)
        parts = np.stack([valid] * 3)  # together they leave out the same
        parts[0, :, 25:] = parts[1, :, :25] = 255
        write(folder / "each.tif.msk", parts)
    else:
        write(path, levels, valid, inside=way == "inside")
        assert (folder / f"{way}.tif.msk").exists() == (way == "beside")
    return path, levels


def read(path):
    with rasterio.open(path) as file:
        return file.read()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("verb", [gigascene.compose, gigascene.mosaic])
def test_a_stretched_picture_keeps_its_hole(tmp_path, way, verb):
    """It was shown as data, by whatever numbers lie there."""
    path, _ = rgb(tmp_path, way)
    verb("rgb", path, tmp_path / "a.tif", stretch="0:255", workers=1)
    found = read(tmp_path / "a.tif")
    assert np.array_equal((found > 0).all(axis=0), there())
    assert np.ptp(found[:, there()]) > 250
    assert not found[:, ~there()].any()


@pytest.mark.parametrize("way", WAYS)
def test_kept_pictures_and_numbers(tmp_path, way):
    path, levels = rgb(tmp_path, way)
    gigascene.mosaic("picture", path, tmp_path / "a.tif", workers=1)
    assert np.array_equal(read(tmp_path / "a.tif"), np.where(there(), [*levels, np.full(SHAPE, 255)], 0))
    gigascene.mosaic(
        "numbers", path, tmp_path / "b.tif", bands=["2"], grid="EPSG:32632:20", nodata=7, resampling="average"
    )
    found = read(tmp_path / "b.tif")[0]
    assert (found[~there().reshape(20, 2, 25, 2).any(axis=(1, 3))] == 7).all()
    assert (found != 7).mean() > 0.6
    assert (found[6:12, 8:20] == 7).all()


def test_the_hole_is_another_files(tmp_path):
    """Below lies a file without one, on the same lattice and on another."""
    path, levels = rgb(tmp_path, "beside")
    below = np.full((3, *SHAPE), 77, np.uint8)
    for name, place in (("same", PLACE), ("other", PLACE @ Affine.translation(0.25, 0.25))):
        write(tmp_path / f"{name}.tif", below, place=place)
        gigascene.mosaic("picture", [path, tmp_path / f"{name}.tif"], tmp_path / "m.tif", grid=f"like:{path}")
        found = read(tmp_path / "m.tif")
        inner = np.zeros(SHAPE, bool)
        inner[HOLE] = True
        assert (found[:3, inner] == 77).all()
        assert np.array_equal(found[:3, ~inner], levels[:, ~inner])


def test_what_load_and_histogram_see(tmp_path):
    path, levels = rgb(tmp_path, "inside")
    values = gigascene.load("rgb", path).to_numpy()
    assert np.array_equal(np.isfinite(values).all(axis=0), there())
    assert np.array_equal(values[:, there()], levels[:, there()])


def test_a_mask_is_an_input(command, tmp_path):
    """It is told, and a run notices when it changes."""
    path, _ = rgb(tmp_path, "beside")
    words = ("mosaic", "rgb", path, "-o", tmp_path / "a.tif", "--stretch", "0:255")
    assert command(*words).code == 0
    receipt = json.loads((tmp_path / "a.tif.receipt.json").read_text())
    assert f"{path}.msk" in {one["href"] for one in receipt["inputs"]}
    assert command("plan", *words, "--save", tmp_path / "p.json").code == 0
    told = json.loads((tmp_path / "p.json").read_text())
    told["scenes"][0]["alpha"] = ["elsewhere"]
    (tmp_path / "changed.json").write_text(json.dumps(told))
    said = command("run", tmp_path / "changed.json")
    assert said.code == 4
    assert "does not have its bands" in said.err
    write(tmp_path / "beside.tif.msk", np.zeros((1, 3, 3), np.uint8))
    said = command("run", tmp_path / "p.json")
    assert said.code == 4
    assert "has changed" in said.err
    with pytest.raises(BadInput, match="not as many pixels as beside"):
        gigascene.open_scene(path)


def test_bands_have_one_name_everywhere(command, tmp_path):
    """Those of one file go by number and by the file's name, in every verb."""
    path, _ = rgb(tmp_path, "inside")
    asked = {"1,2,3": [], "inside_1,inside_2,inside_3": []}
    for verb in ("compose", "mosaic"):
        for bands, found in asked.items():
            target = tmp_path / f"{verb}.png"
            assert command(verb, "rgb", path, "-o", target, "--bands", bands, "--stretch", "0:255").code == 0
            found.append(read(target))
    first, *rest = [pixels for found in asked.values() for pixels in found]
    assert all(np.array_equal(first, other) for other in rest)
    assert (
        command("mosaic", "numbers", path, "-o", tmp_path / "n.tif", "--bands", "inside_2", "--nodata", "256").code == 2
    )
    said = command("mosaic", "numbers", path, "-o", tmp_path / "n.tif", "--bands", "mask", "--nodata", "0")
    assert said.code == 2
    assert "Known: 1, 2, 3" in said.err
