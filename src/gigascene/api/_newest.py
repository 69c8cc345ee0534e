"""Of several processings of one acquisition the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gigascene.metadata.stac_items import Item

_TILE = re.compile(r"(?<![A-Za-z0-9])T?(\d{1,2}[C-HJ-NP-X][A-HJ-NP-Z]{2})(?![A-Za-z0-9])")


def newest(found: Iterable[Item]) -> tuple[list[Item], list[str]]:
    """Items by (time, id), each acquisition once, from its newest processing; and the ids of the others."""
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in found:
        groups.setdefault(_acquisition(item), []).append(item)
    kept, older = [], []
    for group in groups.values():
        best = max(group, key=_processing)
        kept.append(best)
        older += sorted(item.id for item in group if item is not best)
    return sorted(kept, key=lambda item: (item.datetime, item.id)), sorted(older)


def _acquisition(item: Item) -> tuple[str, ...]:
    """Platform, place and second; an item that names no place stands for itself."""
    said = item.properties
    place = said.get("grid:code") or said.get("s2:mgrs_tile") or _wrs(said) or _tile(item)
    if not place:
        return (item.id,)
    return str(said.get("platform", "")).lower(), str(place).removeprefix("MGRS-").upper(), item.datetime[:19]


def _wrs(said: Mapping[str, Any]) -> str:
    path, row = said.get("landsat:wrs_path"), said.get("landsat:wrs_row")
    return f"{path}/{row}" if path and row else ""


def _tile(item: Item) -> str:
    found = _TILE.search(item.id.replace("_", " "))
    return found[1] if found else ""


def _processing(item: Item) -> tuple[float, str, str]:
    """Baseline, then the time of processing."""
    said = item.properties
    baseline = str(said.get("s2:processing_baseline") or said.get("processing:version") or "")
    number = float(baseline) if re.fullmatch(r"\d+(\.\d+)?", baseline) else 0.0
    return number, str(said.get("s2:generation_time") or said.get("updated") or said.get("created") or ""), item.id
