"""STAC items with real files behind them: bands of simulated surfaces, in the words of several archives."""

import json

import numpy as np
import rasterio
from affine import Affine

ORIGIN = 499980.0, 5100000.0
CRS = "EPSG:32632"

SURFACES = {
    # reflectance of B02, B03, B04, B08, B11, B12: typical values of spectral libraries and of S2 scenes
    "water": (0.030, 0.025, 0.012, 0.006, 0.003, 0.002),
    "forest": (0.018, 0.035, 0.020, 0.30, 0.14, 0.055),
    "crop": (0.030, 0.060, 0.035, 0.42, 0.20, 0.10),
    "soil": (0.07, 0.10, 0.14, 0.22, 0.30, 0.25),
    "desert": (0.14, 0.22, 0.32, 0.40, 0.48, 0.44),
    "snow": (0.85, 0.86, 0.84, 0.75, 0.09, 0.08),
    "cloud": (0.55, 0.54, 0.55, 0.58, 0.40, 0.32),
}
KEYS = ("B02", "B03", "B04", "B08", "B11", "B12")
GSD = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B11": 20, "B12": 20, "SCL": 20}
CLASS = {"water": 6, "forest": 4, "crop": 4, "soil": 5, "desert": 5, "snow": 11, "cloud": 9}
NAMES = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16", "B12": "swir22", "SCL": "scl"}


def patchwork(cover, side, rng, patch=16):
    """Names of surfaces, (side, side), in patches; `cover` is a mapping of name to weight."""
    names = list(cover)
    weights = np.array([cover[name] for name in names], float)
    small = rng.choice(len(names), (-(-side // patch),) * 2, p=weights / weights.sum())
    return names, np.kron(small, np.ones((patch, patch), int))[:side, :side]


def reflectance(cover, side, seed=1):
    """Reflectance of every band, (side, side) at 10 m, and the scene classification."""
    rng = np.random.default_rng(seed)
    names, place = patchwork(cover, side, rng)
    light = np.clip(rng.normal(1, 0.1, (side, side)), 0.5, 1.5)  # slopes and texture
    table = np.array([SURFACES[name] for name in names])
    bands = {key: table[place, number] * light + rng.normal(0, 0.003, (side, side)) for number, key in enumerate(KEYS)}
    return bands, np.array([CLASS[name] for name in names], np.uint8)[place]


def stored(value, raw):
    """Numbers as an archive keeps them: with the offset still in (`raw`) or subtracted; never below 1."""
    return np.clip(np.rint(value * 10000) + (1000 if raw else 0), 1, 65534).astype(np.uint16)


def write_bands(folder, cover, *, raw, side=512, seed=1, block=256):
    """A COG for each band and one of classes in `folder`; the arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    bands, classes = reflectance(cover, side, seed)
    arrays = {key: stored(value, raw) for key, value in bands.items()} | {"SCL": classes}
    for key, array in arrays.items():
        step = GSD[key] // 10
        arrays[key] = np.ascontiguousarray(array[::step, ::step])
        write_cog(folder / f"{key}.tif", arrays[key], GSD[key], block)
    return arrays


def write_cog(path, array, gsd, block=256, origin=ORIGIN, crs=CRS):
    rows, columns = array.shape
    with rasterio.open(
        path,
        "w",
        driver="COG",
        compress="deflate",
        predictor=2,
        blocksize=block,
        height=rows,
        width=columns,
        count=1,
        dtype=array.dtype,
        crs=crs,
        transform=Affine(gsd, 0, origin[0], 0, -gsd, origin[1]),
        nodata=0,
        overview_resampling="nearest",
    ) as target:
        target.write(array, 1)


def item(
    id="S2A_32TMS_20240607_0_L2A",
    *,
    side=512,
    base="./",
    style="v1",
    baseline="05.10",
    keys=(*KEYS, "SCL"),
    offset=-0.1,
    properties=None,
):
    """An item as one archive writes it: ``v0`` and ``v1`` of earth-search, ``pc``, or ``1.1`` of STAC."""
    assets = {}
    for key in keys:
        gsd = GSD[key]
        shape = [side * 10 // gsd] * 2
        transform = [gsd, 0, ORIGIN[0], 0, -gsd, ORIGIN[1]]
        asset = {
            "href": f"{base}{key}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "proj:shape": shape,
            "proj:transform": transform if style != "v0" else [*transform, 0, 0, 1],
            "roles": ["data"],
        }
        name = NAMES[key] if style in {"v1", "1.1"} else key
        if key != "SCL":
            common = NAMES[key]
            if style == "1.1":
                asset["bands"] = [
                    {"name": key, "eo:common_name": common, "raster:scale": 0.0001, "raster:offset": offset}
                ]
                asset |= {"data_type": "uint16", "nodata": 0}
            else:
                asset["eo:bands"] = [{"name": key, "common_name": common}]
            if style == "v1":
                asset["raster:bands"] = [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": offset}]
        assets[name] = asset
    return {
        "type": "Feature",
        "stac_version": {"v0": "1.0.0-beta.2", "1.1": "1.1.0"}.get(style, "1.0.0"),
        "id": id,
        "collection": {"v0": "sentinel-s2-l2a-cogs"}.get(style, "sentinel-2-l2a"),
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[9.0, 46.0], [9.07, 46.0], [9.07, 46.05], [9.0, 46.05], [9.0, 46.0]]],
        },
        "bbox": [9.0, 46.0, 9.07, 46.05],
        "properties": {
            "datetime": "2024-06-07T10:26:05.123000Z",
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "eo:cloud_cover": 3.5,
            "s2:processing_baseline": baseline,
            **({"proj:code": CRS} if style == "1.1" else {"proj:epsg": int(CRS[5:])}),
            **(properties or {}),
        },
        "links": [],
        "assets": assets,
    }


def write_item(folder, name="item.json", **wishes):
    """The item as a file in `folder`."""
    path = folder / name
    path.write_text(json.dumps(item(**wishes)))
    return path
