"""``MTD_MSIL2A.xml`` and ``MTD_DS.xml``: what a Sentinel-2 product says of itself."""

from __future__ import annotations

import math

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate._sentinel2_facts import Band
from gigascene.simulate._sentinel2_files import NATIVE, RESOLUTIONS
from gigascene.simulate._sentinel2_scene import Counts, Scene
from gigascene.simulate._xml import Element, document, el

MISSIONS = {"S2A": "Sentinel-2A", "S2B": "Sentinel-2B"}
CHECKS = (
    "FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "L2A_QUALITY", "RADIOMETRIC_QUALITY",
    "SENSOR_QUALITY",
)  # fmt: skip
MEAN_AOT, MEAN_WATER_CM = 0.072, 0.83

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PSD = "https://psd-14.sentinel2.eo.esa.int/PSD"


def root(name: str, schema: str, content: list[Element]) -> str:
    """A document of the agency's own kind."""
    spaces = {"xmlns:n1": f"{_PSD}/{schema}", "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{_PSD}/{schema}"}
    return document((f"n1:{name}", spaces, content))


def stamp(scene: Scene) -> str:
    """Start of the datatake, to the millisecond."""
    return f"{scene.flown.start:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def product(scene: Scene, counts: Counts) -> str:
    """``MTD_MSIL2A.xml``."""
    return root(
        "Level-2A_User_Product",
        "User_Product_Level-2A.xsd",
        [
            el("n1:General_Info", [_info(scene), _characteristics(scene)]),
            el("n1:Geometric_Info", _geometry(scene)),
            el("n1:Auxiliary_Data_Info", _auxiliary()),
            el("n1:Quality_Indicators_Info", _quality(counts)),
        ],
    )


def _info(scene: Scene) -> Element:
    here = f"GRANULE/{scene.granule}/IMG_DATA"
    files = [
        el("IMAGE_FILE", f"{here}/R{gsd}m/T{scene.tile.name}_{scene.start}_{name}_{gsd}m")
        for gsd, names in RESOLUTIONS.items()
        for name in names
    ]
    granule = el(
        "Granule", files, datastripIdentifier=scene.datastrip_id, granuleIdentifier=scene.granule_id, imageFormat="JPEG2000"
    )  # fmt: skip
    return el(
        "Product_Info",
        [
            el("PRODUCT_START_TIME", stamp(scene)),
            el("PRODUCT_STOP_TIME", stamp(scene)),
            el("PRODUCT_URI", scene.product),
            el("PROCESSING_LEVEL", "Level-2A"),
            el("PRODUCT_TYPE", "S2MSI2A"),
            el("PROCESSING_BASELINE", facts.BASELINE),
            el("PRODUCT_DOI", "https://doi.org/10.5270/S2_-znk9xsj"),
            el("GENERATION_TIME", f"{scene.generated:%Y-%m-%dT%H:%M:%S}.000000Z"),
            el("PREVIEW_IMAGE_URL", "Not applicable"),
            el("PREVIEW_GEO_INFO", "Not applicable"),
            datatake(scene),
            el("Query_Options", [el("PRODUCT_FORMAT", "SAFE_COMPACT")], completeSingleTile="true"),
            el("Product_Organisation", [el("Granule_List", [granule])]),
        ],
    )


def datatake(scene: Scene) -> Element:
    """When and by which satellite."""
    return el(
        "Datatake",
        [
            el("SPACECRAFT_NAME", MISSIONS[scene.flown.satellite]),
            el("DATATAKE_TYPE", "INS-NOBS"),
            el("DATATAKE_SENSING_START", stamp(scene)),
            el("SENSING_ORBIT_NUMBER", scene.flown.relative_orbit),
            el("SENSING_ORBIT_DIRECTION", "DESCENDING"),
        ],
        datatakeIdentifier=scene.datatake_id,
    )


def _characteristics(scene: Scene) -> Element:
    special = [
        el("Special_Values", [el("SPECIAL_VALUE_TEXT", text), el("SPECIAL_VALUE_INDEX", value)])
        for text, value in (("NODATA", 0), ("SATURATED", 65535))
    ]
    order = [el("RED_CHANNEL", 3), el("GREEN_CHANNEL", 2), el("BLUE_CHANNEL", 1)]
    quantities = [
        el("BOA_QUANTIFICATION_VALUE", facts.QUANTIFICATION, unit="none"),
        el("AOT_QUANTIFICATION_VALUE", "1000.0", unit="none"),
        el("WVP_QUANTIFICATION_VALUE", "1000.0", unit="cm"),
    ]
    offsets = [el("BOA_ADD_OFFSET", facts.OFFSET, band_id=band.index) for band in facts.BANDS]
    classes = [
        el("Scene_Classification_ID", [el("SCENE_CLASSIFICATION_TEXT", text), el("SCENE_CLASSIFICATION_INDEX", number)])
        for number, text in enumerate(facts.CLASSES)
    ]
    return el(
        "Product_Image_Characteristics",
        [
            *special,
            el("Image_Display_Order", order),
            el("QUANTIFICATION_VALUES_LIST", quantities),
            el("BOA_ADD_OFFSET_VALUES_LIST", offsets),
            el("Reflectance_Conversion", _sunlight(scene)),
            el("Spectral_Information_List", [_spectrum(band) for band in facts.BANDS]),
            *(el("PHYSICAL_GAINS", band.gain, bandId=band.index) for band in facts.BANDS),
            el("REFERENCE_BAND", 3),
            el("Scene_Classification_List", classes),
        ],
    )


def _sunlight(scene: Scene) -> list[Element]:
    solar = [el("SOLAR_IRRADIANCE", band.solar, bandId=band.index, unit="W/m²/µm") for band in facts.BANDS]
    return [el("U", round(scene.flown.sun_factor, 15)), el("Solar_Irradiance_List", solar)]


def _spectrum(band: Band) -> Element:
    """Limits as published; the response between them is a raised cosine here."""
    low, high = band.range_nm
    middle, half = (low + high) / 2, (high - low) / 2 + 1
    values = [0.5 + 0.5 * math.cos(math.pi * (nm - middle) / half) for nm in range(low, high + 1)]
    wavelength = [el("MIN", low, unit="nm"), el("MAX", high, unit="nm"), el("CENTRAL", band.center_nm, unit="nm")]
    response = [el("STEP", 1, unit="nm"), el("VALUES", " ".join(f"{value:.6f}" for value in values))]
    return el(
        "Spectral_Information",
        [
            el("RESOLUTION", NATIVE[band.name]),
            el("Wavelength", wavelength),
            el("Spectral_Response", response),
        ],
        bandId=band.index,
        physicalBand=band.physical,
    )


def positions(scene: Scene) -> str:
    """Outline as the agency writes it: latitude and longitude, clockwise."""
    return "".join(f"{lat:.9f} {lon:.7f} " for lon, lat in reversed(scene.outline))


def _geometry(scene: Scene) -> list[Element]:
    footprint = [
        el("Product_Footprint", [el("Global_Footprint", [el("EXT_POS_LIST", positions(scene))])]),
        el("RASTER_CS_TYPE", "POINT"),
        el("PIXEL_ORIGIN", 1),
    ]
    reference = [el("GEO_TABLES", "EPSG", version=1), el("HORIZONTAL_CS_TYPE", "GEOGRAPHIC")]
    return [el("Product_Footprint", footprint), el("Coordinate_Reference_System", reference)]


def _auxiliary() -> list[Element]:
    return [
        el(
            "GIPP_List",
            [el("GIPP_FILENAME", "simulated by gigascene; not an observation", type="none", version="0000")],
        ),
        el("PRODUCTION_DEM_TYPE", "gigascene"),
        el("IERS_BULLETIN_FILENAME", "None"),
        el("GRI_List", [el("GRI_FILENAME", "None")]),
        el("ECMWF_DATA_REF", "None"),
        el("LUT_List", [el("LUT_FILENAME", "None")]),
        el("SNOW_CLIMATOLOGY_MAP", "None"),
        el("ESACCI_WaterBodies_Map", "None"),
        el("ESACCI_LandCover_Map", "None"),
        el("ESACCI_SnowCondition_Map_Dir", "None"),
    ]


def _quality(counts: Counts) -> list[Element]:
    technical = [el("DEGRADED_ANC_DATA_PERCENTAGE", "0.0"), el("DEGRADED_MSI_DATA_PERCENTAGE", 0)]
    inspections = [el("quality_check", "PASSED", checkType=name) for name in CHECKS]
    return [
        el("Cloud_Coverage_Assessment", f"{counts.clouds:.6f}"),
        el("Technical_Quality_Assessment", technical),
        el("Quality_Control_Checks", [el("Quality_Inspections", inspections), el("Failed_Inspections")]),
        el("Image_Content_QI", content_quality(counts)),
    ]


def content_quality(counts: Counts) -> list[Element]:
    """What was counted, in the order of the agency."""
    names = (
        ("NODATA_PIXEL", 0), ("SATURATED_DEFECTIVE_PIXEL", 1), ("DARK_FEATURES", 2), ("CLOUD_SHADOW", 3),
        ("VEGETATION", 4), ("NOT_VEGETATED", 5), ("WATER", 6), ("UNCLASSIFIED", 7), ("MEDIUM_PROBA_CLOUDS", 8),
        ("HIGH_PROBA_CLOUDS", 9), ("THIN_CIRRUS", 10), ("SNOW_ICE", 11),
    )  # fmt: skip
    return [
        el("CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", f"{counts.clouds_over_land:.6f}"),
        *(el(f"{name}_PERCENTAGE", f"{counts.percent(number):.6f}") for name, number in names),
        *(el(f"{name}_ACCURACY", "0.0") for name in ("RADIATIVE_TRANSFER", "WATER_VAPOUR_RETRIEVAL", "AOT_RETRIEVAL")),
        el("AOT_RETRIEVAL_METHOD", "CAMS"),
        el("GRANULE_MEAN_AOT", MEAN_AOT),
        el("GRANULE_MEAN_WV", MEAN_WATER_CM),
        el("OZONE_SOURCE", "AUX_ECMWFT"),
        el("OZONE_VALUE", "320.0"),
    ]


def datastrip(scene: Scene) -> str:
    """``MTD_DS.xml``, as far as readers look into it."""
    station = scene.datastrip_id.split("_")[5]
    times = [el("DATASTRIP_SENSING_START", stamp(scene)), el("DATASTRIP_SENSING_STOP", stamp(scene))]
    baseline = [el("UTC_DATE_TIME", f"{scene.generated:%Y-%m-%dT%H:%M:%S}.000000Z"), el("PROCESSING_CENTER", station)]
    return root(
        "Level-2A_DataStrip_ID",
        "S2_PDI_Level-2A_Datastrip_Metadata.xsd",
        [
            el(
                "n1:General_Info",
                [
                    datatake(scene),
                    el("Datastrip_Time_Info", times),
                    el("Processing_Info", [*baseline, el("PROCESSING_BASELINE", facts.BASELINE)]),
                ],
            ),
            el("n1:Quality_Indicators_Info", [el("Geometric_Info", "None")]),
        ],
    )
