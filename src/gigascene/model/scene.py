"""One acquisition as facts: what was measured, when, where, and in which files. No pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput
from gigascene.model.grid import Window

SENSOR = "gigascene:sensor"
"""Property of STAC items that were made here: the sensor that knows the files, for whoever opens them."""

OFFSET = "gigascene:offset"
"""Property of scenes of Sentinel-2 from STAC: how their offset stands, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """From stored numbers to a physical quantity: linear, then Planck's law where `k1` and `k2` are given.

    ``v = scale * dn + offset``, and for temperatures ``v = k2 / ln(k1 / v + 1)``.
    """

    scale: float = 1.0
    offset: float = 0.0
    unit: str = "1"
    """UDUNITS name of the result."""

    k1: float | None = None
    """Planck constant K1, in the unit of radiance."""

    k2: float | None = None
    """Planck constant K2, kelvin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One band as one file of the archive holds it."""

    key: str
    """The archive's own name, such as ``"B4"`` or ``"QA_PIXEL"``."""

    name: str
    """STAC common name, such as ``"red"``; equal to `key` where there is none."""

    href: str
    """Where the bytes are: a path, or GDAL's name for a member of a tar file (``/vsisubfile/``) or zip file (``/vsizip/``)."""

    geobox: GeoBox
    """Shape, CRS and affine of the file itself."""

    dtype: str
    """NumPy name of the stored type."""

    nodata: float | None
    """Stored number that means no data, or None."""

    blocks: tuple[int, int]
    """Rows and columns of the file's own blocks."""

    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    """By quantity (``"reflectance"``, ``"radiance"``, ``"temperature"``); the first is the default. ``"dn"`` is implied."""

    gaps: tuple[Window, ...] = ()
    """Whole blocks that cannot be decoded, where the user allowed it: they are no data, and are not read."""

    index: int = 1
    """Band number inside the file, from 1; 0: what the file says of its pixels, 255 where they are valid."""

    aliases: tuple[str, ...] = ()
    """Further names by which users may call it."""

    identity: str = ""
    """Size and modification time (or ETag) when the scene was opened; checked again when pixels are read."""

    wavelength_um: float | None = None
    """Centre wavelength, micrometres."""

    gsd_m: float | None = None
    """Ground sample distance, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A test on a bit field: true where ``(value >> bit) & (2**width - 1)`` is `at_least` or more, and `at_most` or less."""

    bit: int
    width: int = 1
    at_least: int = 1
    at_most: int | None = None
    """None: no upper limit. Equal to `at_least`: one class of a band of classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A named condition, such as clouds, read from quality bands."""

    asset: str
    """Key of the quality band; empty: every band that is read, where a stored number of its own tells (saturation)."""

    flags: tuple[Flag, ...]
    """The pixel is masked where any of these holds."""

    also: tuple[Mask, ...] = ()
    """Of other bands: the pixel is masked where any of these masks it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One acquisition."""

    id: str
    sensor: str
    """Name in the sensor registry, such as ``"landsat-c2-l1"``."""

    platform: str
    """STAC platform, such as ``"landsat-8"``."""

    datetime: str
    """Acquisition time, UTC, RFC 3339."""

    assets: Mapping[str, Asset]
    """By the archive's own name."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """By common name, why a band it should have is not there: its file is missing or broken. Words for people.
    By key where only one of several resolutions of the band is not there."""

    alpha: tuple[str, ...] = ()
    """Keys of bands that are 0 where there is no data: alpha, and the masks of whole files. They are no bands to be shown."""

    masks: Mapping[str, Mask] = field(default_factory=dict)
    """Named masks its quality band can give."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    """STAC names where they exist: ``view:sun_elevation``, ``eo:cloud_cover``, ``landsat:wrs_path`` … JSON values only."""

    footprint: Mapping[str, Any] | None = None
    """GeoJSON geometry of what was measured, longitude and latitude; None where only the grid tells."""

    checksums: Mapping[str, str] = field(default_factory=dict)
    """By href, what the product says of its files, metadata among them: ``"sha3-256:…"``, ``"md5:…"``, hex."""

    def asset(self, name: str) -> Asset | None:
        """The asset with this common name or archive name, or None; of several resolutions, the finest."""
        return next(iter(self.assets_of(name)), None)

    def assets_of(self, name: str) -> tuple[Asset, ...]:
        """All with this common name, or this name of the archive: one key, or a band at all its resolutions.

        ``"red"`` and ``"B04"`` stand for ``B04_10m``, ``B04_20m`` and ``B04_60m``, the finest first.
        """
        if name in self.assets:
            return (self.assets[name],)
        found = (
            a for a in self.assets.values() if name in {a.name, a.key.removesuffix(f"_{a.gsd_m or 0:g}m"), *a.aliases}
        )
        return tuple(sorted(found, key=lambda asset: abs(asset.geobox.affine.a)))

    @property
    def names(self) -> tuple[str, ...]:
        """Common names of all its bands, in the archive's order, each once."""
        return tuple(dict.fromkeys(asset.name for key, asset in self.assets.items() if key not in self.alpha))

    def calibration(self, asset: Asset, quantity: str) -> Calibration:
        """How the stored numbers of one of its assets become a quantity.

        Parameters
        ----------
        asset : Asset
            The band.
        quantity : str
            ``"reflectance"``, ``"temperature"`` …; ``"dn"`` for the stored numbers themselves; empty for the asset's own
            default.

        Raises
        ------
        BadInput
            The band cannot give it; says so where the reason is the night.
        """
        if quantity == "dn":
            return Calibration()
        if not quantity:
            return next(iter(asset.calibrations.values()), Calibration())
        if quantity in asset.calibrations:
            return asset.calibrations[quantity]
        elevation = self.properties.get("view:sun_elevation", 90.0)
        if quantity == "reflectance" and [*asset.calibrations] == ["radiance"] and elevation <= 0:
            why = (
                f"was taken at night, with the sun {-elevation:.1f} degrees below the horizon: there is no reflectance."
            )
            raise BadInput(why, self.id, asset.key, hint="Ask for radiance.")
        has = ", ".join([*asset.calibrations, "dn"])
        raise BadInput(f"cannot give {quantity}; it has {has}.", self.id, asset.key)
