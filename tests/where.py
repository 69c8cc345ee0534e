"""Where real files lie, beside the repository; tests that need them are skipped where they are absent."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no real files in ../shared/data")
