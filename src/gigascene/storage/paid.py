"""Buckets whose readers pay, what that may cost, and whether the user has agreed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gigascene.storage.hrefs import is_bucket

VARIABLE = "AWS_REQUEST_PAYER"
"""The environment's word for it, as GDAL and obstore have it; worker processes read it too."""

REGIONS: Mapping[str, str] = {"usgs-landsat": "us-west-2"}
"""Public buckets whose readers pay, and where they lie."""

DOLLARS_PER_GB = 0.09
"""AWS's list price of data that leaves its cloud, first 10 TB of a month (https://aws.amazon.com/s3/pricing/)."""


def is_paid(href: str) -> bool:
    """True for an object in a bucket that is known to be paid for by who reads it."""
    return is_bucket(href) and href.partition("://")[2].partition("/")[0] in REGIONS


def agreed() -> bool:
    """True if the user has said that reading may cost them something."""
    return os.environ.get(VARIABLE, "").lower() in {"requester", "true"}


def agree() -> None:
    """Said once, for this process and those it starts."""
    os.environ[VARIABLE] = "requester"


def cost(size: int | None) -> str:
    """What reading may cost, in words.

    >>> cost(180_000_000)
    'about $0.02 for 0.18 GB, nothing from inside its region'
    >>> cost(None)
    'about $0.09 a GB, nothing from inside its region'
    """
    free = "nothing from inside its region"
    if size is None:
        return f"about ${DOLLARS_PER_GB:.2f} a GB, {free}"
    dollars = size / 1e9 * DOLLARS_PER_GB
    told = f"about ${dollars:.2f}" if dollars >= 0.01 else "less than $0.01"
    return f"{told} for {size / 1e9:.2g} GB, {free}"
