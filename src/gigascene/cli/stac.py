"""`gigascene stac …`: catalogues built of scenes, described, and copied with the files that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress

if TYPE_CHECKING:
    from gigascene.api.catalog import FetchedAssets
    from gigascene.execute.catalog.copying import Watch
    from gigascene.execute.catalog.describe import CatalogPart
    from gigascene.execute.catalog.fetch import FetchPlan

HELP = "Static STAC catalogues: build, describe, fetch."

BUILD = """Write a static STAC 1.1 catalogue of all scenes in a folder, and of the pictures made here.

\b
gigascene stac build scenes -o catalog
gigascene stac build scenes -o catalog --by path-row --allow-gaps
"""

DESCRIBE = """Show the tree of a catalogue: how many items, when, where, which assets.

\b
gigascene stac describe catalog
gigascene stac describe https://example.org/daymet/catalog.json --json
"""

FETCH = """Copy some assets of a catalogue, and the catalogue with hrefs to the copies.

\b
gigascene stac fetch catalog --asset B4,B5 --to near
gigascene stac fetch https://example.org/daymet/catalog.json --asset tmin --items pr-2022 --to near
gigascene plan stac fetch catalog --asset 'B*' --to near
"""

MOST_KEYS = 12
"""Assets in a line; --json has all."""

Asset = Annotated[
    list[str], typer.Option("--asset", metavar="A,B", help="Keys of assets; * and ? stand for others. May be repeated.")
]
Items = Annotated[
    list[str] | None,
    typer.Option("--items", metavar="A,B", help="Ids of items, likewise. Default: all."),
]
To = Annotated[
    str,
    typer.Option("--to", metavar="DIR", help="A new folder, one to which it was copied before, or s3://BUCKET/KEY."),
]


def _agree(said: bool) -> bool:
    """Kept in the environment: worker processes read it too."""
    if said:
        from gigascene.storage import paid

        paid.agree()
    return said


RequesterPays = Annotated[
    bool,
    typer.Option("--requester-pays", callback=_agree, help="Read buckets whose readers pay: AWS bills your account."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell files, bytes and what it costs.")]
AtOnce = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Files that are copied at once.")]


def add_to(root: typer.Typer) -> None:
    """Add these verbs."""
    group = typer.Typer(help=HELP, **o.app_options())
    group.command("build", help=BUILD)(build)
    group.command("describe", help=DESCRIBE)(describe)
    group.command("fetch", help=FETCH)(fetch)
    group.callback()(lambda: None)
    root.add_typer(group, name="stac")


def build(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Searched with all folders in it.")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="CATALOG", help="A new folder, or one built before.")
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="A,B", help="Sub-catalogues by sensor, month, path-row, or none.")
    ] = "sensor,month",
    checksums: Annotated[
        bool, typer.Option("--checksums/--no-checksums", help="Read every file and tell its SHA-256.")
    ] = True,
    allow_gaps: o.AllowGaps = False,
    workers: o.Workers = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Find, look at, write."""
    from dataclasses import asdict

    import gigascene

    with progress(f"stac build {folder}", quiet=quiet, unit="MB") as watch:
        built = gigascene.build_catalog(
            folder,
            output,
            by=() if by == "none" else o.names(by),
            checksums=checksums,
            allow_gaps=allow_gaps,
            workers=_count(workers),
            watch=lambda done, of: watch(done // 1_000_000, of // 1_000_000, 0),
        )
    _warn(built.gaps)
    if not quiet:
        for words in built.twice:
            typer.echo(f"left out: {words}", err=True)
    if json:
        o.print_json(asdict(built))
    else:
        typer.echo(f"{built.target}: {_many(built.items, 'item')} in {_many(built.groups, 'sub-catalogue')}")
    _end(built.gaps)


def describe(
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="Folder, file or address.")],
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
) -> None:
    """Walk and print."""
    from dataclasses import asdict

    import gigascene

    found = gigascene.describe_catalog(catalog)
    if json:
        o.print_json(asdict(found))
        return
    for line in _tree(found, "", ""):
        typer.echo(line)


def fetch(
    context: typer.Context,
    catalog: Annotated[str, typer.Argument(metavar="CATALOG", help="Folder, file or address.")],
    asset: Asset,
    to: To,
    items: Items = None,
    requester_pays: RequesterPays = False,
    dry_run: DryRun = False,
    allow_gaps: o.AllowGaps = False,
    workers: AtOnce = 8,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Copy, or only tell."""
    import gigascene

    assets, chosen = _joined(asset), _joined(items or [])
    carry_out(
        f"stac fetch {catalog}",
        lambda: gigascene.plan_fetch_assets(catalog, assets, to, items=chosen, workers=workers),
        lambda watch: gigascene.fetch_assets(
            catalog, assets, to, items=chosen, allow_gaps=allow_gaps, workers=workers, watch=watch
        ),
        dry=dry_run or o.is_planned(context),
        json=json,
        quiet=quiet,
    )


def carry_out(
    what: str,
    plan: Callable[[], FetchPlan],
    fetch: Callable[[Watch], FetchedAssets],
    *,
    dry: bool,
    json: bool,
    quiet: bool,
) -> None:
    """Copy, or where it is `dry` only tell."""
    from dataclasses import asdict

    if dry:
        _tell(plan(), json=json)
        return
    with progress(what, quiet=quiet, unit="MB") as watch:
        done = fetch(lambda done, of, before: watch(*(count // 1_000_000 for count in (done, of, before))))
    _warn((*done.gaps, *done.notes))
    if json:
        o.print_json(asdict(done))
    else:
        typer.echo(
            f"{done.target}: {_many(done.files, 'file')}, {o.size(done.bytes)}; {o.size(done.came)} have come now"
        )
    _end(done.gaps)


def _joined(said: list[str]) -> tuple[str, ...]:
    return tuple(name for text in said for name in o.names(text))


def _count(workers: str | None) -> int | None:
    if workers is None:
        return None
    if not workers.isdigit() or not int(workers):
        from gigascene.model.errors import UsageError

        raise UsageError(f"--workers must be 1 or more, not {workers}")
    return int(workers)


def _tell(plan: FetchPlan, *, json: bool) -> None:
    """What would be copied."""
    from dataclasses import asdict

    _warn((*plan.gaps, *plan.notes))
    if json:
        o.print_json({**asdict(plan), "bytes": plan.bytes, "there": plan.there, "cost": plan.cost})
        return
    for one in plan.copies:
        there = "" if not one.there else ", there" if one.whole else f", {o.size(one.there)} there"
        typer.echo(f"{one.item}  {one.asset}  {o.size(one.bytes)}{there}  {one.path}")
    cost = f"; {plan.cost}" if plan.cost else ""
    typer.echo(
        f"{_many(len(plan.copies), 'file')}, {o.size(plan.bytes)}; {o.size(plan.bytes - plan.there)} to come{cost}"
    )


def _tree(part: CatalogPart, here: str, below: str) -> Iterator[str]:
    """A line for each part, and one for its assets where it holds no other parts."""
    title = f" ({part.title})" if part.title and part.title != part.id else ""
    facts = [_many(part.items, "item"), _span(part.first, part.last), _box(part.bbox)]
    yield f"{here}{_plain(part.id)}{_plain(title)}: {', '.join(fact for fact in facts if fact)}"
    if not part.children and part.assets:
        keys = [
            f"{_plain(key)}{'' if one.items == part.items else f' ({one.items})'}" for key, one in part.assets.items()
        ]
        more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
        yield f"{below}   {' '.join(keys[:MOST_KEYS])}{more}{_bytes(part)}"
    for number, child in enumerate(part.children):
        last = number == len(part.children) - 1
        yield from _tree(child, f"{below}{'└─ ' if last else '├─ '}", f"{below}{'   ' if last else '│  '}")


def _bytes(part: Any) -> str:
    sizes = [one.bytes for one in part.assets.values()]
    return "" if None in sizes else f", {o.size(sum(sizes))}"


def _span(first: str, last: str) -> str:
    return f"{first[:10]} to {last[:10]}" if first[:10] != last[:10] else first[:10]


def _box(box: tuple[float, ...] | None) -> str:
    return "" if box is None else "bbox " + ",".join(f"{side:.4g}" for side in box)


def _plain(words: str) -> str:
    """Without what could steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _warn(gaps: tuple[str, ...]) -> None:
    for words in gaps:
        typer.echo(f"gigascene: warning: {_plain(words)}", err=True)


def _end(gaps: tuple[str, ...]) -> None:
    if gaps:
        raise typer.Exit(o.GAPS)
