"""Results as records: they come back as they went, and nothing that was changed on the way is taken for them."""

import pickle
from dataclasses import replace

import pytest

import gigascene
from gigascene.engines._parcel import HEAD, Damaged, length, opened, packed
from gigascene.execute.run import Job
from gigascene.model.contracts import Done, Failed, Piece
from gigascene.model.errors import BadInput, MissingBands, WorkersLost, exit_code
from gigascene.model.plan import Task

TASK = Task(index=4, start=8, stop=10)
PIECES = (
    Piece(index=8, body=b"abc" * 5, sha256="aa", facts={"adler32": 7, "lengths": [1, 2]}),
    Piece(index=9, body=bytearray(), sha256="bb"),
)


def test_what_was_done_comes_back():
    found = opened(packed(Done(task=TASK, pieces=PIECES, seconds=0.25)))
    assert found == Done(task=TASK, pieces=PIECES, seconds=0.25)


@pytest.mark.parametrize(
    "error",
    [
        BadInput("is truncated", "a.tif", "B4", "", "Fetch it again."),
        MissingBands("true-color", "S2A", ("blue",), ("red",), ("because",)),
        WorkersLost("gone"),
        ValueError("task 3"),
        KeyError("x"),
    ],
)
def test_what_failed_comes_back_as_what_it_was(error):
    found = opened(packed(Failed(task=TASK, error=error, traceback="here")))
    assert isinstance(found, Failed)
    assert (type(found.error), found.error.args, str(found.error)) == (type(error), error.args, str(error))
    assert (found.traceback, exit_code(found.error)) == ("here", exit_code(error))


def test_a_name_from_outside_makes_no_object_that_is_no_error():
    kind = type("print", (Exception,), {"__module__": "builtins"})
    found = opened(packed(Failed(task=TASK, error=kind("x"), traceback="")))
    assert isinstance(found, Failed)
    assert (type(found.error).__name__, type(found.error).__mro__[1], str(found.error)) == ("print", Exception, "x")


def test_every_changed_byte_is_noticed():
    record = packed(Done(task=TASK, pieces=PIECES, seconds=0.0))
    for at in range(len(record)):
        changed = bytearray(record)
        changed[at] ^= 1
        with pytest.raises(Damaged):
            opened(bytes(changed))


def test_every_cut_is_noticed():
    record = packed(Done(task=TASK, pieces=PIECES, seconds=0.0))
    assert length(record[: HEAD.size]) == len(record)
    for size in range(len(record)):
        with pytest.raises(Damaged):
            opened(record[:size])
    with pytest.raises(Damaged):
        opened(record + b"x")


def test_a_worker_with_other_versions_says_so_and_does_nothing(small_scene, tmp_path):
    """Its bytes might be others."""
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.png")
    assert isinstance(pickle.loads(pickle.dumps(Job(plan))), Job)
    other = Job(replace(plan, versions={**plan.versions, "numpy": "0.9"}))
    with pytest.raises(WorkersLost, match=r"numpy 0\.9"):
        pickle.loads(pickle.dumps(other))
