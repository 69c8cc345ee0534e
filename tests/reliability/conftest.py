"""The process whose children are killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def victims():
    """The process whose children die."""
    script = Path(__file__).with_name("_victims.py")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def order(**words) -> int:
            process.stdin.write(json.dumps(words) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())["status"]

        yield order
        process.stdin.close()
