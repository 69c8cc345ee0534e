"""Dask's workers as jobs of Slurm: the same bytes, whoever is killed, and nobody speaks to them without the certificate."""

import signal
import stat
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import gigascene
from gigascene.engines import _dask_jobs, dask
from gigascene.model.errors import UsageError, WorkersLost, exit_code
from reliability.test_dask import answered, anybody
from slurm.cluster import missing
from slurm.runs import Once, at, digest, hidden, queued, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
SLURM = {"slurm": "2", "partition": "main", "time": "60"}


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(dask, "LOOK_S", 1.0)
    monkeypatch.setattr(dask, "TEND_S", 1.0)


def on_dask(plan, folder):
    plan = at(plan, folder)
    return replace(plan, execution=replace(plan.execution, engine="dask"))


def workers():
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "distributed.cli.dask_worker" in words and any(word.startswith("tls://") for word in words):
            found.append(process)
    return found


def test_the_same_bytes_from_behind_a_certificate(reference, tmp_path):
    plan, whole = on_dask(reference[0], tmp_path), reference[1]
    seen = []

    def look():
        [key] = tmp_path.glob(".*.spool/*.dask/key.pem")
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        ours = [one.laddr for one in psutil.Process().net_connections() if one.status == "LISTEN"]
        seen.extend(one.laddr for worker in workers() for one in worker.net_connections() if one.status == "LISTEN")
        for host, port in [*ours, *seen]:
            assert not any(answered(port, stranger, host) for stranger in (None, anybody()))

    gigascene.run(plan, where=SLURM, watch=Once(look))
    assert seen
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued() and not workers(), "end of the workers")


def test_a_killed_worker_is_sent_again(medium, tmp_path):
    plan, whole = on_dask(medium[0], tmp_path), medium[1]
    kill = Once(lambda: [one.send_signal(signal.SIGKILL) for one in workers()])
    gigascene.run(plan, where=SLURM, watch=kill)
    assert kill.done
    assert digest(plan) == whole
    assert not hidden(plan)


def test_workers_that_cannot_begin_are_no_wait_without_end(small, tmp_path, monkeypatch):
    plan = on_dask(small[0], tmp_path)
    monkeypatch.setattr(_dask_jobs, "QUIET", {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"})
    with pytest.raises(WorkersLost, match=r"3 times in vain") as lost:
        gigascene.run(plan, where=SLURM)
    assert exit_code(lost.value) == 7
    assert not queued()
    assert not Path(plan.target).exists()


def test_what_slurm_refuses_is_a_usage_error(small, tmp_path):
    plan = on_dask(small[0], tmp_path)
    with pytest.raises(UsageError, match="nothing"):
        gigascene.run(plan, where={**SLURM, "partition": "nothing"})
    assert not hidden(plan)
