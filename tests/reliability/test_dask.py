"""A Dask cluster that loses workers, its scheduler, everybody: the same bytes, or exit code 7; never a wait without end."""

import hashlib
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from distributed import Scheduler

import gigascene
from cli.shell import PROGRAM, spoken
from contracts.chores import BYTES, Chore, tasks
from gigascene.engines import _dask_cluster
from gigascene.engines import dask as engine
from gigascene.model.contracts import Failed
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Cut
from reliability.kills import rows
from reliability.mortal import secretive

TESTS = Path(__file__).parents[1]
DEADLINE_S = 90


def program(what, *words, log, under=()):
    """A scheduler or worker of a cluster that is not ours; `under` is what runs it."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("ab") as file:
        return subprocess.Popen(
            [*under, sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, words)],
            stdout=file,
            stderr=file,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )


def known(journal):
    """Pieces that it tells of; none where it is not laid out yet."""
    try:
        return list(rows(journal))
    except sqlite3.OperationalError:
        return []


def until(told, what):
    end = time.monotonic() + DEADLINE_S
    while not told():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.1)


class Cluster:
    """A scheduler and its workers, as processes."""

    def __init__(self, folder):
        self.folder, self.log, self.programs = folder, folder / "log", []
        self.scheduler = self.started("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        until(lambda: "Scheduler at:" in self.log.read_text(), "scheduler")
        told = next(line for line in self.log.read_text().splitlines() if "Scheduler at:" in line)
        self.address = told.split()[-1]

    def worker(self, *more, under=()):
        before = self.log.read_text().count("Registered to:")
        words = [
            "--nthreads",
            "1",
            "--no-dashboard",
            "--host",
            "127.0.0.1",
            "--local-directory",
            self.folder,
            "--no-nanny",
            *more,
        ]
        found = self.started("worker", self.address, *words, under=under)
        until(lambda: self.log.read_text().count("Registered to:") > before, "worker")
        return found

    def started(self, what, *words, under=()):
        found = program(what, *words, log=self.log, under=under)
        self.programs.append(found)
        return found

    def stop(self):
        for one in self.programs:
            one.kill()
            one.wait()


@pytest.fixture
def cluster(tmp_path_factory):
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.stop()


@pytest.fixture
def plan(scene, tmp_path):
    """A plan of many tasks, and the SHA-256 of what it makes."""
    plan = gigascene.plan_compose("ndvi", scene, tmp_path / "a.tif", options={"tile": 64}, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    gigascene.run(plan)
    whole = digest(plan)
    Path(plan.target).unlink()
    return replace(plan, execution=replace(plan.execution, engine="dask", workers=2)), whole


def digest(plan):
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


class Once:
    """Does something at the first result."""

    def __init__(self, act):
        self.act = act

    def __call__(self, progress):
        act, self.act = self.act, None
        if act:
            act()


def within(seconds, function):
    """What it returns or raises, in time."""
    found = []

    def work():
        try:
            found.append(function())
        except BaseException as error:  # noqa: BLE001
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"nothing within {seconds} s"
    return found[0]


def killed_worker():
    """Kill one worker of our own cluster."""
    found = [one for one in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
    found[-1].send_signal(signal.SIGKILL)


def test_a_killed_worker_of_our_own_changes_no_byte(plan):
    plan, whole = plan
    receipt = within(DEADLINE_S, lambda: gigascene.run(plan, watch=Once(killed_worker)))
    assert receipt.pieces > 10, receipt
    assert digest(plan) == whole


def test_results_of_our_own_cluster_do_not_pass_its_scheduler(plan, monkeypatch):
    async def never(*args, **kwargs):
        raise AssertionError("a result came through the scheduler")

    monkeypatch.setattr(Scheduler, "gather", never)
    plan, whole = plan
    gigascene.run(plan)
    assert digest(plan) == whole


def test_a_killed_worker_of_a_cluster_changes_no_byte(plan, cluster):
    plan, whole = plan
    mortal, _ = cluster.worker(), cluster.worker()
    where = {"scheduler": cluster.address}
    receipt = within(DEADLINE_S, lambda: gigascene.run(plan, where=where, watch=Once(mortal.kill)))
    assert receipt.pieces > 10, receipt
    assert digest(plan) == whole
    assert mortal.wait() == -signal.SIGKILL


def test_a_killed_scheduler_ends_the_run_and_a_resume_goes_on(plan, cluster):
    plan, whole = plan
    cluster.worker()
    where = {"scheduler": cluster.address}
    error = within(DEADLINE_S, lambda: gigascene.run(plan, where=where, watch=Once(cluster.scheduler.kill)))
    assert isinstance(error, WorkersLost), error
    assert "scheduler" in str(error).lower()
    on_threads = replace(plan, execution=replace(plan.execution, engine="threads"))
    assert gigascene.run(on_threads, resume=True).resumed > 0
    assert digest(plan) == whole


def test_all_workers_killed_is_no_wait_without_end(plan, cluster, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE_S", 2.0)
    monkeypatch.setattr(engine, "LOOK_S", 0.5)
    plan, _ = plan
    error = within(
        DEADLINE_S,
        lambda: gigascene.run(plan, where={"scheduler": cluster.address}, watch=Once(cluster.worker().kill)),
    )
    assert isinstance(error, WorkersLost), error
    assert "no worker" in str(error)


def test_a_scheduler_that_stands_still_is_no_wait_without_end(plan, cluster, monkeypatch):
    monkeypatch.setattr(engine, "ANSWER_S", 2.0)
    monkeypatch.setattr(engine, "LOOK_S", 0.5)
    plan, _ = plan
    cluster.worker()
    stop = Once(lambda: cluster.scheduler.send_signal(signal.SIGSTOP))
    error = within(DEADLINE_S, lambda: gigascene.run(plan, where={"scheduler": cluster.address}, watch=stop))
    cluster.scheduler.send_signal(signal.SIGCONT)
    assert isinstance(error, WorkersLost), error


def test_the_command_line_runs_on_a_cluster(plan, cluster, tmp_path, capsys, monkeypatch):
    plan, whole = plan
    gigascene.save_plan(plan, tmp_path / "plan.json")
    cluster.worker()
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--scheduler", cluster.address, "--quiet")
    assert said.code == 0, said
    assert digest(plan) == whole
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    monkeypatch.setattr(_dask_cluster, "CONNECT_S", 1.0)
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--scheduler", cluster.address, "--quiet")
    assert (said.code, cluster.address in said.err) == (7, True), said


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:1", "tls://127.0.0.1:1"])
def test_an_address_that_cannot_be_is_a_usage_error(address, plan, tmp_path, capsys, monkeypatch):
    gigascene.save_plan(plan[0], tmp_path / "plan.json")
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--scheduler", address, "--quiet")
    assert (said.code, address in said.err) == (2, True), said


def test_an_option_of_another_engine_is_a_usage_error(plan):
    on_threads = replace(plan[0], execution=replace(plan[0].execution, engine="threads"))
    with pytest.raises(gigascene.GigasceneError, match="no option scheduler"):
        gigascene.run(on_threads, where={"scheduler": "tcp://127.0.0.1:1"})


def test_workers_say_nothing_of_what_they_were_given(cluster, monkeypatch):
    """Neither where a task fails nor where its worker dies."""
    monkeypatch.setenv("GIGASCENE_TEST_NAME", "not-to-be-told")
    cluster.worker()
    found = list(engine.Dask(1, cluster.address).map(secretive, tasks(3), ahead=BYTES, bound=lambda task: BYTES))
    assert [type(result) for result in found] == [Failed] * 3
    assert str(found[0].error) == "it is not-to-be-told"
    assert "not-to-be-told" not in cluster.log.read_text()


@pytest.fixture
def working():
    """A run on a cluster of our own, behind its first result."""
    results = engine.Dask(2).map(Chore(), iter(tasks(100)), ahead=4 * BYTES, bound=lambda task: BYTES)
    assert next(results).task.index == 0
    yield results
    results.close()


def test_our_own_cluster_listens_on_loopback_alone_and_goes(working):
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [one.laddr.ip for process in family for one in process.net_connections() if one.status == "LISTEN"]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}
    workers = [process for process in family[1:] if "spawn_main" in " ".join(process.cmdline())]
    assert len(workers) == 2
    working.close()
    assert not psutil.wait_procs(workers, timeout=20)[1]


def test_our_own_cluster_speaks_to_nobody_without_its_certificate(working, cluster):
    """Whoever else is on this machine cannot run code as we; a bare scheduler would have answered."""
    assert answered(int(cluster.address.rpartition(":")[2]), None)
    ports = [one.laddr.port for one in psutil.Process().net_connections() if one.status == "LISTEN"]
    assert len(ports) >= 2  # scheduler and nanny
    assert not [port for port in ports for stranger in (None, anybody()) if answered(port, stranger)]
    assert next(working).task.index == 1


def anybody():
    """TLS that trusts everybody and shows no certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def answered(port, context, host="127.0.0.1"):
    """True if something of Dask's own comes back: its peers begin with a handshake of MessagePack."""
    try:
        with socket.create_connection((host, port), timeout=3) as plain:
            plain.settimeout(1)
            with context.wrap_socket(plain) if context else plain as stream:
                return b"compression" in stream.recv(1000)
    except OSError:
        return False


def test_without_the_package_it_says_what_to_install(plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(gigascene.GigasceneError, match=r"pip install 'gigascene\[dask\]'"):
        gigascene.run(plan[0])


def test_dasks_own_settings_name_a_scheduler(cluster, tmp_path):
    """In a process of its own, for Dask reads its environment once."""
    cluster.worker()
    code = (
        "from gigascene.engines.dask import Dask\n"
        "from contracts.chores import Chore, tasks\n"
        "import psutil\n"
        "found = list(Dask(1).map(Chore(), tasks(5), ahead=9, bound=lambda task: 1))\n"
        "print(len(found), len(psutil.Process().children(recursive=True)))\n"
    )
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": path, "DASK_SCHEDULER_ADDRESS": cluster.address}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["5", "0"], done


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_with_all_its_family_it_keeps_what_is_done(sign, code, scene, tmp_path):
    """As a terminal's Ctrl-C does: every process of ours gets the signal, and only the coordinator answers."""
    plan = gigascene.plan_compose("pan-sharpened", scene, tmp_path / "a.tif", options={"tile": 64}, memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=4))
    gigascene.save_plan(
        replace(plan, execution=replace(plan.execution, engine="dask", workers=2)), tmp_path / "plan.json"
    )
    running = subprocess.Popen(
        [PROGRAM, "run", tmp_path / "plan.json", "--quiet"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    journal = tmp_path / ".a.tif.journal"
    until(lambda: journal.exists() and any(known(journal)), "first piece")
    family = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, sign)
    _, said = running.communicate(timeout=DEADLINE_S)
    assert (running.returncode, "--resume" in said) == (code, True), said
    assert "Traceback" not in said
    assert not psutil.wait_procs(family, timeout=20)[1]
    assert gigascene.run(plan, resume=True).resumed > 0
