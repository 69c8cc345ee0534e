"""Hrefs and the secrets in them: a signature in a query, a password before a host.

`remember` keeps the whole in this process's memory and returns the href without
it, which is what scenes, plans, receipts and messages hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit, urlunsplit

from gigascene.model.errors import BadInput

_SECRET = re.compile(
    r"(?i)^(x-(amz|goog|oss|cos)-.*|aws\w*|googleaccessid|key-pair-id|sig|signature|policy|expires|s[vrept]|skoid|sktid|sk[tesv]|"
    r".*(token|secret|passw|credential|auth|session|api_?key|subscription|jwt).*|key|hdn\w*)$"
)
_LONGEST_PLAIN = 64
"""Characters of a value in a query; longer ones are taken for secrets."""

_SIGNATURE = re.compile(r"(?i)(^|&)(x-amz-signature|x-goog-signature|signature|sig)=")

_whole: dict[str, str] = {}


BUCKETS = ("s3://", "gs://", "az://")
"""What the paths of objects in buckets begin with."""

DAV = "davs://"
"""What grids call a WebDAV server behind TLS: ``https://`` to everybody else."""


def is_remote(href: str) -> bool:
    """True for http://, https://, davs:// and for objects in buckets.

    >>> is_remote("https://example.org/B04.tif"), is_remote("s3://scenes/B04.tif"), is_remote("/data/B04.tif")
    (True, True, False)
    """
    return href[:8].lower().startswith(("http://", "https://", DAV)) or is_bucket(href)


def is_bucket(href: str) -> bool:
    """True for an object in a bucket, or a folder there."""
    return href.startswith(BUCKETS)


def web(href: str) -> str:
    """The address that is asked for an href.

    >>> web("davs://dcache.example.org:2880/a.tif"), web("https://example.org/a.tif")
    ('https://dcache.example.org:2880/a.tif', 'https://example.org/a.tif')
    """
    return f"https://{href[len(DAV) :]}" if href[: len(DAV)].lower() == DAV else href


def joined(base: str, href: str) -> str:
    """An href as it is meant in a document that lies at `base`, an address or an object.

    >>> joined("s3://scenes/2024/item.json", "../B04.tif"), joined("https://example.org/a/item.json", "s3://b/c.tif")
    ('s3://scenes/B04.tif', 's3://b/c.tif')
    """
    if not is_bucket(base) and web(base) == base:
        return urljoin(base, href)
    scheme, _, rest = base.partition("://")  # which the standard library would not take for one of a hierarchy
    found = urljoin(f"http://{rest}", href)
    return f"{scheme}://{found.removeprefix('http://')}" if "://" not in href else href


def public(href: str) -> str:
    """The href without user, password, fragment, and without its query where that looks like holding a secret.

    >>> public("https://me:word@example.org/B04.tif?sig=abc&se=2026")
    'https://example.org/B04.tif'
    >>> public("https://example.org/tiles?band=red")
    'https://example.org/tiles?band=red'
    """
    if not is_remote(href):
        return href
    part = split(href)
    pairs = parse_qsl(part.query, keep_blank_values=True)
    plain = pairs and not any(_SECRET.match(name) or len(value) > _LONGEST_PLAIN for name, value in pairs)
    return urlunsplit((part.scheme, part.netloc.rpartition("@")[2], part.path, part.query if plain else "", ""))


def remember(href: str) -> str:
    """Keep the whole href in memory; returns what may be written down."""
    known = public(href)
    if known != href:
        _whole[known] = href
    return known


def secrets(known: Iterable[str]) -> dict[str, str]:
    """What was remembered of these, to be handed to a worker process through its pipe; never to be written down."""
    return {href: _whole[href] for href in known if href in _whole}


def learn(known: Mapping[str, str]) -> None:
    """In a worker: what the coordinator remembers."""
    _whole.update(known)


def whole(known: str) -> str:
    """What `remember` was given: to be asked, never to be written down."""
    return _whole.get(known, known)


def split(href: str) -> SplitResult:
    """The parts of an href; raises `BadInput`."""
    try:
        return urlsplit(href)
    except ValueError as error:
        raise BadInput(f"an href is no address ({error})") from error


def signs(query: str) -> bool:
    """True for a query that holds the signature of an object store: all that its server wants to see.

    >>> signs("X-Amz-Date=0&X-Amz-Signature=1"), signs("design=1")
    (True, False)
    """
    return bool(_SIGNATURE.search(query))


def place(part: SplitResult) -> tuple[str, int]:
    """Host and port; raises `BadInput`."""
    try:
        host, port = part.hostname, part.port
    except ValueError as error:
        raise BadInput(f"is no address ({error})", public(part.geturl())) from error
    if not host:
        raise BadInput("names no host", public(part.geturl()))
    return host, port or (443 if part.scheme.lower() == "https" else 80)
