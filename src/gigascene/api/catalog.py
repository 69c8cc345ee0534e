"""Static STAC catalogues: build one of a folder, tell what one holds, copy the files of one that are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from os import PathLike, fspath
from pathlib import Path

from gigascene.api._catalogable import found
from gigascene.execute.catalog import build
from gigascene.execute.catalog.build import GROUPS, Draft, Watch
from gigascene.execute.catalog.copying import Watch as CopyWatch
from gigascene.execute.catalog.describe import CatalogPart, described
from gigascene.execute.catalog.fetch import Fetching, FetchPlan
from gigascene.execute.catalog.layout import layout
from gigascene.execute.catalog.pick import by_key
from gigascene.model.errors import BadInput, UnknownName, UsageError
from gigascene.model.scene import SENSOR
from gigascene.settings import cores
from gigascene.storage.folder import FolderTarget

AT_ONCE = 8
"""Files that are copied side by side."""

MOST_TOLD = 5
"""Gaps that a message names; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltCatalog:
    """What was written."""

    target: str
    items: int
    groups: int
    """Sub-catalogues, at all depths."""

    gaps: tuple[str, ...] = ()
    """What cannot be read and is not in it."""

    twice: tuple[str, ...] = ()
    """Where else scenes lie that are in it."""


def build_catalog(
    folder: str | PathLike[str],
    target: str | PathLike[str],
    *,
    by: Sequence[str] = ("sensor", "month"),
    checksums: bool = True,
    allow_gaps: bool = False,
    workers: int | None = None,
    watch: Watch | None = None,
) -> BuiltCatalog:
    """Write a static STAC 1.1 catalogue of all scenes and items in a folder.

    Parameters
    ----------
    folder : path
        Searched with all folders in it: scenes as archives deliver them (folders, tar and zip files), STAC items and catalogues, and the items
        beside our own pictures.
    target : path
        A new folder, or a catalogue that was built here before. It takes its place in one step.
    by : sequence of str
        What its sub-catalogues are made by, from the outermost in: ``"sensor"``, ``"month"``, ``"path-row"``; empty for none.
    checksums : bool
        Read every file and tell its SHA-256.
    allow_gaps : bool
        Leave out what cannot be read.
    workers : int, optional
        Files that are read at once; default is the number of cores.
    watch : callable, optional
        Told (bytes done, of).

    Raises
    ------
    BadInput
        Nothing is found, or something cannot be read and gaps are not allowed: nothing is written then.
    WriteFailed
        The target cannot be written, or holds something else.
    """
    for name in by:
        if name not in GROUPS:
            raise UnknownName(name, "grouping", "", (*GROUPS, "none"))
    place, goal = Path(folder), FolderTarget(Path(target))
    goal.check()
    if not place.is_dir():
        raise BadInput("is no folder", str(folder))
    drafts, gaps, twice = _sorted_out(place, goal)
    whole, lost = build.looked_at(drafts, checksums=checksums, workers=workers or cores(), watch=watch or _unwatched)
    gaps += lost
    _refuse(gaps, allow_gaps=allow_gaps, whole=len(whole), folder=str(folder))
    groups = build.write(whole, goal, by, place.resolve().name)
    return BuiltCatalog(target=str(target), items=len(whole), groups=groups, gaps=tuple(gaps), twice=tuple(twice))


def _sorted_out(folder: Path, goal: FolderTarget) -> tuple[list[Draft], list[str], list[str]]:
    """Each scene once, from where it is found first; what cannot be read; and where else the same scenes lie."""
    drafts: dict[str, Draft] = {}
    gaps, twice = [], []
    for one in found(folder, goal.path):
        if isinstance(one, str):
            gaps.append(one)
        elif (id := one.item["id"]) not in drafts:
            drafts[id] = one
        elif _is_the_same(one, drafts[id]):
            twice.append(f"{one.place}: its id {id!r} is that of {drafts[id].place}.")
        else:
            free = next(name for number in count(2) if (name := f"{id}-{number}") not in drafts)
            drafts[free] = replace(one, item={**one.item, "id": free})
    return list(drafts.values()), gaps, twice


def _is_the_same(one: Draft, other: Draft) -> bool:
    """A scene has one id wherever it lies; pictures in two folders may only be called the same."""
    if SENSOR in one.item["properties"] and SENSOR in other.item["properties"]:
        return True
    return bool(one.item["assets"] == other.item["assets"])


def _refuse(gaps: Sequence[str], *, allow_gaps: bool, whole: int, folder: str) -> None:
    some = _some(gaps)
    if not whole:
        raise BadInput("holds no scene or STAC item that can be read.", folder, hint=some)
    if gaps and not allow_gaps:
        raise BadInput("holds what cannot be read; --allow-gaps leaves it out:", folder, hint=f"\n{some}")


def describe_catalog(catalog: str | PathLike[str]) -> CatalogPart:
    """What a catalogue holds: its tree, and of each part the number of items, time span, box and assets.

    Parameters
    ----------
    catalog : path or address
        A static catalogue or collection, an ItemCollection or an item, of STAC 0.8 to 1.1.

    Raises
    ------
    BadInput
        It is none, or one of its documents cannot be read.
    """
    return described(fspath(catalog))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedAssets:
    """What was copied."""

    target: str
    files: int
    """Now whole in the target."""

    bytes: int
    """Of these."""

    came: int
    """Bytes that were not there before."""

    gaps: tuple[str, ...] = ()
    """What is wanted and could not be had."""

    notes: tuple[str, ...] = ()
    """Which scene stands for another that was named; assets that the copied catalogue leaves out, because their hrefs lead where they
    may not."""


def plan_fetch_assets(
    catalog: str | PathLike[str],
    assets: Sequence[str],
    target: str | PathLike[str],
    *,
    items: Sequence[str] = (),
    workers: int = AT_ONCE,
) -> FetchPlan:
    """Say what `fetch_assets` would copy: files, their sizes, and what is there already. Servers are asked for sizes."""
    place = fspath(catalog)
    return Fetching(place, layout(place), by_key(_patterns(assets)), items, target).plan(workers)


def fetch_assets(
    catalog: str | PathLike[str],
    assets: Sequence[str],
    target: str | PathLike[str],
    *,
    items: Sequence[str] = (),
    allow_gaps: bool = False,
    workers: int = AT_ONCE,
    watch: CopyWatch | None = None,
) -> FetchedAssets:
    """Copy some assets of a catalogue's items, and the catalogue with hrefs to the copies; all others stay where they are.

    What is there and whole is not fetched again, and an interrupted file is gone on with.

    Parameters
    ----------
    catalog : path or address
        As for `describe_catalog`.
    assets : sequence of str
        Keys of assets; ``*``, ``?`` and ``[…]`` stand for others. Each must be there in every item, one with such signs in one.
    target : path
        A new folder, or one into which this catalogue was copied before.
    items : sequence of str
        Ids of items, with the same signs; default is all.
    allow_gaps : bool
        Go on where an item lacks an asset, or a file cannot be had.
    workers : int
        Files that are copied at once.
    watch : callable, optional
        Told (bytes that are there, of, that were there before).

    Raises
    ------
    BadInput
        Something cannot be had, is damaged or is not what its item says, and gaps are not allowed: what has come is kept, and
        the catalogue is not written.
    UnknownName
        No item or asset has such a name.
    WriteFailed
        The target cannot be written, or holds another catalogue.
    """
    place = fspath(catalog)
    fetching = Fetching(place, layout(place), by_key(_patterns(assets)), items, target)
    return fetched(fetching, allow_gaps=allow_gaps, workers=workers, watch=watch)


def fetched(fetching: Fetching, *, allow_gaps: bool, workers: int, watch: CopyWatch | None) -> FetchedAssets:
    """Plan, copy, write the catalogue; stop before the next of these where something is missing that must not be."""
    plan = fetching.plan(workers)
    _stand(plan.gaps, allow_gaps=allow_gaps, catalog=plan.catalog)
    failed = fetching.run(plan, workers, watch or _unwatched)
    _stand(failed, allow_gaps=allow_gaps, catalog=plan.catalog)
    fetching.write()
    done = fetching.done
    return FetchedAssets(
        target=plan.target,
        files=len(done),
        bytes=sum(one.bytes for one in done),
        came=sum(one.bytes - one.there for one in done),
        gaps=(*plan.gaps, *failed),
        notes=plan.notes,
    )


def _unwatched(*_: int) -> None:
    """Nobody watches."""


def _patterns(assets: Sequence[str]) -> Sequence[str]:
    if not assets:
        raise UsageError("no asset is named; name its key, or '*' for all")
    return assets


def _stand(gaps: Sequence[str], *, allow_gaps: bool, catalog: str) -> None:
    if len(gaps) == 1 and not allow_gaps:
        raise BadInput(gaps[0], hint="(--allow-gaps goes on without.)")
    if gaps and not allow_gaps:
        raise BadInput("cannot be had as wanted; --allow-gaps goes on without:", catalog, hint=f"\n{_some(gaps)}")


def _some(gaps: Sequence[str]) -> str:
    return "\n".join(gaps[:MOST_TOLD]) + (f"\nand {len(gaps) - MOST_TOLD} more" if len(gaps) > MOST_TOLD else "")
