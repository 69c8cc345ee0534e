"""Keys and settings in the files of AWS's own tools: ``~/.aws/credentials`` and ``~/.aws/config``, looked at anew when asked."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

KEYS = ("aws_access_key_id", "aws_secret_access_key")


def profile() -> str:
    """Name of the profile that is asked for."""
    return os.environ.get("AWS_PROFILE") or "default"


def facts(name: str) -> Mapping[str, str]:
    """All that both files say of a profile; nothing where neither knows it."""
    section = name if name == "default" else f"profile {name}"
    config = _section("AWS_CONFIG_FILE", "config", section)
    return {**config, **_section("AWS_SHARED_CREDENTIALS_FILE", "credentials", name)}


def _section(variable: str, file: str, section: str) -> Mapping[str, str]:
    path = Path(os.environ.get(variable) or Path.home() / ".aws" / file).expanduser()
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}
