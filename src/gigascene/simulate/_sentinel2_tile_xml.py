"""``MTD_TL.xml``: grids, angles and masks of one Sentinel-2 tile."""

from __future__ import annotations

import math
from collections.abc import Callable

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate._sentinel2_facts import Frame
from gigascene.simulate._sentinel2_files import NATIVE, preview
from gigascene.simulate._sentinel2_kernels import DETECTORS
from gigascene.simulate._sentinel2_product_xml import content_quality, root
from gigascene.simulate._sentinel2_scene import Counts, Scene
from gigascene.simulate._sun import sun_angles
from gigascene.simulate._xml import Element, el

NODE_M = 5_000
"""Spacing of the grids of angles."""

_HEIGHT_M, _EARTH_M, _SWATH_M = 786_000.0, 6_371_000.0, 290_000.0
_BASE_DEG = 0.012
"""Looks of two neighbouring bands differ by this much along the track."""

Angle = Callable[[float, float], float]


def tile(scene: Scene, counts: Counts) -> str:
    """``MTD_TL.xml``."""
    return root(
        "Level-2A_Tile_ID",
        "S2_PDI_Level-2A_Tile_Metadata.xsd",
        [
            el("n1:General_Info", _general(scene)),
            el("n1:Geometric_Info", [_geocoding(scene.tile.frame), el("Tile_Angles", _angles(scene), metadataLevel="Standard")]),
            el("n1:Quality_Indicators_Info", _quality(scene, counts), metadataLevel="Standard"),
        ],
    )  # fmt: skip


def _general(scene: Scene) -> list[Element]:
    sensed = f"{scene.sensed:%Y-%m-%dT%H:%M:%S.%f}Z"
    archived = f"{scene.generated:%Y-%m-%dT%H:%M:%S}.000000Z"
    archive = [
        el("ARCHIVING_CENTRE", scene.granule_id.split("_")[5]),
        el("ARCHIVING_TIME", archived),
    ]
    return [
        el("L1C_TILE_ID", scene.granule_id.replace("_L2A_", "_L1C_"), metadataLevel="Brief"),
        el("TILE_ID", scene.granule_id, metadataLevel="Brief"),
        el("DATASTRIP_ID", scene.datastrip_id, metadataLevel="Standard"),
        el("DOWNLINK_PRIORITY", "NOMINAL", metadataLevel="Standard"),
        el("SENSING_TIME", sensed, metadataLevel="Standard"),
        el("Archiving_Info", archive, metadataLevel="Expertise"),
    ]


def _geocoding(frame: Frame) -> Element:
    sizes = [
        el("Size", [el("NROWS", frame.shape(gsd)[0]), el("NCOLS", frame.shape(gsd)[1])], resolution=gsd)
        for gsd in (10, 20, 60)
    ]
    places = [
        el("Geoposition", [el("ULX", frame.x), el("ULY", frame.y), el("XDIM", gsd), el("YDIM", -gsd)], resolution=gsd)
        for gsd in (10, 20, 60)
    ]
    name = el("HORIZONTAL_CS_NAME", f"WGS84 / UTM zone {frame.zone}N")
    code = el("HORIZONTAL_CS_CODE", f"EPSG:{frame.epsg}")
    return el("Tile_Geocoding", [name, code, *sizes, *places], metadataLevel="Brief")


def _angles(scene: Scene) -> list[Element]:
    azimuth, elevation = scene.sun
    sun = {
        "Zenith": lambda x, y: 90.0 - _sun(scene, x, y)[1],
        "Azimuth": lambda x, y: _sun(scene, x, y)[0],
    }
    mean = [
        el("ZENITH_ANGLE", round(90.0 - elevation, 12), unit="deg"),
        el("AZIMUTH_ANGLE", round(azimuth, 12), unit="deg"),
    ]
    grids = [_grid(scene.tile.frame, name, angle) for name, angle in sun.items()]
    looks = [look for band in facts.BANDS for look in _looks(scene, band.index)]
    means = [_mean_look(scene, band.index) for band in facts.BANDS]
    return [
        el("Sun_Angles_Grid", grids),
        el("Mean_Sun_Angle", mean),
        *looks,
        el("Mean_Viewing_Incidence_Angle_List", means),
    ]


def _sun(scene: Scene, x: float, y: float) -> tuple[float, float]:
    return sun_angles(scene.sensed, *facts.degrees(scene.tile.frame.zone, x, y))


def _grid(frame: Frame, name: str, angle: Angle) -> Element:
    """Angles at nodes from the north-western corner on, one row more than fits."""
    down, across = (math.ceil(10 * count / NODE_M) + 1 for count in (frame.rows, frame.columns))
    rows = [
        el("VALUES", " ".join(_number(angle(frame.x + NODE_M * j, frame.y - NODE_M * i)) for j in range(across)))
        for i in range(down)
    ]
    steps = [el("COL_STEP", NODE_M, unit="m"), el("ROW_STEP", NODE_M, unit="m")]
    return el(name, [*steps, el("Values_List", rows)])


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:.6g}"


def _detector(scene: Scene, x: float, y: float) -> int:
    """Which one sees a place; 0 outside the swath."""
    share = (scene.across_m(x, y) + _SWATH_M / 2) / _SWATH_M
    return DETECTORS - math.floor(share * DETECTORS) if 0.0 <= share < 1.0 else 0


def _look(scene: Scene, band: int, x: float, y: float) -> tuple[float, float]:
    """Zenith and azimuth of the satellite as seen from the ground, degrees."""
    across, along = scene.across_m(x, y), _BASE_DEG * (band - 6) * _HEIGHT_M * math.pi / 180.0
    off = math.hypot(across, along)
    zenith = math.degrees(math.atan2(off, _HEIGHT_M) + off / _EARTH_M)
    a, b = scene.swath.right
    east, north = -across * a - along * b, -across * b + along * a
    return zenith, math.degrees(math.atan2(east, north)) % 360.0


def _looks(scene: Scene, band: int) -> list[Element]:
    """Grids of one band, for each detector that sees any node."""
    frame = scene.tile.frame
    nodes = [
        (frame.x + NODE_M * j, frame.y - NODE_M * i)
        for i in range(math.ceil(frame.rows / 500) + 1)
        for j in range(math.ceil(frame.columns / 500) + 1)
    ]
    seen = {_detector(scene, x, y) for x, y in nodes} - {0}
    return [_detector_look(scene, band, number) for number in sorted(seen)]


def _detector_look(scene: Scene, band: int, detector: int) -> Element:
    def part(which: int) -> Angle:
        return lambda x, y: _look(scene, band, x, y)[which] if _detector(scene, x, y) == detector else math.nan

    grids = [_grid(scene.tile.frame, name, part(which)) for which, name in enumerate(("Zenith", "Azimuth"))]
    return el("Viewing_Incidence_Angles_Grids", grids, bandId=band, detectorId=detector)


def _mean_look(scene: Scene, band: int) -> Element:
    zenith, azimuth = _look(scene, band, *scene.tile.frame.center)
    angles = [
        el("ZENITH_ANGLE", round(zenith, 12), unit="deg"),
        el("AZIMUTH_ANGLE", round(azimuth, 12), unit="deg"),
    ]
    return el("Mean_Viewing_Incidence_Angle", angles, bandId=band)


def _quality(scene: Scene, counts: Counts) -> list[Element]:
    masks = f"GRANULE/{scene.granule}/QI_DATA/MSK_"
    files = [
        el("MASK_FILENAME", f"{masks}{kind}_{band.name}.jp2", bandId=band.index, type=f"MSK_{kind}")
        for band in facts.BANDS
        if band.name in NATIVE
        for kind in ("DETFOO", "QUALIT")
    ]
    files.append(el("MASK_FILENAME", f"{masks}CLASSI_B00.jp2", type="MSK_CLASSI"))
    files += [
        el("MASK_FILENAME", f"{masks}{kind}_{gsd}m.jp2", type=f"MSK_{kind}")
        for gsd in (20, 60)
        for kind in ("CLDPRB", "SNWPRB")
    ]
    over_land, *others = content_quality(counts)
    content = [
        el("CLOUDY_PIXEL_PERCENTAGE", f"{counts.clouds:.6f}"),
        over_land,
        el("DEGRADED_MSI_DATA_PERCENTAGE", "0.000000"),
        *others,
    ]
    return [
        el("Image_Content_QI", content),
        el("Pixel_Level_QI", files, geometry="FULL_RESOLUTION"),
        el("PVI_FILENAME", preview(scene)),
    ]
