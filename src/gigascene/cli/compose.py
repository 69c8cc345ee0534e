"""`gigascene compose`: one scene, one product, one finished picture."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress, run_watcher

HELP = """Make a picture of a scene.

\b
gigascene compose true-color LC08_.../ -o fjord.png
gigascene compose true-color LC08_.../ -o fjord.tif --stretch 0.02:0.30 --gamma 1.8
gigascene compose ndvi LC08_.../ -o ndvi.png --mask clouds
gigascene compose rgb R.tif G.tif B.tif -o rgb.png --stretch 2%:98%
"""

Stretch = Annotated[
    str | None,
    typer.Option("--stretch", metavar="LOW:HIGH", help="0.02:0.30, or 2%:98%, or one pair a channel: a:b,c:d,e:f."),
]
Gamma = Annotated[
    str | None, typer.Option("--gamma", metavar="G", help="v^(1/g), above 1 brightens; or one a channel.")
]
Contrast = Annotated[
    float | None,
    typer.Option("--contrast", metavar="C", help="Of --sigmoid: 0.1 (a line) to 50 (a step). Default: 10."),
]
Compress = Annotated[str | None, typer.Option("--compress", help="COG: deflate, zstd, lzw, none, jpeg.")]
Level = Annotated[str | None, typer.Option("--level", help="PNG: fast, default, small. COG: a number.")]
Quality = Annotated[int | None, typer.Option("--quality", help="JPEG and WebP: 1 to 100.")]
Tile = Annotated[int | None, typer.Option("--tile", help="COG, Deep Zoom: side of a tile, pixels.")]
Tiles = Annotated[str | None, typer.Option("--tiles", help="Deep Zoom: png (exact), jpg or webp.")]

Resampling = Annotated[
    str, typer.Option("--resampling", help="Onto the grid of map tiles: nearest, bilinear, cubic or average.")
]


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("compose", help=HELP)(compose)


def compose(
    context: typer.Context,
    product: Annotated[str, typer.Argument(help="See: gigascene list products.")],
    source: o.Sources,
    output: o.Output,
    bands: o.Bands = None,
    look: Annotated[
        str | None, typer.Option("--look", metavar="NAME", help="See: gigascene list looks; or a file of --save-look.")
    ] = None,
    stretch: Stretch = None,
    gamma: Gamma = None,
    equalize: Annotated[bool, typer.Option("--equalize", help="As many pixels on every level.")] = False,
    sigmoid: Annotated[bool, typer.Option("--sigmoid", help="More contrast in the middle.")] = False,
    contrast: Contrast = None,
    palette: Annotated[str | None, typer.Option("--palette", help="For one channel; grey for none.")] = None,
    units: o.Units = "default",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    depth: Annotated[int, typer.Option("--depth", help="8 or 16 bits.")] = 8,
    packing: Annotated[
        str | None,
        typer.Option("--packing", help="nodata (0 is no data) or document (0 is dark). Default: the look's."),
    ] = None,
    survey: o.Survey = "sample",
    overlay: o.Overlay = None,
    overlay_color: o.OverlayColor = None,
    overlay_width: o.OverlayWidth = None,
    figure: Annotated[bool, typer.Option("--figure", help="A titled figure with axes and legend.")] = False,
    title: Annotated[str | None, typer.Option("--title", help="Of the figure.")] = None,
    compress: Compress = None,
    level: Level = None,
    quality: Quality = None,
    tile: Tile = None,
    tiles: Tiles = None,
    resampling: Resampling = "nearest",
    verify_inputs: Annotated[
        bool, typer.Option("--verify-inputs", help="Check the files against their product's own checksums first.")
    ] = False,
    root: o.Root = None,
    offset: o.Offset = None,
    allow_private: o.AllowPrivate = False,
    engine: o.Engine = "threads",
    workers: o.Workers = None,
    memory: o.Memory = None,
    resume: o.Resume = False,
    no_overwrite: o.NoOverwrite = False,
    allow_gaps: o.AllowGaps = False,
    save: o.Save = None,
    save_look: Annotated[
        str | None, typer.Option("--save-look", metavar="FILE", help="Keep the look with its measured limits as JSON.")
    ] = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Plan, and unless it is a dry run, make."""
    import gigascene

    plan = gigascene.plan_compose(
        product,
        source,
        output,
        bands=o.names(bands),
        look=look,
        stretch=stretch,
        gamma=gamma,
        curve=curve(equalize=equalize, sigmoid=sigmoid),
        contrast=contrast,
        palette=palette,
        units=units,
        mask=o.names(mask),
        resolution=resolution,
        packing=None if packing is None else o.one_of("--packing", packing, ("nodata", "document")),
        depth=depth,
        survey=o.one_of("--survey", survey, ("sample", "exact")),
        overlay=overlay,
        overlay_color=overlay_color,
        overlay_width=overlay_width,
        writer="figure" if figure or title else None,
        options=given(compress=compress, level=level, quality=quality, title=title, tile=tile, tiles=tiles),
        resampling=resampling,  # type: ignore[arg-type]  # checked there
        engine=engine,
        overwrite=not no_overwrite,
        allow_gaps=allow_gaps,
        workers=workers,
        memory=memory,
        verify_inputs=verify_inputs,
        root=root,
        offset=offset,
    )
    if save_look:
        gigascene.save_look(plan, save_look)
    carry_out(plan, context, save=save, resume=resume, json=json, quiet=quiet)


def carry_out(plan: Any, context: typer.Context, *, save: str | None, resume: bool, json: bool, quiet: bool) -> None:
    """Keep the plan if asked; then make what it says, or behind `plan` only tell."""
    import gigascene

    if save:
        gigascene.save_plan(plan, save)
    if o.is_planned(context):
        explain(plan, json=json)
    else:
        make(plan, resume=resume, json=json, quiet=quiet)


WORTH_TELLING = 100_000_000
"""Bytes of a file that is announced; smaller ones are there before it is read."""


def make(plan: Any, *, resume: bool, json: bool, quiet: bool, where: dict[str, str] | None = None) -> None:
    """Run a plan and print its receipt."""
    import gigascene
    from gigascene.model.wire import to_wire
    from gigascene.plan.space import check_space

    disk = check_space(plan)
    if not quiet:
        tell(plan)
        if disk.file >= WORTH_TELLING:
            typer.echo(f"about {o.size(disk.file)} to write; {o.size(disk.free)} are free", err=True)
    if disk.doubt:
        typer.echo(f"gigascene: warning: {disk.doubt}.", err=True)
    with progress(plan.recipe.product, quiet=quiet) as watch:
        receipt = gigascene.run(plan, resume=resume, watch=run_watcher(watch), where=where)
    if json:
        o.print_json(to_wire(receipt))
    else:
        _say(plan, receipt)
    _tell_way(receipt, (where or {}).get("delivery"))
    if receipt.gaps:
        _tell_gaps(receipt.gaps)
        raise typer.Exit(o.GAPS)


def _say(plan: Any, receipt: Any) -> None:
    """What was made, in a line or two."""
    rows, columns = plan.format.shape
    resumed = f", {receipt.resumed} of {receipt.pieces} pieces were there" if receipt.resumed else ""
    typer.echo(
        f"{receipt.target}: {columns:,} x {rows:,}, {o.size(receipt.bytes)}, {receipt.seconds:.1f} s, "
        f"peak memory {o.memory(receipt.peak_memory)}{resumed}{_joined(receipt.mosaic)}{_changed(receipt.change)}"
    )


def _tell_way(receipt: Any, wanted: str | None) -> None:
    """Once, where workers could not hand over what they made as they were asked to."""
    otherwise = sum(count for way, count in receipt.came.items() if way != wanted)
    if wanted in {"spool", "target"} and otherwise:
        count = "1 piece" if otherwise == 1 else f"{otherwise:,} pieces"
        what = f"{count} of {sum(receipt.came.values()):,} came by the network and not by --delivery {wanted}"
        typer.echo(f"gigascene: warning: {what}: not every worker can write beside {receipt.target}.", err=True)


MOST_GAPS = 50
"""Gaps that are told one by one; the receipt has them all."""


def _tell_gaps(gaps: Any) -> None:
    """What is missing, each once, in the order of the receipt."""
    for gap in gaps[:MOST_GAPS]:
        typer.echo(f"gigascene: warning: {gap}", err=True)
    more = f"; the other {len(gaps) - MOST_GAPS:,} are in the receipt" if len(gaps) > MOST_GAPS else ""
    count = "1 gap was" if len(gaps) == 1 else f"{len(gaps):,} gaps were"
    typer.echo(f"gigascene: {count} allowed{more}.", err=True)


def tell(plan: Any) -> None:
    """What was decided where nobody said."""
    from gigascene.storage.presigned import is_signed

    for note in plan.notes:
        typer.echo(note, err=True)
    if is_signed(plan.target):
        typer.echo("A signed address takes one file: side files, receipt and STAC item are left out.", err=True)


def _joined(facts: Any) -> str:
    """What a mosaic is made of, how full it is, and how well its scenes meet."""
    if not facts:
        return ""
    unused = f", {len(facts['unused'])} unused" if facts["unused"] else ""
    seam = facts.get("seam", {})
    jump = f", jumps at seams {seam.get('after', seam['before']):.2f} levels" if seam else ""
    scenes = "1 scene" if facts["used"] == 1 else f"{facts['used']} scenes"
    return f"\n{scenes}{unused}, {100 * facts['coverage']:.1f} % filled{jump}"


def _changed(facts: Any) -> str:
    """How much of a comparison is change."""
    if not facts:
        return ""
    told = [f"{kind} {_extent(facts[kind])}" for kind in ("decrease", "increase", "stable", "missing")]
    return f"\nbeyond {facts['threshold']:g}: {', '.join(told)}"


def _extent(fact: Any) -> str:
    return f"{fact['pixels']:,} pixels" if fact["km2"] is None else f"{fact['km2']:,.2f} km²"


def explain(plan: Any, *, json: bool) -> None:
    """Print what a plan will do."""
    from gigascene.plan.explain import explain as explained

    facts = explained(plan)
    if json:
        o.print_json(facts)
        return
    for name, value in facts.items():
        for line in value if name in {"notes", "gaps"} else [value]:
            told = ", ".join(f"{key} {one}" for key, one in line.items()) if isinstance(line, dict) else line
            typer.echo(f"{name:>16}  {told}")


def curve(*, equalize: bool, sigmoid: bool) -> Any:
    """The curve that two flags mean."""
    if equalize and sigmoid:
        from gigascene.model.errors import UsageError

        raise UsageError("--equalize and --sigmoid exclude each other")
    return "equalize" if equalize else "sigmoid" if sigmoid else None


def given(**said: Any) -> dict[str, Any]:
    """Options of the writer that were said."""
    return {name: value for name, value in said.items() if value is not None}
