"""Workers that write into the body themselves: killed, frozen, elsewhere. The same bytes, and never a byte in what is not theirs."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import gigascene
from cli.shell import PROGRAM, spoken
from gigascene.engines._dask_spool import folder_of
from gigascene.execute import in_place
from gigascene.execute.in_place import Place, Witness, held, place_in_body, renewed, shared, shut_out
from gigascene.execute.run import Job
from gigascene.model.contracts import Done, Piece
from gigascene.model.errors import UsageError, WorkersLost, WriteFailed
from gigascene.model.plan import Cut, Task
from gigascene.registry import WRITERS
from reliability.kills import clean, rows
from reliability.test_dask import DEADLINE_S, TESTS, Cluster, digest, until, within

WAYS = ["target", "spool", "return"]
LONG_S = 6 * DEADLINE_S


@pytest.fixture(scope="module")
def job(scene, tmp_path_factory):
    """A plan of some twenty pieces of rows, and what it makes on one core."""
    target = tmp_path_factory.mktemp("in_place") / "out" / "a.pam"
    target.parent.mkdir()
    plan = gigascene.plan_compose("pan-sharpened", scene, target, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    gigascene.run(plan)
    whole = digest(plan)
    clean(target)
    return plan, whole


@pytest.fixture
def on(job):
    """The plan for an engine of two workers, in an empty folder."""
    plan, _ = job
    clean(Path(plan.target))
    return lambda engine: replace(plan, execution=replace(plan.execution, engine=engine, workers=2))


def check(plan, job):
    """The same bytes, and nothing else left."""
    assert digest(plan) == job[1]
    assert not [path.name for path in Path(plan.target).parent.iterdir() if path.name.startswith(".")]


@pytest.fixture
def cluster(tmp_path_factory):
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.stop()


# A place, by itself.

PIECE = Piece(index=3, body=b"new" * 9, sha256=hashlib.sha256(b"new" * 9).hexdigest())


def test_a_piece_is_written_through_a_name_that_is_gone_afterwards(tmp_path):
    body = tmp_path / ".a.pam.part"
    body.write_bytes(b"head")
    with shared(body, processes=3) as place:
        assert place.near()
        stored = place.store(PIECE, 10, sync=True)
        assert (stored.body, stored.stored) == (b"", PIECE.at(10))
    assert body.read_bytes() == b"head" + bytes(6) + PIECE.body
    assert list(tmp_path.iterdir()) == [body]
    assert place.store(PIECE, 0, sync=True) is PIECE
    assert not place.near()


def test_the_next_run_shuts_out_those_of_one_that_was_killed(tmp_path):
    body, other = tmp_path / ".a.pam.part", tmp_path / ".a.pam.part.pam.part"
    for path in (body, other):
        path.write_bytes(b"old")
    kept = shared(body, processes=3)
    place = kept.__enter__()  # and never left: the coordinator was killed
    assert held(body)
    shut_out(body)
    assert not held(body)
    assert sorted(tmp_path.iterdir()) == [body, other]
    assert place.store(PIECE, 0, sync=False) is PIECE
    assert body.read_bytes() == b"old"


def test_what_cannot_be_written_comes_home(tmp_path):
    """A full disk; whoever gets the piece meets it again, and says so."""
    place = Place(path=Path("/dev/full"), machine="", file=(0, 0))
    assert place.store(PIECE, 0, sync=False) is PIECE


def test_without_hard_links_nobody_else_is_let_in(tmp_path, monkeypatch):
    body = tmp_path / "body"
    body.touch()
    monkeypatch.setattr(os, "link", _refused)
    with shared(body, processes=3) as place:
        assert place is None
    with shared(body, processes=1) as place:
        assert place.store(PIECE, 0, sync=False).stored


def _refused(*args, **kwargs):
    raise PermissionError(1, "Operation not permitted")


def test_who_writes_elsewhere_is_looked_at_once(tmp_path):
    body = tmp_path / "body"
    body.write_bytes(PIECE.body)
    task = Task(index=0, start=0, stop=1)
    told = Done(
        task=task, pieces=(replace(PIECE, body=b"", stored=PIECE.at(0)),), seconds=0.0, author="process 1 on n1"
    )
    witness = Witness(body)
    witness.check(replace(told, pieces=(PIECE,)))  # it has written nothing yet, so nothing is known
    witness.check(told)
    body.write_bytes(b"other")
    witness.check(told)
    with pytest.raises(WorkersLost, match="process 2 on n1 wrote piece 3"):
        witness.check(replace(told, author="process 2 on n1"))


# Engines.


@pytest.mark.parametrize("engine", ["serial", "threads", "processes"])
def test_rows_are_written_by_those_who_make_them(engine, on, job):
    plan = on(engine)
    receipt = gigascene.run(plan)
    assert receipt.came == {"target": receipt.pieces}
    check(plan, job)


ASSEMBLED = {
    "cog": ("a.tif", {"tile": 64}),
    "deepzoom": ("a.dzi", {"tile": 64}),
    "jpeg with a mask": ("a.jpg", {}),
}


@pytest.mark.parametrize("kind", ASSEMBLED)
def test_what_is_assembled_from_a_body_has_slots_in_it(kind, small_scene, tmp_path):
    """Workers in processes of their own leave pieces there; the room between them takes none; the same bytes as ever."""
    name, options = ASSEMBLED[kind]
    plan = gigascene.plan_compose(
        "pan-sharpened", small_scene, tmp_path / name, options=options, engine="serial", memory="8G"
    )
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    gigascene.run(plan)
    whole = contents(tmp_path)
    apart = replace(plan, execution=replace(plan.execution, engine="processes", workers=2))
    receipt = gigascene.run(apart)
    assert receipt.came == {"target": receipt.pieces}
    assert contents(tmp_path) == whole
    assert place_in_body(plan.format, 1, apart=True) >= WRITERS[plan.format.writer].codec.bound(plan.format)
    assert place_in_body(plan.format, 1, apart=False) is None


def test_a_piece_that_is_larger_than_its_slot_is_refused(small_scene, tmp_path, monkeypatch):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.tif", options={"tile": 64})
    body = tmp_path / ".a.tif.part"
    body.touch()
    with shared(body, processes=2) as place:
        job = Job(plan, place)
        most = job.codec.bound(plan.format)
        with pytest.raises(ValueError, match="none should have more"):
            job.stored(Piece(index=0, body=bytes(most + 1), sha256=""))
        assert job.stored(Piece(index=0, body=bytes(most), sha256="")).stored


def test_a_folder_of_others_takes_no_results_and_no_keys(tmp_path):
    spool = tmp_path / ".a.tif.spool"
    spool.mkdir()
    spool.chmod(0o777)
    with pytest.raises(WriteFailed, match="not ours alone"), folder_of("run", spool, "dask"):
        pass
    assert not list(spool.iterdir())


@pytest.mark.parametrize("engines", [("processes", "serial"), ("serial", "processes")], ids="-".join)
def test_gone_on_with_by_another_engine(engines, small_scene, tmp_path):
    """Pieces in slots and pieces behind one another, in one body."""
    plan = gigascene.plan_compose(
        "pan-sharpened", small_scene, tmp_path / "a.tif", options={"tile": 64}, engine="serial"
    )
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    gigascene.run(plan)
    whole = contents(tmp_path)
    first, then = (replace(plan, execution=replace(plan.execution, engine=one, workers=2)) for one in engines)

    def stop(state):
        if state.pieces == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gigascene.run(first, watch=stop)
    receipt = gigascene.run(then, resume=True)
    assert 3 <= receipt.resumed < receipt.pieces
    assert contents(tmp_path) == whole


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and "receipt" not in path.name)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_what_is_written_from_front_to_back_has_no_places(small_scene, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.png", engine="processes", workers=2)
    assert gigascene.run(plan).came.keys() == {"return"}
    assert place_in_body(plan.format, 0, apart=True) is None


def test_a_body_beyond_what_file_systems_take_has_no_slots(small_scene, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.tif")
    format = replace(plan.format, shape=(3_000_000, 3_000_000))
    assert place_in_body(format, 1, apart=True) is None


def test_a_disk_that_keeps_what_was_never_written_has_no_slots(small_scene, tmp_path, monkeypatch):
    monkeypatch.setattr(in_place, "PROBED", 0)
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.tif", engine="processes", workers=2)
    assert gigascene.run(plan).came.keys() == {"return"}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_on_a_cluster_of_our_own_by_each_way(way, on, job):
    plan = on("dask")
    receipt = gigascene.run(plan, where={"delivery": way})
    assert receipt.came == {way: receipt.pieces}
    check(plan, job)


def test_a_worker_of_several_threads(on, job, cluster):
    """Each way by one cluster; what needs no place in the file goes by files too."""
    cluster.worker("--nthreads", "4")
    plan = on("dask")
    for way in WAYS:
        receipt = gigascene.run(plan, where={"scheduler": cluster.address, "delivery": way})
        assert receipt.came == {way: receipt.pieces}, way
        check(plan, job)
        clean(Path(plan.target))


def test_a_worker_killed_in_the_middle_of_writing(on, job, cluster, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    monkeypatch.setenv("GIGASCENE_TEST_HALF", "kill")
    monkeypatch.setenv("GIGASCENE_TEST_MARKER", str(marker))
    workers = [cluster.worker("--preload", "reliability.half_writer") for _ in range(2)]
    plan = on("dask")
    receipt = within(LONG_S, lambda: gigascene.run(plan, where={"scheduler": cluster.address}))
    assert receipt.came == {"target": receipt.pieces}, receipt
    dead = next(one for one in workers if one.pid == int(marker.read_text()))
    assert dead.wait() == -signal.SIGKILL
    check(plan, job)


PRELOADED = """
import sys
from multiprocessing import get_context
import gigascene
if __name__ == "__main__":
    get_context("forkserver").set_forkserver_preload(["reliability.half_writer"])
    print(gigascene.run(gigascene.load_plan(sys.argv[1])).came)
"""


def test_a_process_killed_in_the_middle_of_writing(on, job, tmp_path):
    plan, marker, script = on("processes"), tmp_path / "marker", tmp_path / "run.py"
    gigascene.save_plan(plan, tmp_path / "plan.json")
    script.write_text(PRELOADED)
    told = {"GIGASCENE_TEST_HALF": "kill", "GIGASCENE_TEST_MARKER": str(marker)}
    words = [sys.executable, str(script), str(tmp_path / "plan.json")]
    done = subprocess.run(words, env=environment(**told), capture_output=True, text=True, timeout=LONG_S, check=False)
    assert done.returncode == 0, done
    assert not psutil.pid_exists(int(marker.read_text()))
    assert "return" not in done.stdout
    check(plan, job)


def environment(**more):
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def started(plan, *words):
    """A run of its own."""
    with plan.with_suffix(".err").open("w") as said:
        return subprocess.Popen([PROGRAM, "run", plan, "--quiet", *words], stdout=subprocess.DEVNULL, stderr=said)


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "way"), [("processes", None), *(("dask", way) for way in WAYS)])
def test_a_killed_run_goes_on_to_the_same_bytes(engine, way, on, job, tmp_path):
    plan, file = on(engine), tmp_path / "plan.json"
    gigascene.save_plan(plan, file)
    journal = Path(plan.target).with_name(".a.pam.journal")
    words = ["--delivery", way] if way else []
    running = started(file, *words)
    until(lambda: len(list(rows(journal))) > 2 if journal.exists() else running.poll() is not None, "third piece")
    family = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.wait()
    assert not psutil.wait_procs(family, timeout=DEADLINE_S)[1]
    left = [path.name for path in Path(plan.target).parent.iterdir()]
    assert "a.pam" not in left
    assert len([name for name in left if name.startswith(".a.pam.part.")]) == (way in {None, "target"})
    running = started(file, "--resume", *words)
    assert running.wait(LONG_S) == 0, file.with_suffix(".err").read_text()
    check(plan, job)


@pytest.mark.parametrize("engine", ["threads", "processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_what_workers_cannot_write_the_run_cannot_either(engine, on, tmp_path):
    """No file may be larger than 4 MB, for nobody of the family."""
    plan = on(engine)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    words = ["prlimit", "--fsize=4000000", PROGRAM, "run", tmp_path / "plan.json", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert (done.returncode, "no space left" in done.stderr) == (5, True), done
    assert not list(Path(plan.target).parent.iterdir())


# Those who are late, or elsewhere.


@pytest.fixture
def frozen(cluster, tmp_path, monkeypatch):
    """Runs a plan until its only worker stands still in the middle of a write, and kills the run; gives what wakes the worker."""

    def freeze(plan, sign):
        marker = tmp_path / "marker"
        monkeypatch.setenv("GIGASCENE_TEST_HALF", "stop")
        monkeypatch.setenv("GIGASCENE_TEST_AFTER", "5")
        monkeypatch.setenv("GIGASCENE_TEST_MARKER", str(marker))
        worker = cluster.worker("--preload", "reliability.half_writer")
        gigascene.save_plan(plan, tmp_path / "plan.json")
        running = started(tmp_path / "plan.json", "--scheduler", cluster.address)
        until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED, "frozen worker")
        part = Path(plan.target).with_name(f".{Path(plan.target).name}.part")
        until(lambda: len(list(rows(part.with_suffix(".journal")))) > 2, "third piece")
        running.send_signal(sign)
        running.wait(LONG_S)

        def wake():
            worker.send_signal(signal.SIGCONT)
            until(marker.with_suffix(".done").exists, "write of the frozen worker")
            time.sleep(1)  # it may have more in its hands

        return wake

    return freeze


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_frozen_worker_of_a_dead_run_writes_into_no_other(sign, resume, on, job, frozen):
    """Its run ends, another makes the same picture, and then it goes on with zeros in its hands."""
    wake = frozen(on("dask"), sign)
    plan = on("threads")
    assert (gigascene.run(plan, resume=resume).resumed > 0) == resume
    wake()
    check(plan, job)


def test_a_copy_for_which_there_is_no_room_is_tried_again(tmp_path, monkeypatch):
    """The old body is as it was, and whoever goes on later knows that it may be in others' hands."""
    body = tmp_path / ".a.tif.part"
    body.write_bytes(b"kept" * 1000)

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(in_place, "copy", full)
        with pytest.raises(OSError, match="No space left"):
            renewed(body)
    (left,) = set(tmp_path.iterdir()) - {body}
    assert left.stat().st_size == 0
    assert held(body)
    shut_out(body)
    renewed(body)
    assert (list(tmp_path.iterdir()), body.read_bytes()) == ([body], b"kept" * 1000)


def test_a_copy_of_a_body_has_its_holes(tmp_path):
    body = tmp_path / ".a.tif.part"
    with body.open("wb") as file:
        for at in (1 << 30, 3 << 30):
            file.seek(at)
            file.write(b"here")
        file.truncate(4 << 30)
    before = body.stat()
    renewed(body)
    after = body.stat()
    assert (after.st_ino != before.st_ino, after.st_size, after.st_blocks < 1000) == (True, 4 << 30, True)
    with body.open("rb") as file:
        for at in (1 << 30, 3 << 30):
            file.seek(at - 4)
            assert file.read(12) == bytes(4) + b"here" + bytes(4)
    assert list(tmp_path.iterdir()) == [body]


ELSEWHERE = {
    "nothing": "mount -t tmpfs none {out}",
    "another file": (
        "mount -t tmpfs none {own} && mkdir {own}/upper {own}/work && "
        "mount -t overlay overlay -o lowerdir={out},upperdir={own}/upper,workdir={own}/work {out}"
    ),
}
"""What a worker in a mount namespace of its own has where the target's folder is."""


def elsewhere(kind, plan, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    mount = ELSEWHERE[kind].format(out=Path(plan.target).parent, own=own)
    return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]


namespaces = pytest.mark.skipif(
    subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="mount namespaces are not allowed here",
)


@namespaces
@pytest.mark.parametrize("way", ["target", "spool"])
def test_who_does_not_see_the_folder_sends_pieces_home(way, on, job, cluster, tmp_path, capsys, monkeypatch):
    """One worker sees it, and one does not; it is said once."""
    plan = on("dask")
    cluster.worker(under=elsewhere("nothing", plan, tmp_path))
    cluster.worker()
    gigascene.save_plan(plan, tmp_path / "plan.json")
    words = ["--scheduler", cluster.address, "--delivery", way, "--quiet"]
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", *words)
    assert said.code == 0, said
    assert said.err.count("came by the network") == 1, said
    check(plan, job)


@namespaces
def test_what_is_unpacked_beside_the_target_must_be_seen(job, on, cluster, tmp_path, capsys, monkeypatch):
    """A PNG as source: workers read its rows there. Who cannot says so, and blames no input."""
    clean(Path(on("dask").target))
    gigascene.convert(colors(tmp_path / "a.png"), tmp_path / "b.png")
    plan = gigascene.plan_convert(tmp_path / "b.png", on("dask").target, engine="dask", workers=2)
    cluster.worker(under=elsewhere("nothing", plan, tmp_path))
    gigascene.save_plan(plan, tmp_path / "plan.json")
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--scheduler", cluster.address, "--quiet")
    assert said.code == 7, said
    assert f"does not see {Path(plan.target).parent}" in said.err


def colors(path):
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (300, 200, 3), dtype=np.uint8)).save(path)
    return path


@namespaces
def test_who_has_another_file_under_that_name_is_found_out(on, cluster, tmp_path):
    """An overlay: it sees the body, and writes into a copy that nobody else sees."""
    plan = on("dask")
    cluster.worker(under=elsewhere("another file", plan, tmp_path))
    where = {"scheduler": cluster.address, "delivery": "target"}
    error = within(LONG_S, lambda: gigascene.run(plan, where=where))
    assert isinstance(error, WorkersLost), error
    assert "is not there" in str(error)
    assert not Path(plan.target).exists()


@namespaces
def test_what_lies_where_nobody_else_sees_it_is_made_again(on, job, cluster, tmp_path):
    plan = on("dask")
    cluster.worker(under=elsewhere("another file", plan, tmp_path))
    where = {"scheduler": cluster.address, "delivery": "spool"}
    receipt = within(LONG_S, lambda: gigascene.run(plan, where=where))
    assert receipt.came == {"return": receipt.pieces}, receipt
    check(plan, job)


def test_on_another_machine_every_write_is_on_the_disk(on, job, cluster, tmp_path, monkeypatch):
    """Here by a worker that takes itself for another machine; it writes only where somebody says so."""
    monkeypatch.setenv("GIGASCENE_TEST_MARKER", str(tmp_path / "synced"))
    cluster.worker("--preload", "reliability.another_machine")
    plan, where = on("dask"), {"scheduler": cluster.address}
    receipt = gigascene.run(plan, where=where)
    assert receipt.came == {"return": receipt.pieces}
    assert not (tmp_path / "synced").exists()
    check(plan, job)
    clean(Path(plan.target))
    receipt = gigascene.run(plan, where=where | {"delivery": "target"})
    assert receipt.came == {"target": receipt.pieces}
    assert (tmp_path / "synced").exists()
    check(plan, job)


# What cannot be is said at once.


@pytest.mark.parametrize(
    ("suffix", "where", "words"),
    [
        (".png", {"delivery": "target"}, "--delivery return or spool"),
        (".pam", {"delivery": "post"}, "return, spool, target"),
        (".pam", {"allowed_failures": "-1"}, "0 or more"),
        (".pam", {"allowed_failures": "2", "scheduler": "tcp://127.0.0.1:1"}, "its scheduler decides"),
    ],
)
def test_what_cannot_be_is_a_usage_error(suffix, where, words, small_scene, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / f"a{suffix}", engine="dask", workers=1, memory="8G")
    with pytest.raises(UsageError, match=words):
        gigascene.run(plan, where=where)
    assert not list(tmp_path.iterdir())
