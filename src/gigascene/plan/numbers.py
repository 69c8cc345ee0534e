"""Rasters whose numbers are kept for computing: which band, what is no data in it, and what the result says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp

from gigascene.codecs._tiff_options import NUMBERS as TYPES
from gigascene.kernels.numbers import number_of
from gigascene.model.contracts import Writer
from gigascene.model.errors import BadInput, UnknownName, UsageError
from gigascene.model.look import Look
from gigascene.model.mosaic import Layer
from gigascene.model.plan import NUMBERS, Numbers, Recipe
from gigascene.model.scene import Asset, Scene
from gigascene.plan.build import NO_TONE
from gigascene.plan.layers import Source
from gigascene.plan.work import as_it_is
from gigascene.readers import raster
from gigascene.works.gather import Gather

EXACT_IN_FLOAT = ("uint8", "int8", "uint16", "int16", "float32")
"""Types whose numbers float32 holds, in which scenes are interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Rasters of one type, and what their numbers mean."""

    sources: list[Source]
    dtype: str
    numbers: Numbers
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raster:
    """One band of a file."""

    scene: Scene
    asset: Asset
    colors: str

    @property
    def told(self) -> tuple[float, float, str]:
        """Scale, offset and unit that the file declares."""
        said = next(iter(self.asset.calibrations.values()))
        return said.scale, said.offset, "" if said.unit == "1" else said.unit


def check_writer(writer: Writer) -> None:
    """Raise `UsageError` where a file is made for the eye."""
    if not getattr(writer, "numbers", False):
        raise UsageError(f"{writer.name} files are pictures and hold no {NUMBERS}: write to a .tif")


def numbers(scenes: Sequence[Scene], bands: Sequence[str], nodata: float | None, *, mixed: bool) -> Kept:
    """One band of every raster, as it is; raises `BadInput` where they cannot become one.

    Parameters
    ----------
    scenes : plain rasters
    bands : names, one at most
        Which band, where files have several.
    nodata : float or None
        What means no data in the result, and in files that do not say; None: what the files declare.
    mixed : bool
        True where what is made may hold means.
    """
    found = [_raster(scene, bands) for scene in scenes]
    dtype = _alike(found)
    chosen = _nodata(found, dtype, nodata)
    if nodata is not None:
        found = [_meaning(one, nodata) for one in found]
    scale, offset, unit = found[0].told
    colors, notes = _colors(found)
    meaning = Numbers(nodata=chosen, scale=scale, offset=offset, unit=unit, colors=colors, mixed=mixed)
    return Kept(sources=[_source(one) for one in found], dtype=dtype, numbers=meaning, notes=notes)


def check_resampling(dtype: str, resampling: str) -> None:
    """Raise `UsageError` where interpolation would round what is kept."""
    if resampling != "nearest" and dtype not in EXACT_IN_FLOAT:
        raise UsageError(
            f"--resampling {resampling} is worked out in float32, which does not hold {dtype}; use nearest"
        )


def _raster(scene: Scene, bands: Sequence[str]) -> _Raster:
    first = next(iter(scene.assets.values()))
    if scene.sensor != "raster" or any(
        asset.href != first.href for key, asset in scene.assets.items() if key not in scene.alpha
    ):
        raise BadInput(f"scene {scene.id!r} is no plain raster: choose a product, such as true-color.")
    with raster.opened(first.href, band=first.key) as source:
        table = _table(source) if ColorInterp.palette in source.colorinterp else ""
    key = _band(scene, bands, first.href)
    asset = scene.assets[key]
    if asset.dtype not in TYPES:
        raise BadInput(f"holds {asset.dtype}; {', '.join(TYPES)} are kept.", asset.href, key)
    return _Raster(scene=scene, asset=asset, colors=table)


def _band(scene: Scene, bands: Sequence[str], href: str) -> str:
    keys = [key for key in scene.assets if key not in scene.alpha]
    if len(bands) > 1:
        raise UsageError(f"{NUMBERS} are of one band; {len(bands)} are named")
    named = [asset.key for name in bands for asset in scene.assets_of(name) if asset.key in keys]
    if bands and not named:
        raise UnknownName(bands[0], f"band of {scene.id}", "", tuple(keys))
    if not bands and len(keys) != 1:
        raise BadInput(f"has {len(keys)} bands, and {NUMBERS} are of one.", href, hint="Choose it: --bands 1")
    return named[0] if bands else keys[0]


def _table(source: Any) -> str:
    """Colours of the 256 numbers of 8 bits; of wider ones none is kept."""
    if source.dtypes[0] != "uint8":
        return ""
    table = source.colormap(1)
    return "".join(bytes(table.get(number, (0, 0, 0))[:3]).hex() for number in range(256))


def _alike(found: Sequence[_Raster]) -> str:
    """The one type; scale, offset and unit must be the same, too."""
    _check_same("type", {one.asset.dtype: one for one in reversed(found)})
    _check_same("scale, offset and unit", {f"{one.told}": one for one in reversed(found)})
    return found[0].asset.dtype


def _check_same(what: str, kinds: Mapping[str, _Raster]) -> None:
    if len(kinds) > 1:
        told = "; ".join(f"{one.scene.id} has {kind}" for kind, one in kinds.items())
        raise BadInput(f"these rasters differ in their {what}: {told}.", hint="Make them alike: gdal_translate")


def _nodata(found: Sequence[_Raster], dtype: str, said: float | None) -> float | None:
    """What means no data in the result; None: NaN."""
    floats = np.dtype(dtype).kind == "f"
    if said is not None:
        if floats and not np.isfinite(said):
            return None
        if (number := number_of(said, dtype)) is None:
            raise UsageError(f"--nodata {said:g} is no number of type {dtype}, which these files hold")
        return float(number)
    declared = [one.asset.nodata for one in found if one.asset.nodata is not None]
    known = [float(number) for number in (number_of(one, dtype) for one in declared) if number is not None]
    if floats:
        return known[0] if len(known) == len(found) and len(set(known)) == 1 else None
    if known:
        return known[0]
    raise UsageError(f"none of these files says which number of {dtype} means no data; say it: --nodata 0")


def _meaning(one: _Raster, nodata: float) -> _Raster:
    """Files that do not say what is no data mean the number that was named."""
    if one.scene.alpha or one.asset.nodata is not None or not np.isfinite(nodata):
        return one
    asset = replace(one.asset, nodata=nodata)
    return replace(one, asset=asset, scene=replace(one.scene, assets={**one.scene.assets, asset.key: asset}))


def _colors(found: Sequence[_Raster]) -> tuple[str, tuple[str, ...]]:
    """The first colour table, and what should be said where others differ."""
    tables = {one.colors: one.scene.id for one in reversed(found)}
    first = found[0].colors
    if len(tables) < 2:
        return first, ()
    return first, (f"the files have different colour tables: {found[0].scene.id}'s is kept",)


def _source(one: _Raster) -> Source:
    key = one.asset.key
    recipe = Recipe(product=NUMBERS, bands=(key,), quantity="dn", look=Look(), tone=NO_TONE)
    gather = Gather(one.scene, as_it_is(1), recipe, one.asset.geobox)
    return Source(gather=gather, layer=Layer(bands=(key,), grid=one.asset.geobox))
