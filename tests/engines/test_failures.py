"""What goes wrong in a worker is the same to whoever reads it, wherever that worker was."""

import pytest

from contracts.chores import tasks
from engines.faults import ACTS, fail
from gigascene.engines._parcel import opened, packed
from gigascene.engines._spool import Spool, append
from gigascene.model.contracts import Failed
from gigascene.model.errors import exit_code
from gigascene.model.plan import Task
from gigascene.registry import ENGINES

TASKS = tasks(len(ACTS))


def facts(failed):
    """All that anybody asks of a failure."""
    error = failed.error
    of_file = [getattr(error, name, None) for name in ("errno", "strerror", "filename", "filename2")]
    return failed.task, type(error), str(error), exit_code(error), of_file, failed.traceback != ""


HERE = [facts(fail(task)) for task in TASKS]


@pytest.mark.parametrize("engine", ["threads", "processes", "dask"])
def test_on_every_engine(engine):
    assert [facts(one) for one in ENGINES[engine](2).map(fail, TASKS, ahead=1 << 20, bound=lambda _: 1)] == HERE


def test_by_files_as_jobs_of_slurm_send_them(tmp_path):
    spool = Spool(tmp_path / ".a.png.spool", "first")
    spool.begin("{}", iter(TASKS))
    with spool.log(0) as log:
        for task in TASKS:
            append(log, fail(task))
    spool.look()
    assert [facts(spool.result(task)) for task in TASKS] == HERE


@pytest.mark.parametrize("below", [FileNotFoundError, UnicodeDecodeError, KeyError])
def test_a_class_that_is_not_here_is_stood_in_for_below_what_it_is_a_kind_of(below):
    class Elsewhere(below):
        def __init__(self, *_):
            pass

        def __str__(self):
            return "all its words"

    found = opened(packed(Failed(task=Task(index=0, start=0, stop=1), error=Elsewhere(2, "x", "a"), traceback="")))
    assert isinstance(found, Failed)
    assert (type(found.error).__name__, type(found.error).__mro__[1]) == ("Elsewhere", below)
    assert (str(found.error), exit_code(found.error)) == ("all its words", 1)


def test_who_stands_in_for_an_error_of_the_system_has_its_number_and_file():
    class Elsewhere(PermissionError):
        pass

    found = opened(packed(Failed(task=TASKS[0], error=Elsewhere(13, "no", "a.tif"), traceback="")))
    assert isinstance(found, Failed)
    assert isinstance(found.error, PermissionError)
    assert (found.error.errno, found.error.filename, str(found.error)) == (13, "a.tif", "[Errno 13] no: 'a.tif'")


def test_errors_in_a_group_keep_their_words():
    several = ExceptionGroup("all", [ValueError("one"), OSError("two")])
    found = opened(packed(Failed(task=TASKS[0], error=several, traceback="")))
    assert isinstance(found, Failed)
    assert (type(found.error).__name__, str(found.error)) == ("ExceptionGroup", str(several))
