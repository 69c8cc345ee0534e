"""Results by files: what is not whole, not what was written, or not ours counts as not there."""

import os
import subprocess
import tracemalloc
from itertools import chain

import pytest

from gigascene.engines._jobscript import BLIND, Place, script
from gigascene.engines._parcel import HEAD, MARK, packed
from gigascene.engines._spool import Spool, append
from gigascene.engines.slurm import Slurm
from gigascene.model.contracts import Done, Failed, Piece
from gigascene.model.errors import GigasceneError, UsageError
from gigascene.model.plan import Task

TASKS = [Task(index=i, start=2 * i, stop=2 * i + 2) for i in range(7)]


def done(task):
    return Done(task=task, pieces=(Piece(index=task.start, body=b"x" * 100, sha256=""),), seconds=0.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".a.png.spool"


def begun(folder, run="first", plan="{}"):
    spool = Spool(folder, run)
    assert spool.begin(plan, iter(TASKS)) == len(TASKS)
    return spool


def test_every_task_belongs_to_one_element(folder):
    spool = begun(folder)
    found = [list(spool.tasks(element, 3)) for element in range(3)]
    assert found[1] == [TASKS[1], TASKS[4]]
    assert sorted(chain(*found), key=lambda task: task.index) == TASKS


def test_results_come_back_from_any_log(folder):
    spool = begun(folder)
    with spool.log(0) as one, spool.log(0) as other:
        append(one, done(TASKS[0]))
        append(other, done(TASKS[3]))
        append(one, done(TASKS[6]))
    assert spool.result(TASKS[0]) is None
    spool.look()
    assert [spool.has(task) for task in TASKS] == [True, False, False, True, False, False, True]
    assert spool.result(TASKS[3]) == done(TASKS[3])


def test_a_log_that_is_cut_anywhere_gives_what_is_whole_and_grows_on(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        first = log.tell()
        append(log, done(TASKS[1]))
    [path] = folder.glob("*.log")
    whole = path.read_bytes()
    for size in range(first, len(whole)):
        path.write_bytes(whole[:size])
        reader = Spool(folder, "first")
        reader.look()
        assert (reader.has(TASKS[0]), reader.has(TASKS[1])) == (True, False), size
        path.write_bytes(whole)
        reader.look()
        assert reader.has(TASKS[1]), size


def test_a_changed_log_is_not_believed(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
    spool.look()
    [path] = folder.glob("*.log")
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)
    assert spool.result(TASKS[0]) is None
    assert not spool.has(TASKS[0])


def test_a_run_of_the_same_plan_uses_what_is_there_apart_from_failures(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        append(log, Failed(task=TASKS[1], error=ValueError("x"), traceback=""))
        append(log, done(TASKS[2]))
    spool.look()
    assert isinstance(spool.result(TASKS[1]), Failed)
    again = begun(folder, "second")
    again.look()
    assert [again.has(task) for task in TASKS[:3]] == [True, False, True]
    assert again.runs() == {"first", "second"}


def test_a_plan_that_jobs_may_be_reading_is_not_written_again(folder):
    begun(folder)
    before = (folder / "plan.json").stat()
    begun(folder, "second")
    after = (folder / "plan.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("size", [1 << 40, (1 << 64) - 1])
def test_a_length_that_cannot_be_is_not_read(folder, size):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        log.write(HEAD.pack(MARK, size, 0, bytes(32)))
    spool.look()
    assert [spool.has(task) for task in TASKS[:2]] == [True, False]


def test_what_is_no_record_is_put_aside_so_that_jobs_do_it_again(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        log.write(bytes(200))
    spool.look()
    again = Spool(folder, "first")
    again.look()
    assert spool.has(TASKS[0]) == again.has(TASKS[0]) == False  # noqa: E712  (both, and the same)


def test_a_run_of_another_plan_begins_anew(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
    other = begun(folder, "second", '{"other": 1}')
    other.look()
    assert not other.has(TASKS[0])


def test_a_folder_that_others_may_write_to_is_refused(folder):
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "plan.json").write_text("{}")
    with pytest.raises(GigasceneError, match="others"):
        Spool(folder, "first").begin("{}", iter(TASKS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"partition": "--wrap=touch x"},
        {"partition": "a b"},
        {"account": "x\n"},
        {"account": "$(id)"},
        {"time": "soon"},
        {"array": "0"},
        {"array": "1-5"},
        {"preset": "nothing.toml:a"},
        {"preset": "nothing"},
    ],
)
def test_options_that_slurm_could_not_mean_are_usage_errors(wrong):
    with pytest.raises(UsageError):
        Slurm(2, **wrong)


def test_a_preset_is_a_table_and_options_go_before_it(tmp_path):
    file = tmp_path / "cluster.toml"
    file.write_text('[big]\npartition = "fat"\narray = 50\ntime = "2:00:00"\n[odd]\ncolour = "red"\n')
    found = Slurm(2, preset=f"{file}:big", partition="thin")
    assert (found._asked, found._most, found._limit_s) == ({"partition": "thin", "time": "2:00:00"}, 50, 7200)
    assert (found._scratch, found._container) == (None, None)
    with pytest.raises(UsageError, match="colour"):
        Slurm(2, preset=f"{file}:odd")
    with pytest.raises(UsageError, match="none"):
        Slurm(2, preset=f"{file}:small")


@pytest.mark.parametrize("name", ["scratch", "container"])
@pytest.mark.parametrize("wrong", ["", "scratch", "$TMPDIR", "docker://a", "--wrap=x", "~/a"])
def test_places_of_a_preset_are_whole_paths(name, wrong, tmp_path):
    file = tmp_path / "cluster.toml"
    file.write_text(f'[a]\n{name} = "{wrong}"\n')
    with pytest.raises(UsageError, match=f"{name} of a preset is a whole path"):
        Slurm(2, preset=f"{file}:a")


def test_a_container_cannot_be_shown_what_its_program_cannot_quote():
    with pytest.raises(UsageError, match="comma or a colon"):
        script(["python3"], nonce="/n", words="/w{}", place=Place(container="/i.sif", folders=("/a:b",)))


def test_a_job_begins_only_where_it_sees_the_run_and_has_its_scratch(tmp_path):
    """Asked of the shell itself."""
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    nonce, told, scratch = tmp_path / "it's", tmp_path / "told", tmp_path / "a b"

    def code(where):
        shown = ["sh", "-c", f'printf %s "$TMPDIR" > {told}']
        text = script(shown, nonce=str(nonce), words=f"{tmp_path}/{{}}.out", place=Place(scratch=str(where)))
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "7"}
        return subprocess.run(["sh"], input=text, text=True, check=False, env=env, timeout=60).returncode

    assert code(scratch) == BLIND
    nonce.touch()
    assert code(scratch) == 1
    assert f"the scratch folder {scratch} is not there" in (tmp_path / "7.out").read_text()
    scratch.mkdir()
    assert code(scratch) == 0
    assert told.read_text() == str(scratch)


def test_what_is_left_of_each_element_is_known_without_asking_for_every_task(folder):
    spool = begun(folder)
    spool.divide(3)
    assert [spool.left(element) for element in range(3)] == [3, 2, 2]
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        append(log, done(TASKS[4]))
        append(log, done(TASKS[0]))
        append(log, done(Task(index=9, start=18, stop=20)))
    spool.look()
    assert [spool.left(element) for element in range(3)] == [2, 1, 2]
    spool.claim(TASKS[0])
    assert spool.has(TASKS[0])
    [path] = folder.glob("*.log")
    path.write_bytes(path.read_bytes().replace(b"x" * 100, b"y" * 100))
    assert spool.result(TASKS[4]) is None
    assert [spool.left(element) for element in range(3)] == [2, 2, 2]
    assert not list(folder.glob("*.log")), "no job shall take it for done"


def test_a_run_that_was_left_alone_is_found_by_its_tasks(folder):
    first = begun(folder)
    first.detach(3)
    assert begun(folder, "second").forsaken() == ("first", 3)
    other = Spool(folder, "third")
    other.begin("{}", iter(TASKS[1:]))
    assert other.forsaken() is None
    first.attend()
    assert begun(folder, "second").forsaken() is None


def test_results_that_wait_take_twelve_bytes_each(folder):
    many = [Task(index=i, start=i, stop=i + 1) for i in range(5000)]
    spool = Spool(folder, "first")
    spool.begin("{}", iter(many))
    with spool.log(0) as log:
        log.write(b"".join(map(packed, map(done, many))))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    spool.look()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert all(map(spool.has, many))
    assert grown < 12 * len(many) + 5000
    assert [spool.result(task) for task in many[::999]] == list(map(done, many[::999]))


def test_a_task_that_this_run_cuts_otherwise_is_not_taken_for_its_own(folder):
    """The run before began at its first piece; this one goes on within its first task."""
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
        append(log, done(TASKS[2]))
    rest = [Task(index=0, start=1, stop=2), *TASKS[1:]]
    again = Spool(folder, "second")
    again.begin("{}", iter(rest))
    again.look()
    assert [again.has(task) for task in rest[:3]] == [False, False, True]


def test_a_log_that_was_cut_behind_our_back_is_not_believed(folder):
    spool = begun(folder)
    with spool.log(0) as log:
        append(log, done(TASKS[0]))
    spool.look()
    [path] = folder.glob("*.log")
    path.write_bytes(path.read_bytes()[:-1])
    assert spool.result(TASKS[0]) is None
    assert not spool.has(TASKS[0])
