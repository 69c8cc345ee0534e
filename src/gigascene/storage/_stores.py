"""Buckets by way of obstore: found by their path, with credentials by the provider chain; refusals in words without a secret.

What the server says is never repeated: only its code is. The server itself is the one of the user's own settings; no
path can name another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from gigascene.storage import _profiles, paid
from gigascene.storage.local import INSTEAD, THERE

RETRIES = 4
"""Of one request, where the server or the way to it fails for a moment."""

WAIT_S = 0.5
"""Before the second try; doubled each time."""

LONGEST_WAIT_S = 20.0
CONNECT_S, REQUEST_S = 10, 120
FRESH_S = 300
"""A profile's keys are read again after this."""

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_WRONG = {
    "AuthenticationFailed",
    "AuthorizationFailure",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_ELSEWHERE = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_PLACELESS = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
"""Where credentials are asked for last, and nobody answers who has none."""


class Refused(Exception):
    """``Refused(what, hint)``: in words that may be shown."""


class Denied(Refused):
    """As `Refused`: for want of credentials or rights."""


class Silent(Refused):
    """As `Refused`: no server answers just now."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object."""

    scheme: str
    bucket: str
    key: str


def located(url: str) -> Place:
    """The parts of an object's path, which is not decoded; raises `Refused`."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise Refused("it names no bucket", f"Write {scheme}://BUCKET/KEY; credentials do not belong there.")
    if {"", ".", ".."} & set(key.split("/")) or not key.isprintable():
        raise Refused("it names no object, or has an empty part", f"Write {scheme}://{bucket}/KEY.")
    return Place(scheme, bucket, key)


def library() -> Any:
    """The module `obstore`; raises `Refused` where it is not installed."""
    try:
        import obstore.store  # noqa: PLC0415  (an extra)
    except ImportError:
        raise Refused("buckets need obstore, which is not installed", "pip install 'gigascene[cloud]'") from None
    return obstore


@contextmanager
def opened(url: str) -> Iterator[tuple[Any, Any, str]]:
    """The library, the store of an object and its key in it; whatever the library raises inside becomes `Refused`."""
    obstore, place = library(), located(url)
    try:
        yield obstore, _store(place.scheme, place.bucket), place.key
    except FileNotFoundError as error:
        raise Refused(*_words(place, str(error), missing=True)) from None
    except obstore.exceptions.AlreadyExistsError:
        raise Refused(THERE, INSTEAD) from None
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise _refusal(place, str(error)) from None


@cache
def _store(scheme: str, bucket: str) -> Any:
    """The library itself looks into the environment, and asks the machine's own services for credentials."""
    stores = library().store
    retries = {
        "max_retries": RETRIES,
        "retry_timeout": timedelta(seconds=RETRIES * LONGEST_WAIT_S),
        "backoff": {
            "init_backoff": timedelta(seconds=WAIT_S),
            "max_backoff": timedelta(seconds=LONGEST_WAIT_S),
            "base": 2,
        },
    }
    client = {"connect_timeout": f"{CONNECT_S}s", "timeout": f"{REQUEST_S}s", "user_agent": "gigascene"}
    if scheme == "gs":
        return stores.GCSStore(bucket, client_options=client, retry_config=retries)
    if scheme == "az":
        if (os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT") or "").startswith("http://"):
            client["allow_http"] = "true"
        return stores.AzureStore(bucket, client_options=client, retry_config=retries)
    options = _aws(bucket)
    if options.get("endpoint", "").startswith("http://"):
        client["allow_http"] = "true"
    keys = {"credential_provider": _profiled} if _is_profiled() else {}
    return stores.S3Store(bucket, config=options, client_options=client, retry_config=retries, **keys)


def _aws(bucket: str = "") -> dict[str, str]:
    """Server and region: the environment's, else the profile's, else where a public bucket is known to lie."""
    said, given = _profiles.facts(_profiles.profile()), os.environ.get
    found = {
        "endpoint": given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL") or said.get("endpoint_url", ""),
        "region": given("AWS_REGION") or given("AWS_DEFAULT_REGION") or said.get("region", ""),
    }
    found["region"] = found["region"] or paid.REGIONS.get(bucket, "")
    return {name: value for name, value in found.items() if value}


def _is_profiled() -> bool:
    """True where a profile's keys are those to be used; raises `Refused` where it is asked for and has none."""
    if os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE"):
        return False
    name = _profiles.profile()
    said = _profiles.facts(name)
    if all(key in said for key in _profiles.KEYS):
        return True
    if os.environ.get("AWS_PROFILE"):
        what = "holds no keys of its own" if said else "is in none of AWS's files"
        hint = f'eval "$(aws configure export-credentials --format env --profile {name})" makes keys of it.'
        raise Refused(f"the profile {name} {what}", hint if said else "")
    return False


def _profiled() -> Mapping[str, Any]:
    """The keys of the profile as its file says now."""
    said = _profiles.facts(_profiles.profile())
    return {
        "access_key_id": said[_profiles.KEYS[0]],
        "secret_access_key": said[_profiles.KEYS[1]],
        "token": said.get("aws_session_token"),
        "expires_at": datetime.now(UTC) + timedelta(seconds=FRESH_S),
    }


def _refusal(place: Place, text: str) -> Refused:
    answer = _answer(text)
    words = _words(place, text)
    if words == _denied(place, *answer):
        return Denied(*words)
    return (Silent if words == _unreachable(_told(*answer[:2]), text) else Refused)(*words)


def _answer(text: str) -> tuple[str, str, str]:
    """Code and number of the server's answer, and the text in which the library tells them."""
    return _found(r"<Code>(\w+)</Code>", text), _found(r"status code: (\d{3})", text), text


def _words(place: Place, text: str, *, missing: bool = False) -> tuple[str, str]:
    """What went wrong and what to do, by the code and the number of the server's answer."""
    code, status, _ = _answer(text)
    if code in {"NoSuchBucket", "ContainerNotFound"}:
        return f"there is no bucket {place.bucket}", "Is its name right, and AWS_ENDPOINT_URL that of its server?"
    if missing:
        return "there is no such object", "Is its name right?"
    if code in _ELSEWHERE or status == "301":
        return f"the bucket {place.bucket} lies in another region", "AWS_REGION says in which."
    return _denied(place, code, status, text) or _unreachable(_told(code, status), text)


def _told(code: str, status: str) -> str:
    return code or (f"HTTP {status}" if status else "")


def _denied(place: Place, code: str, status: str, text: str) -> tuple[str, str] | None:
    told = _told(code, status)
    if any(name in text for name in _PLACELESS):
        return "no credentials were found", _keys(place)
    if code in _WRONG or "Unauthenticated" in text or status == "401":
        return f"the server does not accept the credentials ({told or 'none that hold'})", f"They are {_whence(place)}."
    if status == "403" and code not in _ELSEWHERE:
        return f"the credentials give no right to it ({told})", f"They are {_whence(place)}."
    return None


def _keys(place: Place) -> str:
    if place.bucket in paid.REGIONS:
        return f"AWS bills who reads {place.bucket}: give keys or a profile of an account there."
    return "Give keys or a profile; AWS_SKIP_SIGNATURE=true reads what is public."


def _unreachable(told: str, text: str) -> tuple[str, str]:
    why = told or _found(r"kind: (Connect|Timeout|Body|Request)", text).lower() or "network"
    return f"the server cannot be reached ({why}); tried {RETRIES + 1} times", "Try again later."


def _whence(place: Place) -> str:
    """Where the credentials come from."""
    if place.scheme != "s3":
        return {
            "gs": "those of GOOGLE_APPLICATION_CREDENTIALS",
            "az": "those of AZURE_STORAGE_ACCOUNT_NAME and its key or token",
        }[place.scheme]
    if os.environ.get("AWS_SKIP_SIGNATURE"):
        return "none, by AWS_SKIP_SIGNATURE"
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return "those of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return f"those of the profile {_profiles.profile()}, or of this machine"


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
