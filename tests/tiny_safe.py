"""Sentinel-2 products true to format, with bands of a few pixels: SAFE folders and zip files, old names and new."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
NATIVE = dict(zip(BANDS, [60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20], strict=True))
LEVEL2A = {
    **dict.fromkeys(("B02", "B03", "B04"), (10, 20, 60)),
    **dict.fromkeys(("B01", "B05", "B06", "B07", "B8A", "B11", "B12"), (20, 60)),
    "B08": (10,),
    "B09": (60,),
}
ORIGIN = 600000, 5200020
SIDE = 240
"""Pixels of 10 m."""

TILE = "T32TMT"
TIME = "20230815T102031"


def dn(band, size, side=SIDE):
    """Numbers that tell band and place: 0 in the first columns, 65535 in one place, dark and bright between."""
    count = side * 10 // size
    y, x = np.mgrid[:count, :count].astype(float) * size / 10
    field = 1000 + 40 * BANDS.index(band) + 12 * x + 7 * y + 900 * np.sin(x / 9) * np.cos(y / 13)
    found = field.clip(1, 9000).astype("uint16")
    found[:, : 24 * 10 // size] = 0
    found[-1, -1] = 65535
    return found


def scl(size, side=SIDE):
    """Twelve columns of classes, 0 to 11."""
    count = side * 10 // size
    return (np.arange(count) * 12 // count).astype("uint8")[None].repeat(count, 0).copy()


def write_jp2(path, data, size, origin=ORIGIN, crs="EPSG:32632"):
    """A lossless JPEG 2000 file, as the agency's: tiled, georeferenced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = data if data.ndim == 3 else data[None]
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        width=data.shape[2],
        height=data.shape[1],
        count=data.shape[0],
        dtype=data.dtype,
        crs=crs,
        transform=Affine(size, 0, origin[0], 0, -size, origin[1]),
        QUALITY=100,
        REVERSIBLE="YES",
        YCBCR420="NO",
        BLOCKXSIZE=64,
        BLOCKYSIZE=64,
    ) as target:
        target.write(data)
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)


def offsets(level, values):
    name = "BOA_ADD_OFFSET" if level == "2A" else "RADIO_ADD_OFFSET"
    around = "BOA_ADD_OFFSET_VALUES_LIST" if level == "2A" else "Radiometric_Offset_List"
    inside = "".join(f'<{name} band_id="{number}">{value}</{name}>' for number, value in values.items())
    return f"<{around}>{inside}</{around}>" if values else ""


def quantification(level):
    if level == "1C":
        return '<QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>'
    return (
        '<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>'
        '<AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>'
    )


def spectral():
    return "".join(
        f'<Spectral_Information bandId="{number}" physicalBand="{band.replace("B0", "B")}">'
        f'<Wavelength><CENTRAL unit="nm">{440 + 10 * number}</CENTRAL></Wavelength></Spectral_Information>'
        for number, band in enumerate(BANDS)
    )


def product_xml(level, granules, *, baseline="05.09", platform="Sentinel-2B", uri="", values=None, footprint=None):
    """Product metadata; `granules` are XML of the granule list."""
    ring = footprint or "46.9 7.3 46.9 7.4 46.8 7.4 46.8 7.3 46.9 7.3"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2023-08-15T10:20:31.024Z</PRODUCT_START_TIME><PRODUCT_URI>{uri}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>{platform}</SPACECRAFT_NAME><SENSING_ORBIT_NUMBER>65</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Product_Organisation>{granules}</Product_Organisation></Product_Info>
<Product_Image_Characteristics>{quantification(level)}{offsets(level, values or {})}
<Spectral_Information_List>{spectral()}</Spectral_Information_List></Product_Image_Characteristics></n1:General_Info>
<n1:Geometric_Info><Product_Footprint><Product_Footprint><Global_Footprint><EXT_POS_LIST>{ring}</EXT_POS_LIST>
</Global_Footprint></Product_Footprint></Product_Footprint></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>"""


def tile_xml(level, tile=TILE, masks=(), side=SIDE):
    """Metadata of one granule."""
    sizes = "".join(
        f'<Size resolution="{size}"><NROWS>{side * 10 // size}</NROWS><NCOLS>{side * 10 // size}</NCOLS></Size>'
        f'<Geoposition resolution="{size}"><ULX>{ORIGIN[0]}</ULX><ULY>{ORIGIN[1]}</ULY><XDIM>{size}</XDIM>'
        f"<YDIM>-{size}</YDIM></Geoposition>"
        for size in (10, 20, 60)
    )
    files = "".join(f'<MASK_FILENAME type="MSK_CLASSI">{name}</MASK_FILENAME>' for name in masks)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID>S2B_OPER_MSI_L{level}_TL_2BPS_20230815T123456_A033640_{tile}_N05.09</TILE_ID></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>EPSG:32632</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE unit="deg">35.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">150.25</AZIMUTH_ANGLE>
</Mean_Sun_Angle></Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Pixel_Level_QI>{files}</Pixel_Level_QI></n1:Quality_Indicators_Info>
</n1:Level-{level}_Tile_ID>"""


def manifest(root, algorithm="SHA3-256"):
    """Checksums of every file."""
    hasher = {"SHA3-256": hashlib.sha3_256, "MD5": hashlib.md5}[algorithm]
    objects = "".join(
        f'<dataObject><byteStream><fileLocation href="./{file.relative_to(root).as_posix()}"/>'
        f'<checksum checksumName="{algorithm}">{hasher(file.read_bytes()).hexdigest()}</checksum></byteStream></dataObject>'
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.name != "manifest.safe"
    )
    text = f"<XFDU><dataObjectSection>{objects}</dataObjectSection></XFDU>"
    (root / "manifest.safe").write_text(text)


CLOUDY = "600240 5199780 601200 5199780 601200 5199180 600240 5199180 600240 5199780"
HOLE = "600480 5199600 600720 5199600 600720 5199360 600480 5199360 600480 5199600"
THIN = "601200 5199780 601800 5199780 601800 5199000 601200 5199780"


def clouds_gml():
    """An opaque cloud with a hole and a triangle of cirrus, as before baseline 04.00."""

    def feature(kind, outer, inner=None):
        ring = "<gml:LinearRing><gml:posList srsDimension='2'>{}</gml:posList></gml:LinearRing>"
        hole = f"<gml:interior>{ring.format(inner)}</gml:interior>" if inner else ""
        return (
            f"<eop:MaskFeature gml:id='{kind}.0'><eop:maskType codeSpace='urn:gs2:S2PDGS:maskType'>{kind}</eop:maskType>"
            f"<eop:extentOf><gml:Polygon gml:id='{kind}.0_Polygon'><gml:exterior>{ring.format(outer)}</gml:exterior>{hole}"
            "</gml:Polygon></eop:extentOf></eop:MaskFeature>"
        )

    return (
        "<eop:Mask xmlns:eop='http://www.opengis.net/eop/2.0' xmlns:gml='http://www.opengis.net/gml/3.2'>"
        f"<eop:maskMembers>{feature('OPAQUE', CLOUDY, HOLE)}{feature('CIRRUS', THIN)}</eop:maskMembers></eop:Mask>"
    )


def write_l2a(folder, *, bands=LEVEL2A, leave_out=(), baseline="05.09", offset=-1000, checksums="SHA3-256", **xml):
    """A level 2A product; `leave_out` are listed files that are not written, such as ``"B04_10m"``."""
    name = f"S2B_MSIL2A_{TIME}_N{baseline.replace('.', '')}_R065_{TILE}_20230815T123456.SAFE"
    root, granule = Path(folder) / name, f"L2A_{TILE}_A033640_{TIME}"
    images = Path("GRANULE") / granule / "IMG_DATA"
    listed = []
    for band, size in [*((band, size) for band, sizes in bands.items() for size in sizes), ("SCL", 20), ("SCL", 60)]:
        stem = images / f"R{size}m" / f"{TILE}_{TIME}_{band}_{size}m"
        listed.append(stem.as_posix())
        if f"{band}_{size}m" not in leave_out:
            write_jp2(root / f"{stem}.jp2", scl(size) if band == "SCL" else dn(band, size), size)
    values = dict.fromkeys(range(13), offset) if offset else {}
    _write(root, "2A", granule, listed, name, values, baseline, xml)
    if checksums:
        manifest(root, checksums)
    return root


def write_l1c(folder, *, bands=NATIVE, baseline="05.09", offset=-1000, masks="classi", checksums="MD5", **xml):
    """A level 1C product, named as since December 2016; masks as ``"classi"`` (JP2), ``"gml"``, or none."""
    name = f"S2B_MSIL1C_{TIME}_N{baseline.replace('.', '')}_R065_{TILE}_20230815T123456.SAFE"
    root, granule = Path(folder) / name, f"L1C_{TILE}_A033640_{TIME}"
    listed = [f"GRANULE/{granule}/IMG_DATA/{TILE}_{TIME}_{band}" for band in bands]
    for band, stem in zip(bands, listed, strict=True):
        write_jp2(root / f"{stem}.jp2", dn(band, bands[band]), bands[band])
    quality = root / "GRANULE" / granule / "QI_DATA"
    named = _write_masks(quality, masks)
    values = dict.fromkeys(range(13), offset) if offset else {}
    _write(root, "1C", granule, listed, name, values, baseline, xml, named)
    if checksums:
        manifest(root, checksums)
    return root


def classi(side=SIDE):
    """Opaque clouds, cirrus and snow at 60 m, a third of the rows each."""
    count = side // 6
    layers = np.zeros((3, count, count), "uint8")
    for number in range(3):
        layers[number, number * 12 : number * 12 + 8, 8:] = 1
    return layers


def _write_masks(quality, masks):
    if masks == "classi":
        write_jp2(quality / "MSK_CLASSI_B00.jp2", classi(), 60)
        return [f"GRANULE/{quality.parent.name}/QI_DATA/MSK_CLASSI_B00.jp2"]
    if masks == "gml":
        quality.mkdir(parents=True, exist_ok=True)
        (quality / "MSK_CLOUDS_B00.gml").write_text(clouds_gml())
        return [f"GRANULE/{quality.parent.name}/QI_DATA/MSK_CLOUDS_B00.gml"]
    return []


def _write(root, level, granule, listed, name, values, baseline, xml, masks=()):
    files = "".join(f"<IMAGE_FILE>{stem}</IMAGE_FILE>" for stem in listed)
    id = f"S2B_OPER_MSI_L{level}_TL_2BPS_20230815T123456_A033640_{TILE}_N{baseline}"
    granules = (
        f'<Granule_List><Granule granuleIdentifier="{id}" imageFormat="JPEG2000">{files}</Granule></Granule_List>'
    )
    (root / "GRANULE" / granule).mkdir(parents=True, exist_ok=True)
    product = product_xml(level, granules, baseline=baseline, uri=name, **{"values": values, **xml})
    (root / f"MTD_MSIL{level}.xml").write_text(product)
    (root / "GRANULE" / granule / "MTD_TL.xml").write_text(tile_xml(level, masks=masks))


def write_old_l1c(folder, tiles=("T32TMT", "T32TLT")):
    """A product of several tiles, named as before December 2016; the second has half the numbers of the first."""
    root = Path(folder) / "S2A_OPER_PRD_MSIL1C_PDMC_20160913T214323_R008_V20160913T101022_20160913T101022.SAFE"
    granules = ""
    for number, tile in enumerate(tiles):
        stem = f"S2A_OPER_MSI_L1C_TL_SGS__20160913T154240_A006402_{tile}"
        inside = root / "GRANULE" / f"{stem}_N02.04"
        for band in ("B02", "B03", "B04"):
            write_jp2(inside / "IMG_DATA" / f"{stem}_{band}.jp2", dn(band, 10) // (number + 1), 10)
        (inside / "QI_DATA").mkdir()
        clouds = f"S2A_OPER_MSK_CLOUDS_SGS__20160913T154240_A006402_{tile}_B00_MSIL1C.gml"
        (inside / "QI_DATA" / clouds).write_text(clouds_gml())
        (inside / f"{stem.replace('_MSI_', '_MTD_')}.xml").write_text(tile_xml("1C", tile))
        images = "".join(f"<IMAGE_ID>{stem}_{band}</IMAGE_ID>" for band in ("B02", "B03", "B04"))
        granules += f'<Granule_List><Granules granuleIdentifier="{stem}_N02.04">{images}</Granules></Granule_List>'
    text = product_xml("1C", granules, baseline="02.04", platform="Sentinel-2A")
    (root / "S2A_OPER_MTD_SAFL1C_PDMC_20160913T214323_R008_V20160913T101022_20160913T101022.xml").write_text(text)
    return root


def zipped(root, compression=zipfile.ZIP_STORED):
    """The product as one zip file beside it."""
    path = root.with_name(f"{root.name.removesuffix('.SAFE')}.zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, f"{root.name}/{file.relative_to(root).as_posix()}")
    return path
