"""Logins of the user's own for hosts that want one: a token in the environment, or name and password in ``~/.netrc``.

Each goes over TLS to the hosts it is for and to no other, wherever a redirect leads. None is ever written down.
"""

from __future__ import annotations

import base64
import netrc
import os
from collections.abc import Mapping
from pathlib import Path

from gigascene.model.errors import BadInput

TOKENS: Mapping[str, tuple[str, ...]] = {
    "EARTHDATA_TOKEN": (".earthdata.nasa.gov", ".earthdatacloud.nasa.gov"),
    "CDSE_TOKEN": (".dataspace.copernicus.eu",),
}
"""Variables that hold a bearer token, and what the names of its hosts end with. The first is that of NASA's own client, `earthaccess`."""

WHENCE: Mapping[str, str] = {
    "EARTHDATA_TOKEN": "urs.earthdata.nasa.gov makes one, free of charge",
    "CDSE_TOKEN": "an account of dataspace.copernicus.eu, free of charge, makes one",
}


def header(scheme: str, host: str) -> dict[str, str]:
    """What a request to a host brings; raises `BadInput` where the file of logins cannot be read."""
    if scheme.lower() != "https":
        return {}
    if token := os.environ.get(_variable(host), ""):
        return {"Authorization": f"Bearer {token}"}
    name, password = _login(host)
    return {"Authorization": basic(name, password)} if name else {}


def basic(name: str, password: str) -> str:
    """Of HTTP's simplest login."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def hint(host: str) -> str:
    """What opens the door of a host, where that is known; else empty."""
    variable = _variable(host)
    if not variable:
        return ""
    if os.environ.get(variable):
        return f"{variable} is not accepted: it may have run out ({WHENCE[variable]})."
    return f"Its files want a token in {variable}: {WHENCE[variable]}."


def _variable(host: str) -> str:
    return next((name for name, ends in TOKENS.items() if f".{host.lower()}".endswith(ends)), "")


def _login(host: str) -> tuple[str, str]:
    """Name and password; both empty where there are none. A default for all hosts is not taken: hrefs are a stranger's words."""
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        found = netrc.netrc(str(path)).hosts.get(host.lower())
    except FileNotFoundError:
        return "", ""
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, netrc.NetrcParseError) and error.lineno else ""
        raise BadInput(
            f"the file of logins cannot be read{line}.", str(path), hint="Mend it, or name another: NETRC."
        ) from None
    return (found[0], found[2]) if found else ("", "")
