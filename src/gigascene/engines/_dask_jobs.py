"""Workers of a Dask cluster as jobs of Slurm: sent as an array, each one worker, sent again while there is work.

The scheduler is here, in the coordinator, and speaks TLS with a certificate made
for the run. Jobs find it in a folder of ours alone, on the storage that the nodes
share with the target: a key does not belong into a job's text, which Slurm keeps.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from gigascene.engines import _preset, _sbatch
from gigascene.engines._dask_spool import folder_of
from gigascene.engines._jobscript import Place, script
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.storage.local import writing

TRIES = 3
"""A worker's job that ended so often, each time at once, is not sent again."""

AT_ONCE_S = 60.0
"""One that lived longer has worked."""

LAST_S = 60
"""So long before a job's time is over its worker hands back what it has not begun."""

QUIET = {"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]", "OMP_NUM_THREADS": "1"}
"""No pages, for they ask for no certificate."""


class Jobs:
    """The jobs of one run's workers."""

    def __init__(self, jobs: str, folder: Path, said: Mapping[str, str | None]) -> None:
        if not jobs.isdecimal() or int(jobs) < 1:
            raise UsageError(f"--slurm must be 1 or more, not {jobs}")
        asked = _preset.asked({name: said[name] for name in said if name != "preset"}, said.get("preset"))
        if asked.container is not None:
            raise UsageError("Dask's workers run in no container; use --engine slurm")
        self.count = int(jobs)
        self._asked = asked.sbatch
        self._place = Place(scratch=asked.scratch)
        self._folder, self._run = folder, uuid4().hex
        self._script = ""
        self._sent: dict[int, _Sending] = {}

    @contextmanager
    def cluster(self, settings: Mapping[str, Any], failures: int) -> Iterator[Any]:
        """A scheduler of ours, with as many workers as Slurm gives."""
        import dask.config  # noqa: PLC0415
        from distributed import LocalCluster, Security  # noqa: PLC0415

        try:
            security = Security.temporary()
        except ImportError as error:
            raise UsageError(f"this needs a package: pip install 'gigascene[dask]' ({error})") from error
        with dask.config.set(settings), self._keys(security) as keys:
            try:
                cluster = LocalCluster(
                    n_workers=0,
                    host=here(),
                    protocol="tls://",
                    security=security,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0", "allowed_failures": failures},
                    silence_logs=logging.CRITICAL,
                )
            except (OSError, RuntimeError) as error:
                raise WorkersLost(f"Dask's scheduler cannot be started: {error}") from error
            with cluster:
                self._script = self._text(cluster.scheduler_address, keys)
                try:
                    self._send(range(self.count))
                    yield cluster
                finally:
                    with suppress(WorkersLost, _sbatch.Refused):  # they end by themselves, when nobody answers
                        _sbatch.cancel([self._run])

    def expected(self) -> bool:
        """Whether a worker may still come. Sends again those that have ended; raises `WorkersLost` where waiting is in vain."""
        found = _sbatch.alive(self._run)
        for one in found:
            if one.unlaunched:
                _sbatch.cancel_element(one)
        alive = [one for one in found if not one.unlaunched]
        if alive and all(one.held for one in alive):
            named = ", ".join(f"{one.job} ({one.reason})" for one in alive[:5])
            raise WorkersLost(f"Slurm holds jobs that waiting does not free: {named}. The jobs are cancelled.")
        gone = set(range(self.count)) - {one.index for one in alive}
        again = [element for element in sorted(gone) if self._sent[element].again()]
        if again:
            self._send(again)
        if not alive and not again:
            raise WorkersLost(f"Slurm ran every worker {TRIES} times in vain. {self._why()}")
        return True

    def _send(self, elements: Any) -> None:
        _sbatch.submit(self._run, list(elements), self._script, self._asked, most=self.count)
        for element in elements:
            self._sent.setdefault(element, _Sending()).sent()

    @contextmanager
    def _keys(self, security: Any) -> Iterator[dict[str, Path]]:
        """Certificate and key in a folder of ours alone, while the run lasts."""
        with folder_of(self._run, self._folder, "dask") as folder:
            told = {"ca-file": "tls_ca_file", "cert": "tls_worker_cert", "key": "tls_worker_key"}
            files = {name: folder / f"{name}.pem" for name in told}
            with writing(folder):
                for name, of in told.items():
                    files[name].touch(mode=0o600)
                    files[name].write_text(getattr(security, of), encoding="ascii")
            yield files

    def _text(self, address: str, keys: Mapping[str, Path]) -> str:
        """What each job does. The number of its element becomes the worker's name."""
        limit = _sbatch.seconds(self._asked["time"]) if "time" in self._asked else 0
        life = ["--lifetime", f"{limit - LAST_S}s"] if limit > 2 * LAST_S else []
        command = [
            *("env", *(f"{name}={value}" for name, value in QUIET.items())),
            *(sys.executable, "-m", "distributed.cli.dask_worker", address),
            *(word for name, path in keys.items() for word in (f"--tls-{name}", str(path))),
            *("--nthreads", self._asked.get("cpus-per-task", "1"), "--memory-limit", "0"),
            *("--no-nanny", "--no-dashboard", "--death-timeout", "60", "--preload", "gigascene.engines._dask_cluster"),
            *("--local-directory", self._place.scratch or "/tmp"),  # noqa: S108  (Dask makes a folder of its own there)
            *life,
            "--name",
        ]
        words = str(self._words("{}"))
        return script(command, nonce=str(keys["key"]), words=words, place=self._place)

    def _words(self, element: int | str) -> Path:
        return self._folder / f"{self._run}.dask" / f"{element}.out"

    def _why(self) -> str:
        """The last word of any of them."""
        for element in range(self.count):
            with suppress(OSError):
                if said := self._words(element).read_text(errors="replace").strip().splitlines():
                    return f"The last word of one: {said[-1]}"
        return f"They have written nothing: do the nodes see {self._folder.parent}?"


@dataclass(slots=True)
class _Sending:
    """How often a worker's job was sent, and when."""

    tries: int = 0
    when: float = field(default_factory=time.monotonic)

    def sent(self) -> None:
        """It is sent now."""
        if time.monotonic() - self.when > AT_ONCE_S:
            self.tries = 0
        self.tries, self.when = self.tries + 1, time.monotonic()

    def again(self) -> bool:
        """Whether it may be sent once more."""
        return self.tries < TRIES or time.monotonic() - self.when > AT_ONCE_S


def here() -> str:
    """The address of this host that others may call."""
    from distributed.utils import get_ip  # noqa: PLC0415

    with suppress(OSError):
        found = socket.gethostbyname(socket.gethostname())
        if not found.startswith("127."):
            return found
    return str(get_ip())
