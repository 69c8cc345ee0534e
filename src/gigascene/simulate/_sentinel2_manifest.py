"""``manifest.safe``: every file of a Sentinel-2 product with its size and checksum; and the small files that only it names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate import _sentinel2_files as files
from gigascene.simulate._sentinel2_product_xml import MISSIONS, positions, stamp
from gigascene.simulate._sentinel2_scene import Scene
from gigascene.simulate._xml import Element, document, el

_CHUNK = 1 << 20

_NUMBERS = {"S2A": "2015-000A", "S2B": "2017-000A"}
"""Identifiers of the satellites in the manifests."""

_REPORTS = {
    "FORMAT_CORRECTNESS": "Format_OLQC_Report",
    "GENERAL_QUALITY": "General_OLQC_Report",
    "GEOMETRIC_QUALITY": "Geometric_OLQC_Report",
    "RADIOMETRIC_QUALITY": "Radiometric_OLQC_Report",
    "L2A_QUALITY": "L2A_QUALITY_OLQC_Report",
    "SENSOR_QUALITY": "Sensor_OLQC_Report",
}


def texts(scene: Scene) -> dict[str, str]:
    """Small files: reports of checks that were not needed, catalogue entry, page for browsers; path → content."""
    strip, granule = files.datastrip(scene), f"GRANULE/{scene.granule}"
    found = {f"{granule}/QI_DATA/{name}.xml": report(scene, name) for name in (*files.REPORTS, "L2A_QUALITY")}
    found |= {f"{strip}/QI_DATA/{name}.xml": report(scene, name) for name in (*files.REPORTS, "RADIOMETRIC_QUALITY")}
    page = f"<html><head><title>{scene.product}</title></head><body>Simulated by gigascene; not an observation.</body></html>"
    return found | {"INSPIRE.xml": inspire(scene), "HTML/UserProduct_index.html": page + "\n"}


def report(scene: Scene, name: str) -> str:
    """A report of the quality control."""
    made = f"{scene.generated:%Y-%m-%dT%H:%M:%S}"
    header = [
        el("File_Name", f"{name}.xml"),
        el("File_Description", "Simulated by gigascene; nothing was checked"),
        el("Mission", scene.flown.satellite),
        el("File_Class", "OPER"),
        el("File_Type", "REP_OLQCPA"),
        el("Source", [el("System", "gigascene"), el("Creation_Date", f"UTC={made}")]),
    ]
    checks = [el("checkList", [el("name", name), el("version", "1.0")])]
    body = [el("report", checks, gippVersion="1.0", globalStatus="PASSED", date=f"{made}.000Z")]
    content = [
        el("Earth_Explorer_Header", [el("Fixed_Header", header)]),
        el("Data_Block", body, type="xml"),
    ]
    return document(("Earth_Explorer_File", {"xmlns": "http://gs2.esa.int/DATA_STRUCTURE/olqcReport"}, content))


def inspire(scene: Scene) -> str:
    """Catalogue entry (ISO 19139): title, outline, box."""
    lons, lats = [x for x, _ in scene.outline], [y for _, y in scene.outline]
    bounds = {
        "westBoundLongitude": min(lons),
        "eastBoundLongitude": max(lons),
        "southBoundLatitude": min(lats),
        "northBoundLatitude": max(lats),
    }
    box = [el(f"gmd:{name}", [el("gco:Decimal", f"{value:.9f}")]) for name, value in bounds.items()]
    extent = _inside(
        "gmd:extent", "gmd:EX_Extent", "gmd:geographicElement", content=[el("gmd:EX_GeographicBoundingBox", box)]
    )
    citation = _inside(
        "gmd:citation", "gmd:CI_Citation", "gmd:title", content=[el("gco:CharacterString", scene.product)]
    )
    abstract = el("gmd:abstract", [el("gco:CharacterString", positions(scene))])
    spaces = {"xmlns:gco": "http://www.isotc211.org/2005/gco", "xmlns:gmd": "http://www.isotc211.org/2005/gmd"}
    identification = _inside(
        "gmd:identificationInfo", "gmd:MD_DataIdentification", content=[citation, abstract, extent]
    )
    return document(("gmd:MD_Metadata", spaces, [identification]))


def manifest(scene: Scene, folder: Path) -> str:
    """The manifest of all files that lie in `folder` now."""
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = {path: _name(path) for path in paths}
    spaces = {
        "xmlns:gml": "http://www.opengis.net/gml",
        "xmlns:safe": "http://www.esa.int/safe/sentinel/1.1",
        "xmlns:xfdu": "urn:ccsds:schema:xfdu:1",
        "version": "esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product",
    }
    package = (
        "xfdu:contentUnit",
        {
            "dmdID": "acquisitionPeriod platform",
            "pdiID": "processing",
            "textInfo": "SENTINEL-2 MSI Level-2A User Product",
            "unitType": "Product_Level-2A",
        },
        _package(names),
    )
    content = [
        el("informationPackageMap", [package]),
        el("metadataSection", [*_metadata(scene), *_pointers(names)]),
        el("dataObjectSection", [_object(folder, path, name) for path, name in names.items()]),
    ]
    return document(("xfdu:XFDU", spaces, content))


def _package(names: dict[str, str]) -> list[Element]:
    """All files, in containers within containers; `names` are their identifiers by path."""
    parts: dict[str, list[Element]] = {}
    for path, name in names.items():
        parts.setdefault(_container(path), []).append(_unit(name))
    tile = [
        *parts.pop("tile"),
        _units("IMG_Data_Tile1", "Image Data Container", parts.pop("images")),
        _units("QI_Data_Tile1", "Quality Control Container", parts.pop("masks")),
    ]
    strip = [*parts.pop("strip"), _units("QI_DATA_Datastrip1", "Quality Control Container", parts.pop("reports"))]
    return [
        *parts.pop("product"),
        _units("Datastrips", "Datastrips Container", [_units("Datastrip1", "Datastrip Container", strip)]),
        _units("Tiles", "Tiles Container", [_units("Tile1", "Tile Container", tile)]),
    ]


def _container(path: str) -> str:
    if "/IMG_DATA/" in path:
        return "images"
    if path.startswith("DATASTRIP"):
        return "reports" if "/QI_DATA/" in path else "strip"
    if path.startswith("GRANULE"):
        return "masks" if "/QI_DATA/" in path else "tile"
    return "product"


def _units(name: str, text: str, content: list[Element]) -> Element:
    return el("xfdu:contentUnit", content, ID=name, textInfo=text)


def _unit(name: str) -> Element:
    pointer = el("dataObjectPointer", dataObjectID=name)
    kind = "Metadata Unit" if name.endswith("Metadata") else "Measurement Data Unit"
    return el(
        "xfdu:contentUnit", [pointer], ID=f"{name.removesuffix('_Data').removesuffix('Data')}_Unit", unitType=kind
    )


def _object(folder: Path, path: str, name: str) -> Element:
    kind = {".xml": "text/xml", ".jp2": "application/octet-stream"}.get(Path(path).suffix, "octet")
    place = el("fileLocation", href=f"./{path}", locatorType="URL")
    checksum = el("checksum", _digest(folder / path), checksumName="SHA3-256")
    size = (folder / path).stat().st_size
    return el("dataObject", [el("byteStream", [place, checksum], mimeType=kind, size=size)], ID=name)


def _digest(path: Path) -> str:
    digest = hashlib.sha3_256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _name(path: str) -> str:
    """Identifier of a file in the manifest."""
    stem, fixed = Path(path).stem, {
        "MTD_MSIL2A.xml": "S2_Level-2A_Product_Metadata",
        "INSPIRE.xml": "INSPIRE_Metadata",
        "HTML/UserProduct_index.html": "HTML_Presentation",
    }  # fmt: skip
    if path in fixed:
        return fixed[path]
    where = "Datastrip1" if path.startswith("DATASTRIP") else "Tile1"
    if stem in {"MTD_DS", "MTD_TL"}:
        return f"S2_Level-2A_{where}_Metadata"
    if stem in _REPORTS:
        return f"{_REPORTS[stem]}_{where}_InformationData"
    if "/IMG_DATA/" in path:
        _, _, band, gsd = stem.split("_")
        return f"IMG_DATA_Band_{band}_{gsd}_{where}_Data"
    return _mask_name(stem)


def _mask_name(stem: str) -> str:
    """Masks and preview; detector footprints and quality masks are numbered among their resolution, and among all."""
    if stem.endswith("PVI"):
        return "Preview_0_Tile1_Data"
    _, kind, of = stem.split("_")
    fixed = {"CLASSI": "ClassiPixelsMask_Band_00m_0", "CLDPRB": "CloudPrbMask", "SNWPRB": "SnowPrbMask"}
    if kind in fixed:
        return f"{fixed[kind]}{'_1' if of == '60m' else ''}_Tile1_Data"
    gsd = files.NATIVE[of]
    among = [band for band, other in files.NATIVE.items() if other == gsd].index(of) + 1
    every = sorted(files.NATIVE).index(of)
    names = {"DETFOO": "DetectorFootprintMask", "QUALIT": "QualitPixelsMask"}
    return f"{names[kind]}_Band_{gsd}m_{among}{f'_{every}' if every else ''}_Tile1_Data"


def _inside(*names: str, content: list[Element]) -> Element:
    """Elements within one another."""
    *outer, last = names
    found = el(last, content)
    for name in reversed(outer):
        found = el(name, [found])
    return found


def _metadata(scene: Scene) -> list[Element]:
    flown = scene.flown
    orbit = [
        ("safe:orbitNumber", {"groundTrackDirection": "descending", "type": "start"}, f"{flown.orbit:06d}"),
        ("safe:relativeOrbitNumber", {"type": "start"}, f"{flown.relative_orbit:03d}"),
    ]
    instrument = el("safe:familyName", "Multi-Spectral Instrument", abbreviation="MSI")
    platform = [
        el("safe:nssdcIdentifier", _NUMBERS[flown.satellite]),
        el("safe:familyName", "SENTINEL"),
        el("safe:number", MISSIONS[flown.satellite].removeprefix("Sentinel-")),
        el("safe:instrument", [instrument]),
    ]
    frame = el(
        "safe:footPrint",
        [el("gml:coordinates", positions(scene))],
        srsName="http://www.opengis.net/gml/srs/epsg.xml#4326",
    )
    made = f"{scene.generated:%Y-%m-%dT%H:%M:%S}.000000Z"
    processing = el(
        "safe:processing",
        [el("safe:facility", name=f"gigascene simulate, as baseline {facts.BASELINE}")],
        name="Generation of Level-2A User Product",
        start=made,
    )
    return [
        _wrapped("acquisitionPeriod", [el("safe:acquisitionPeriod", [el("safe:startTime", stamp(scene))])]),
        _wrapped("measurementOrbitReference", [el("safe:orbitReference", orbit)]),
        _wrapped("platform", [el("safe:platform", platform)]),
        _wrapped("processing", [processing], category="PDI", classification="PROVENANCE"),
        _wrapped("measurementFrameSet", [el("safe:frameSet", [frame])]),
    ]


def _pointers(names: dict[str, str]) -> list[Element]:
    """Metadata that are files of their own."""
    return [
        el(
            "metadataObject",
            [el("dataObjectPointer", dataObjectID=name)],
            ID=f"{name}_Information",
            category="DMD",
            classification="DESCRIPTION",
        )
        for name in names.values()
        if name.endswith("Metadata")
    ]


def _wrapped(
    name: str, content: list[Element], *, category: str = "DMD", classification: str = "DESCRIPTION"
) -> Element:
    wrap = el(
        "metadataWrap", [el("xmlData", content)], mimeType="text/xml", textInfo=name, vocabularyName="Sentinel-SAFE"
    )
    return el("metadataObject", [wrap], ID=name, category=category, classification=classification)
