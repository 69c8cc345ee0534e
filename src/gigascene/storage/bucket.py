"""Objects in buckets: ranges of their bytes, whole small ones, and uploads that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from gigascene.model.errors import BadInput, NoAccess, Unreached, WriteFailed
from gigascene.storage import paid
from gigascene.storage._stores import Denied, Refused, Silent, library, located, opened
from gigascene.storage.hrefs import public, whole
from gigascene.storage.kinds import Sent, kind_of
from gigascene.storage.presigned import send_by

PART = 5 << 20
"""Bytes: larger files go in parts of this size, several at a time."""

AT_ONCE = 3
MOST_PARTS = 9_000
"""Servers take 10,000."""

SIGNED_FOR = timedelta(hours=6)
"""An address for one PUT."""


def part(href: str, start: int, length: int) -> tuple[bytes, int, str]:
    """These bytes (fewer where the object ends), its size and its tag. Raises `BadInput`."""
    said = public(href)
    try:
        with opened(whole(href)) as (obstore, store, key):
            try:
                found = obstore.get(store, key, options={"range": (start, start + length)})
            except obstore.exceptions.GenericError:  # an empty object has no range
                meta = obstore.head(store, key)
                if meta["size"] > start:
                    raise
                return b"", meta["size"], str(meta["e_tag"])
            body, meta = bytes(found.bytes()), found.meta
    except Refused as refused:
        what, hint = refused.args
        if isinstance(refused, Denied):
            pays = (
                ""
                if paid.agreed() or not said.startswith("s3://")
                else f" If its readers pay: {paid.VARIABLE}=requester."
            )
            raise NoAccess(f"cannot be read: {what}.", said, hint=f"{hint}{pays}") from None
        raise (Unreached if isinstance(refused, Silent) else BadInput)(
            f"cannot be read: {what}.", said, hint=hint
        ) from None
    if len(body) != min(length, meta["size"] - start):
        raise BadInput("was asked for a range, and its server sent another", said)
    return body, meta["size"], str(meta["e_tag"] or meta["last_modified"])


def check(url: str) -> None:
    """Raise `WriteFailed` if this can be no object, or nobody here could write one; asks no server."""
    with _writing(url):
        library()
        located(url)


def probe(url: str) -> None:
    """Write and remove a small object beside it: raises `WriteFailed` where that is refused."""
    folder, _, name = url.rpartition("/")
    nonce = f"{folder}/.{name}.probe"
    try:
        put(nonce, b"")
        delete([nonce])
    except WriteFailed as error:
        raise WriteFailed(public(url), *error.args[1:]) from None


def send(url: str, path: Path, sent: Sent, *, keep: bool = False) -> None:
    """Upload a file: there is the former object or none until all of it is there. Raises `WriteFailed`; what is there already stays if `keep`."""
    size = path.stat().st_size
    with _writing(url), opened(url) as (obstore, store, key):
        kind = {"Content-Type": kind_of(url)}
        if size <= PART:
            mode = "create" if keep else "overwrite"
            obstore.put(store, key, path.read_bytes(), attributes=kind, use_multipart=False, mode=mode)
            sent(size)
        elif keep:  # parts are put together without a look at what is there
            send_by(obstore.sign(store, "PUT", key, SIGNED_FOR), url, path, sent, keep=True)
        else:
            step = max(PART, -(-size // MOST_PARTS))
            parts = _parts(path, step, sent)
            obstore.put(store, key, parts, attributes=kind, chunk_size=step, max_concurrency=AT_ONCE)
        there = obstore.head(store, key)["size"]
    if there != size:
        raise WriteFailed(public(url), f"{there:,} bytes of {size:,} are there")


def pour(url: str, parts: Iterator[bytes], size: int, notes: Mapping[str, str]) -> None:
    """An object of parts that come one after another, with notes; there is none where the parts raise. Raises `WriteFailed`, and what they raise."""
    kind = {"Content-Type": kind_of(url), **notes}
    with _writing(url), opened(url) as (obstore, store, key):
        if size <= PART:
            obstore.put(store, key, b"".join(parts), attributes=kind, use_multipart=False)
        else:
            step = max(PART, -(-size // MOST_PARTS))
            obstore.put(store, key, parts, attributes=kind, chunk_size=step, max_concurrency=AT_ONCE)
        there = obstore.head(store, key)["size"]
    if there != size:
        raise WriteFailed(public(url), f"{there:,} bytes of {size:,} are there")


def noted(url: str) -> tuple[int, Mapping[str, str]] | None:
    """Size and notes of an object; None where there is none. Raises `WriteFailed`."""
    with _writing(url), opened(url) as (obstore, store, key):
        try:
            found = obstore.get(store, key, options={"head": True})
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return None
        return found.meta["size"], {str(name): str(value) for name, value in found.attributes.items()}


def exists(url: str) -> bool:
    """True where an object is. Raises `WriteFailed`."""
    return noted(url) is not None


def put(url: str, data: bytes) -> None:
    """A small object. Raises `WriteFailed`."""
    kind = {"Content-Type": kind_of(url)}
    with _writing(url), opened(url) as (obstore, store, key):
        obstore.put(store, key, data, attributes=kind, use_multipart=False)


def get(url: str, most: int) -> bytes | None:
    """A small object of what is to be replaced; None where there is none or a larger one. Raises `WriteFailed`."""
    with _writing(url), opened(url) as (obstore, store, key):
        try:
            found = obstore.get(store, key)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return None
        return bytes(found.bytes()) if found.meta["size"] <= most else None


def delete(urls: Iterable[str]) -> None:
    """Remove objects that may or may not be there. Raises `WriteFailed`."""
    for url in urls:
        with _writing(url), opened(url) as (obstore, store, key):
            try:
                obstore.delete(store, key)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise


def inside(url: str) -> Iterator[tuple[str, int, str]]:
    """Objects in a folder and below: name in it, size, tag. Raises `WriteFailed`."""
    with _writing(url), opened(url) as (obstore, store, key):
        for batch in obstore.list(store, prefix=key):
            for one in batch:
                yield one["path"].removeprefix(f"{key}/"), one["size"], str(one["e_tag"])


def top(url: str) -> set[str]:
    """Names of what lies directly in a folder. Raises `WriteFailed`."""
    with _writing(url), opened(url) as (obstore, store, key):
        found = obstore.list_with_delimiter(store, prefix=key)
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return {path.removeprefix(f"{key}/") for path in paths}


def _parts(path: Path, step: int, sent: Sent) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(step):
            sent(len(data))
            yield data


@contextmanager
def _writing(url: str) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise WriteFailed(public(url), *refused.args) from None
