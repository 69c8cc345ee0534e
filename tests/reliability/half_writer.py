"""In a worker, as it is loaded: one write in place stops in its middle, as GIGASCENE_TEST_HALF says.

Preloaded by Dask's workers (``--preload``) and by the fork server. ``kill``: the worker dies there. ``stop``: it stands still until
somebody lets it go on, and then writes zeros. ``GIGASCENE_TEST_AFTER`` writes are let pass before; ``GIGASCENE_TEST_MARKER`` is a file that tells who was there, so that it happens once.
"""

import os
import signal
from pathlib import Path

from gigascene.execute import in_place

_write = in_place.write_at
_passed = []


def _half(file, data, offset):
    way, marker = os.environ["GIGASCENE_TEST_HALF"], Path(os.environ["GIGASCENE_TEST_MARKER"])
    try:
        _passed.append(offset)
        if len(_passed) <= int(os.environ.get("GIGASCENE_TEST_AFTER", "0")):
            raise FileNotFoundError
        marker.touch(exist_ok=False)
    except OSError:
        _write(file, data, offset)
        return
    marker.write_text(str(os.getpid()))
    half = len(data) // 2
    _write(file, data[:half], offset)
    os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[way])
    _write(file, bytes(len(data) - half), offset + half)  # what nobody may find anywhere
    marker.with_suffix(".done").touch()


if "GIGASCENE_TEST_MARKER" in os.environ:  # not where pytest looks for examples in it
    in_place.write_at = _half
