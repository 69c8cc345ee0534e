"""Landsat folders true to format, with bands of a few pixels."""

from datetime import date

import numpy as np
import rasterio
from affine import Affine

ORIGIN = 471585.0, 3787515.0


def write_band(path, dn=None, dtype="uint16", gsd=30.0, **profile):
    """One GeoTIFF as USGS writes them: UTM, pixel centres on the corners of the metadata."""
    dn = np.arange(1, 36, dtype=dtype).reshape(5, 7) if dn is None else dn
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=dn.shape[1],
        height=dn.shape[0],
        count=1,
        dtype=dn.dtype,
        crs="EPSG:32617",
        transform=Affine(gsd, 0, ORIGIN[0], 0, -gsd, ORIGIN[1]),
        **profile,
    ) as target:
        target.write(dn, 1)
        target.update_tags(AREA_OR_POINT="Point")


def odl(groups, root):
    """MTL text of nested dicts; str values are quoted."""
    return "\n".join([f"GROUP = {root}", *_lines(groups), f"END_GROUP = {root}", "END", ""])


def _lines(groups):
    for key, value in groups.items():
        if isinstance(value, dict):
            yield f"  GROUP = {key}"
            yield from _lines(value)
            yield f"  END_GROUP = {key}"
        else:
            yield f'    {key} = "{value}"' if isinstance(value, str) else f"    {key} = {value}"


def collection2(id="LC08_L1TP_016037_20170813_20200903_02_T1", elevation=62.0, satellite=8, tokens=range(1, 12)):
    """Groups of a Collection 2 level 1 MTL file."""
    tokens = [str(token) for token in tokens]
    thermal = [token for token in tokens if token in {"10", "11"} or token.startswith("6_V")]
    rescaling = {f"RADIANCE_MULT_BAND_{t}": 0.01 for t in tokens} | {f"RADIANCE_ADD_BAND_{t}": -50.0 for t in tokens}
    for token in set(tokens) - set(thermal):
        rescaling |= {f"REFLECTANCE_MULT_BAND_{token}": 2.0e-05, f"REFLECTANCE_ADD_BAND_{token}": -0.1}
    for token in thermal:
        rescaling |= {f"RADIANCE_MULT_BAND_{token}": 3.342e-04, f"RADIANCE_ADD_BAND_{token}": 0.1}
    return {
        "PRODUCT_CONTENTS": {
            "LANDSAT_PRODUCT_ID": id,
            "PROCESSING_LEVEL": id.split("_")[1],
            "COLLECTION_NUMBER": 2,
            "COLLECTION_CATEGORY": "T1",
        }
        | {f"FILE_NAME_BAND_{token}": f"{id}_B{token}.TIF" for token in tokens},
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": f"LANDSAT_{satellite}",
            "DATE_ACQUIRED": date(2017, 8, 13),
            "SCENE_CENTER_TIME": "15:54:15.7884640Z",
            "CLOUD_COVER": -1,
            "SUN_AZIMUTH": 126.8,
            "SUN_ELEVATION": elevation,
        },
        "LEVEL1_PROCESSING_RECORD": {"LANDSAT_SCENE_ID": "LC80160372017225LGN00"},
        "LEVEL1_RADIOMETRIC_RESCALING": rescaling,
        "LEVEL1_THERMAL_CONSTANTS": {f"K1_CONSTANT_BAND_{token}": 774.8853 for token in thermal}
        | {f"K2_CONSTANT_BAND_{token}": 1321.0789 for token in thermal},
    }


def write_collection2(folder, id="LC08_L1TP_016037_20170813_20200903_02_T1", bands=("2", "3", "4", "10"), **options):
    """A Collection 2 level 1 folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{id}_MTL.txt").write_text(odl(collection2(id, **options), "LANDSAT_METADATA_FILE"))
    for band in bands:
        write_band(folder / f"{id}_B{band}.TIF")
    return folder
