"""On a real Slurm: the same bytes as on one core, whoever is killed; nothing is left in the queue or on disk."""

import hashlib
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import gigascene
from cli.shell import PROGRAM
from gigascene.engines import slurm as engine
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Cut
from slurm.cluster import missing, slurm

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
DEADLINE_S = 120


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two nodes of one core."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-") as folder,
        slurm(Path(folder)) as conf,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(conf))
        yield conf


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(engine, "LOOK_S", 1.0)


@pytest.fixture(scope="module", params=["png", "cog"])
def reference(request, scene, tmp_path_factory):
    """A plan of many tasks, and the SHA-256 of what it makes on one core."""
    return planned(request.param, scene, tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="module")
def long(scene, tmp_path_factory):
    """The same, of tasks that take a while."""
    return planned("long", scene, tmp_path_factory.mktemp("serial"))


def planned(kind, scene, folder):
    product, suffix, options, rows = {
        "png": ("true-color", ".png", {}, 300),
        "cog": ("ndvi", ".tif", {"tile": 64}, 64),
        "long": ("pan-sharpened", ".tif", {"tile": 64}, 2),
    }[kind]
    plan = gigascene.plan_compose(product, scene, folder / f"a{suffix}", options=options, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=rows))
    gigascene.run(plan)
    return plan, digest(plan)


def digest(plan):
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


def at(plan, folder):
    folder.mkdir(parents=True, exist_ok=True)
    execution = replace(plan.execution, engine="slurm", workers=2)
    return replace(plan, target=str(folder / Path(plan.target).name), execution=execution)


def elements():
    """Processes of the array's jobs."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if engine.DONE_BY in words:
            found.append(process)
    return found


def queued():
    return subprocess.run(["squeue", "-h", "-r"], capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def until(told, what):
    end = time.monotonic() + DEADLINE_S
    while not told():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.1)


def hidden(plan):
    return [path.name for path in Path(plan.target).parent.iterdir() if path.name.startswith(".")]


def test_the_same_bytes(reference, tmp_path):
    plan, whole = reference
    plan = at(plan, tmp_path)
    gigascene.run(plan, where={"partition": "main", "array": "3", "time": "10"})
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued(), "empty queue")


def test_a_killed_job_changes_no_byte(long, tmp_path):
    plan, whole = at(long[0], tmp_path), long[1]
    killed = []

    def kill(progress):
        if not killed:
            killed.extend(elements()[:1])
            killed[0].send_signal(signal.SIGKILL)

    gigascene.run(plan, where={"array": "2"}, watch=kill)
    assert killed
    assert digest(plan) == whole
    assert not hidden(plan)


def started(plan, tmp_path, *words):
    """`gigascene run` as a process of its own, once it has placed something and goes on."""
    gigascene.save_plan(plan, tmp_path / "plan.json")
    running = subprocess.Popen(
        [PROGRAM, "run", tmp_path / "plan.json", "--quiet", *words], stderr=subprocess.PIPE, text=True
    )
    part = Path(plan.target).with_name(f".{Path(plan.target).name}.part")
    until(lambda: part.exists() and part.stat().st_size > 0 and elements(), "first piece")
    assert running.poll() is None
    return running


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_cancels_its_jobs_and_a_resume_goes_on(sign, code, long, tmp_path):
    plan, whole = at(long[0], tmp_path / "out"), long[1]
    running = started(plan, tmp_path, "--array", "2")
    running.send_signal(sign)
    assert (running.wait(DEADLINE_S), running.stderr.read().count("--resume")) == (code, 1)
    running.stderr.close()
    until(lambda: not queued() and not elements(), "empty queue")
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole
    assert not hidden(plan)


def test_after_a_killed_coordinator_a_resume_goes_on_and_no_job_is_left(long, tmp_path):
    plan, whole = at(long[0], tmp_path / "out"), long[1]
    running = started(plan, tmp_path, "--array", "2")
    running.kill()
    running.wait()
    running.stderr.close()
    left = {process.pid for process in elements()}
    assert left
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued() and not left & {process.pid for process in elements()}, "empty queue")


def test_a_controller_that_is_started_anew_changes_no_byte(long, cluster, tmp_path):
    plan, whole = at(long[0], tmp_path), long[1]
    killed = []

    def kill(progress):
        if not killed:
            killed.append(psutil.Process(int((cluster.parent / "slurmctld.pid").read_text())))
            killed[0].kill()
            killed[0].wait(DEADLINE_S)
            threading.Timer(8, lambda: subprocess.run(["slurmctld"], check=True, timeout=30)).start()

    gigascene.run(plan, where={"array": "2"}, watch=kill)
    assert killed
    assert digest(plan) == whole
    until(lambda: not queued(), "empty queue")


def test_a_controller_that_is_gone_is_no_wait_without_end(long, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE_S", 3.0)
    plan = at(long[0], tmp_path)
    gone = []

    def kill(progress):
        if not gone:
            gone.append(psutil.Process(int((cluster.parent / "slurmctld.pid").read_text())))
            for one in (*elements(), gone[0]):
                one.kill()
            gone[0].wait(DEADLINE_S)

    try:
        with pytest.raises(WorkersLost, match="squeue"):
            gigascene.run(plan, where={"array": "2"}, watch=kill)
    finally:
        subprocess.run(["slurmctld"], check=True, timeout=30)
    until(lambda: not queued(), "empty queue")


def test_jobs_that_make_nothing_are_no_wait_without_end(reference, tmp_path, monkeypatch):
    plan = at(reference[0], tmp_path)
    monkeypatch.setattr(engine, "DONE_BY", "gigascene.no_such_module")
    with pytest.raises(WorkersLost, match=r"tasks 0.* missing.*no_such_module"):
        gigascene.run(plan, where={"array": "1"})
    assert not queued()


def test_a_partition_that_is_not_there_is_told(reference, tmp_path):
    with pytest.raises(WorkersLost, match=r"(?i)partition"):
        gigascene.run(at(reference[0], tmp_path), where={"partition": "nowhere"})


def test_hostile_names_do_nothing(reference, tmp_path, monkeypatch):
    plan, whole = reference
    folder = tmp_path / 'a\'b "$(touch pwned)" `touch pwned`; touch pwned; {} %a %j\n#SBATCH --hold\n\\'
    plan = at(plan, folder)
    gigascene.run(plan, where={"array": "2"})
    assert digest(plan) == whole
    assert not [path for path in (Path("/pwned"), *tmp_path.rglob("pwned"), Path("pwned")) if path.exists()]
    assert list(tmp_path.iterdir()) == [folder]
