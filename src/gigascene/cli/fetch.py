"""`gigascene fetch`: of scenes elsewhere only the bands that are wanted."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.stac import AtOnce, DryRun, RequesterPays, To, carry_out

HELP = """Copy of scenes only the bands that a product needs: by id from public archives, or of a search result.

\b
gigascene fetch LC08_L2SP_226010_20140820_20200911_02_T1 --bands auto --to near
gigascene fetch scenes.json --product true-color --to s3://mine/near
gigascene fetch scenes.json#S2A_32TMS_20240607_0_L2A --bands red,nir --mask clouds --to near
gigascene fetch scenes.json --to near --dry-run
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("fetch", help=HELP)(fetch)


def fetch(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENES",
            help="Ids of Landsat or Sentinel-2; or a STAC item, search result or catalogue, #ID for one.",
        ),
    ],
    to: To,
    product: Annotated[
        str, typer.Option("--product", metavar="NAME", help="What shall be made of them.")
    ] = "true-color",
    bands: Annotated[
        str, typer.Option("--bands", metavar="auto|A,B", help="auto: what the product needs. Else just these.")
    ] = "auto",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    api: Annotated[
        str | None,
        typer.Option("--api", metavar="PLACE", help="Look for ids there: a short name or address of a STAC API."),
    ] = None,
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

    what = source[0] if len(source) == 1 else f"{source[0]} and {len(source) - 1} more"
    wanted = () if bands == "auto" else o.names(bands)
    masks = o.names(mask)
    carry_out(
        f"fetch {what}",
        lambda: gigascene.plan_fetch_scenes(
            source, to, product=product, bands=wanted, masks=masks, resolution=resolution, api=api, workers=workers
        ),
        lambda watch: gigascene.fetch_scenes(
            source,
            to,
            product=product,
            bands=wanted,
            masks=masks,
            resolution=resolution,
            api=api,
            allow_gaps=allow_gaps,
            workers=workers,
            watch=watch,
        ),
        dry=dry_run or o.is_planned(context),
        json=json,
        quiet=quiet,
    )
