"""Commands as a user gives them who allows nothing yet."""

import pytest

from cli.shell import spoken
from gigascene.settings import settings


@pytest.fixture
def command(capsys, monkeypatch):
    """Exit code, results and words of a command in an environment of its own."""
    monkeypatch.delenv("GIGASCENE_ALLOW_PRIVATE_HREFS", raising=False)
    settings.cache_clear()

    def run(*words):
        said = spoken(capsys, monkeypatch, *words)
        assert "fault" not in said.err
        return said

    yield run
    settings.cache_clear()
