"""Finished pictures in a browser: served from here, or written as a static site."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from os import PathLike, fspath
from pathlib import Path

from gigascene.api._viewable import Notice, viewable
from gigascene.execute import site
from gigascene.execute.coordinate import Watcher
from gigascene.execute.made import Made
from gigascene.execute.signals import stopping
from gigascene.model.errors import UsageError
from gigascene.serve._folder import descriptors
from gigascene.serve.encode import Coder
from gigascene.serve.export import export
from gigascene.serve.open import open_pictures
from gigascene.serve.server import Viewer
from gigascene.storage.hrefs import is_remote, remember
from gigascene.storage.identity import identity

Named = str | PathLike[str]


def view(
    picture: Named,
    second: Named | None = None,
    *,
    port: int = 0,
    notice: Notice | None = None,
    watch: Watcher | None = None,
) -> Viewer:
    """Serve a picture to the browsers of this machine.

    Parameters
    ----------
    picture : path
        A GeoTIFF (8 or 16 bits, grey or RGB), a ``.dzi``, or a folder that holds one or was exported. A PNG, JPEG, PAM or PNM is first
        made a GeoTIFF with smaller levels, in the cache folder. A GeoTIFF may lie in a bucket or on a server: it is read by ranges.
    second : path, optional
        Another, to compare: on the same CRS, or of the same shape.
    port : int
        0 for any that is free.
    notice, watch : callable, optional
        Told in words what is made in the cache folder, and how far it is.

    Returns
    -------
    Viewer
        Its `url` is the address of the page. It serves until `close`, or to the end of a ``with``.

    Raises
    ------
    GigasceneError
        `BadInput`, `UsageError`.

    Examples
    --------
    >>> with gigascene.view("fjord.tif") as viewer:  # doctest: +SKIP
    ...     print(viewer.url)
    ...     viewer.wait()
    """
    pictures = open_pictures(_paths(picture, second, notice=notice, watch=watch))
    try:
        return Viewer(pictures, port)
    except BaseException:
        for one in pictures:
            one.close()
        raise


def export_view(
    picture: Named,
    second: Named | None = None,
    *,
    folder: Named,
    format: str | None = None,
    quality: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    notice: Notice | None = None,
    watch: Watcher | None = None,
) -> dict[str, int]:
    """Write a picture as a static site: Deep Zoom tiles and the page; beside it a receipt, for `verify`.

    Parameters
    ----------
    picture, second : path
        As for `view`.
    folder : path
        New, empty, or an earlier export, which is then replaced.
    format : str, optional
        Of the tiles: ``"png"`` (what is shown, exactly: 8 bits), ``"jpg"`` or ``"webp"``. Left out: png, or what they are already.
    quality : int, optional
        Of jpg and webp, 1 to 100; 90 if left out.
    progress : callable
        Told (tiles done, of).
    notice, watch : callable, optional
        As for `view`.

    Returns
    -------
    dict
        Number of `tiles`, and the `bytes` of all files.

    Raises
    ------
    GigasceneError
        `BadInput`, `UsageError`, `WriteFailed`.
    """
    coder, place, began = _coder(format, quality), Path(folder).absolute(), time.monotonic()
    inputs = [one for name in (picture, second) if name is not None for one in _inputs(fspath(name))]
    pictures = open_pictures(_paths(picture, second, notice=notice, watch=watch))
    options = {"format": coder.format, "quality": coder.quality} if coder else {"format": pictures[0].facts.format}
    files = [{"picture": at, "href": href, "identity": state} for at, (href, state) in enumerate(inputs)]
    made = Made(verb="view", inputs=files, options=options, shape=pictures[0].facts.zoom.shape, began=began)
    try:
        with stopping() as stop:

            def told(done: int, of: int) -> None:
                stop.check()
                if progress is not None:
                    progress(done, of)

            return export(pictures, place, coder, told, lambda facts: site.write(place, made, facts))
    finally:
        for one in pictures:
            one.close()


def _coder(format: str | None, quality: int | None) -> Coder | None:
    if quality is None:
        return Coder(format=format) if format else None
    if format in {None, "png"}:
        raise UsageError("--quality is that of jpg and webp tiles; png is exact")
    return Coder(format=str(format), quality=quality)


def _inputs(name: str) -> Iterator[tuple[str, str]]:
    """Href and identity of every picture that a name stands for."""
    if is_remote(name):
        hrefs = [remember(name)]
    else:
        path = Path(name).absolute()
        hrefs = list(map(str, descriptors(path) if path.is_dir() else [path]))
    for href in hrefs:
        try:
            yield href, identity(href)
        except (OSError, ValueError):  # opened next, where it is told what is wrong with it
            yield href, ""


def _paths(*named: Named | None, notice: Notice | None, watch: Watcher | None) -> list[Path | str]:
    return [_path(fspath(name), notice or _unheard, watch) for name in named if name is not None]


def _path(name: str, notice: Notice, watch: Watcher | None) -> Path | str:
    return remember(name) if is_remote(name) else viewable(Path(name), notice, watch)


def _unheard(words: str) -> None:
    """Nobody wants to know."""
