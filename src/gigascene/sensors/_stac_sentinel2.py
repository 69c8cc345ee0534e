"""Sentinel-2 from STAC items: earth-search v0 and v1, Collection 1, Planetary Computer, CDSE, and what stactools makes.

Scale and offset are not taken from the item, for they are wrong both ways: before processing
baseline 04.00 there is no offset; from then on the pixels decide whether it has been subtracted
(`_offset_referee`), unless the user says. The question stands in the scene's property
``gigascene:offset`` until `decided` has answered it; till then no band gives reflectance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gigascene.metadata.stac_items import Item, ItemAsset
from gigascene.model.errors import BadInput, Broken, UsageError
from gigascene.model.scene import OFFSET, Calibration, Scene
from gigascene.model.sensor import Band
from gigascene.readers.decimated import decimated
from gigascene.sensors import _offset_referee, _stac
from gigascene.sensors._sentinel2_bands import LEVEL1C, LEVEL2A, NODATA, band_masks, scene_class_masks
from gigascene.sensors._stac_file import Located

QUANTIFICATION = 10_000
STATES = ("applied", "raw")

SIDE = 384
"""Pixels of the decimated read that the referee sees."""

_NAMES = {band.name: band.key for band in LEVEL1C}
_COMMON = _NAMES | {"rededge1": "B05", "rededge2": "B06", "rededge3": "B07"}
"""Common names that mean one band. ``rededge`` alone means any of four: there the asset's own name decides."""

_KEY = re.compile(r"(?P<band>B(?:0[1-9]|1[0-2]|8A)|SCL|AOT|WVP)(?:_(?:10|20|60)m)?(?:\.tiff?|\.jp2)?", re.IGNORECASE)
"""What archives call their assets: ``B04`` (earth-search v0, Planetary Computer), ``B04_10m`` (CDSE)."""

_ALIASES = re.compile(
    rf"(?P<name>{'|'.join(sorted(_COMMON, key=len, reverse=True))}|scl|aot|wvp)(?:[-_](?:jp2|(?:10|20|60)m))*"
)
"""``red``, ``red-jp2`` (earth-search v1), ``red_20m`` (stactools)."""

_BASELINE = re.compile(r"_N(\d\d)\.?(\d\d)(?:_|$)")


SAY = "Say --offset applied (no offset is left in the numbers) or --offset raw (it still is)."


def knows(item: Item) -> bool:
    """True for an item of Sentinel-2."""
    said = " ".join(str(item.properties.get(key, "")) for key in ("platform", "constellation")).lower()
    return "sentinel-2" in said.replace(" ", "-") or bool(re.match(r"sentinel-?(s?2)", item.collection.lower()))


def level(item: Item) -> str:
    """``"1C"`` or ``"2A"``."""
    names = (item.properties.get(key) for key in ("s2:product_type", "s2:product_uri", "sentinel:product_id"))
    for said in (*names, item.collection, item.id):
        found = re.search(r"(1C|2A)", str(said or "").upper())
        if found:
            return found[1]
    raise BadInput("does not say whether it is of level 1C or 2A", item.id)


def scene_of(located: Located, offset: str = "") -> Scene:
    """The scene of an item. `offset`: ``"applied"`` or ``"raw"`` as the user says, or empty."""
    if offset and offset not in STATES:
        raise UsageError(f"--offset is {' or '.join(STATES)}, not {offset!r}")
    item = located.item
    bands = LEVEL1C if level(item) == "1C" else LEVEL2A
    chosen = _stac.best(item.assets, key_of)
    question = asked(item, chosen, offset)
    states = {key: question["state"] if offset else known(item, asset) for key, asset in chosen.items()}
    spectral = [
        _spectral(chosen[band.key], band, _calibrations(states[band.key] or question["state"]))
        for band in bands
        if band.key in chosen
    ]
    quality = [_quality(chosen[key], key) for key in ("SCL", "AOT", "WVP") if key in chosen]
    return _stac.scene(
        located,
        [*spectral, *quality],
        sensor=f"sentinel2-l{level(item).lower()}",
        platform=str(item.properties.get("platform", "sentinel-2")).lower().replace(" ", "-"),
        bands=bands,
        masks=band_masks() | (scene_class_masks("SCL") if "SCL" in chosen else {}),
        properties={OFFSET: question},
    )


def key_of(asset: ItemAsset) -> str | None:
    """The band an asset holds: by its common name, else by the archive's own name for it."""
    told = asset.bands[0]
    if told.common_name in _COMMON:
        return _COMMON[told.common_name]
    for name in (asset.key, told.name):
        found = _KEY.fullmatch(name)
        if found:
            return found["band"].upper()
        alias = _ALIASES.fullmatch(name)
        if alias:
            return _COMMON.get(alias["name"], alias["name"].upper())
    return None


def _spectral(asset: ItemAsset, band: Band, calibrations: Mapping[str, Calibration]) -> _stac.Wanted:
    return _stac.Wanted(key=band.key, asset=asset, dtype="uint16", nodata=NODATA, calibrations=calibrations, band=band)


def _quality(asset: ItemAsset, key: str) -> _stac.Wanted:
    return _stac.Wanted(key=key, asset=asset, dtype="uint8" if key == "SCL" else "uint16", nodata=NODATA)


def _calibrations(state: str) -> dict[str, Calibration]:
    if state == "open":
        return {}
    offset = -_offset_referee.OFFSET / QUANTIFICATION if state == "raw" else 0.0
    return {"reflectance": Calibration(scale=1 / QUANTIFICATION, offset=offset)}


def asked(item: Item, chosen: Mapping[str, ItemAsset], offset: str) -> dict[str, str]:
    """How the offset stands before a pixel is seen: ``state`` (none, applied, raw, open), ``why``, and what the catalogue says."""
    said = {"catalogue": _catalogue(item, chosen)}
    if offset:
        return {"state": offset, "why": "the user said so", **said}
    baselines = _baselines(item)
    told = ", ".join(f"{one:.2f}".zfill(5) for one in sorted(baselines))
    if baselines and max(baselines) < 4:
        return {"state": "none", "why": f"processing baseline {told}: there is no offset before 04.00", **said}
    spectral = [asset for key, asset in chosen.items() if key.startswith("B")]
    if spectral and all(known(item, asset) == "raw" for asset in spectral):
        return {"state": "raw", "why": f"JPEG 2000 as the agency packs it, of processing baseline {told}", **said}
    if baselines and min(baselines) >= 4 and level(item) == "1C":
        return {"state": "raw", "why": f"level 1C of processing baseline {told}, which no archive rewrites", **said}
    if baselines and min(baselines) >= 4 and item.collection == "sentinel-2-c1-l2a":
        return {"state": "raw", "why": "this collection keeps the stored numbers of Collection 1", **said}
    return {"state": "open", "why": f"processing baseline {told or 'unknown'}: the pixels must decide", **said}


def known(item: Item, asset: ItemAsset) -> str:
    """The state of one asset, where nothing need be asked: archives write bands anew as GeoTIFF, and leave JPEG 2000 as it is.

    Empty where it is not known.
    """
    baselines = _baselines(item)
    return "raw" if baselines and min(baselines) >= 4 and _stac.is_jpeg2000(asset) else ""


def _baselines(item: Item) -> set[float]:
    """Processing baselines by all that names one; more than one where a scene has been processed again."""
    stated = [
        item.properties.get(key)
        for key in ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
    ]
    found = {float(text) for text in map(str, stated) if re.fullmatch(r"\d\d?\.\d\d?", text)}
    names = ("s2:product_uri", "sentinel:product_id", "s2:datatake_id", "s2:granule_id", "s2:tile_id")
    for said in (*(item.properties.get(key) for key in names), item.id):
        match = _BASELINE.search(str(said or "").removesuffix(".SAFE"))
        if match:
            found.add(float(f"{match[1]}.{match[2]}"))
    return found


def _catalogue(item: Item, chosen: Mapping[str, ItemAsset]) -> str:
    """What the item claims, in words; it decides nothing."""
    flags = [
        f"{key} {str(item.properties[key]).lower()}"
        for key in ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
        if key in item.properties
    ]
    told = (asset.bands[0].offset for key, asset in chosen.items() if key.startswith("B"))
    offsets = sorted({offset for offset in told if offset is not None})
    return "; ".join([*flags, *(f"raster offset {offset:g}" for offset in offsets)]) or "nothing"


def decided(scene: Scene) -> Scene:
    """The scene with the question of its offset answered, by pixels where it is open.

    Raises
    ------
    BadInput
        The pixels do not tell; says why, and how the user can.
    """
    question: Mapping[str, Any] = scene.properties.get(OFFSET, {})
    if question.get("state") != "open":
        return scene
    verdict = _seen(scene)
    if verdict.state == "undecided":
        raise BadInput(
            f"the pixels do not tell whether its offset of -1000 has been subtracted: {verdict.why}. "
            f"({question['why']}; the catalogue says: {question['catalogue']}, which is not to be relied on)",
            f"scene {scene.id}",
            hint=SAY,
        )
    calibrations = _calibrations(verdict.state)
    keys = {band.key for band in LEVEL1C}
    assets = {
        key: asset if asset.calibrations or key not in keys else replace(asset, calibrations=calibrations)
        for key, asset in scene.assets.items()
    }
    answer = {**question, "state": verdict.state, "why": verdict.why}
    return replace(scene, assets=assets, properties={**scene.properties, OFFSET: answer})


def _seen(scene: Scene) -> _offset_referee.Verdict:
    """The referee's verdict on a decimated read of a few bands."""
    open_ = [key for key in _offset_referee.BANDS if key in scene.assets and not scene.assets[key].calibrations]
    nir = "B08" if "B08" in open_ else "B8A"
    keys = [key for key in open_ if key == nir or key not in {"B08", "B8A"}]
    quality = ["SCL"] if "SCL" in scene.assets else []
    looked = _stac.settled(scene, [*keys, *quality])
    found = {}
    for key in [*keys, *quality]:
        try:
            with _stac.named(scene.id, looked.assets[key].href, key):
                found[key] = decimated(looked.assets[key], SIDE)
        except Broken as error:  # no gap of the picture's, which may not read this at all
            what, file, band, _, _ = error.args
            raise BadInput(f"{what} So its offset cannot be judged.", file, band, hint=SAY) from error
    return _offset_referee.judged({key: found[key] for key in keys}, found.get("SCL"))
