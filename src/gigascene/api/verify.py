"""Finished files proven whole: by their receipts, and by decoding them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

from gigascene.execute.verify.elsewhere import brought
from gigascene.execute.verify.verdict import Verdict
from gigascene.execute.verify.verdict import verify as verified
from gigascene.model.errors import UsageError
from gigascene.storage.hrefs import is_remote, remember


def verify(
    file: str | PathLike[str],
    *,
    quick: bool = False,
    decode_only: bool = False,
    watch: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Compare every byte of a file with its receipt, and decode it again.

    Parameters
    ----------
    file : path
        A finished file; its receipt lies beside it. One in a bucket or on a server is first copied into the scratch folder, with what
        belongs to it, and the copy removed in the end.
    quick : bool
        Only size and checksums: decode nothing.
    decode_only : bool
        Without the receipt: decode with two decoders, where there are two, and compare.
    watch : callable, optional
        Told (done, of) in megabytes.

    Returns
    -------
    Verdict
        Its `state` is ``"whole"``, ``"damaged"`` (then `damage` tells where) or, without the receipt, ``"decoded"``.

    Raises
    ------
    GigasceneError
        `BadInput` where there is no such file, no receipt, or one that cannot be true; `UsageError`.

    Examples
    --------
    >>> gigascene.api.verify.verify("fjord.png").state  # doctest: +SKIP
    'whole'
    """
    if quick and decode_only:
        raise UsageError("--quick decodes nothing, and --decode-only nothing else")
    name, told = fspath(file), watch or _unwatched
    if not is_remote(name):
        return verified(Path(name), told, quick=quick, decode_only=decode_only)
    url = remember(name).rstrip("/")
    with brought(url, told, proven=not decode_only) as path:
        return replace(verified(path, told, quick=quick, decode_only=decode_only), file=url)


def _unwatched(done: int, of: int) -> None:
    """Nobody wants to know."""
