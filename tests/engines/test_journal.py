"""The journal is what a run remembers of its pieces: as a list is, and on disk."""

import io

import pytest

import gigascene
from gigascene.execute.journal import Journal
from gigascene.model.contracts import Placed

COUNT = 50


@pytest.fixture
def plan(small_scene, tmp_path):
    return gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.png")


@pytest.fixture
def journal(plan, tmp_path):
    found = Journal(tmp_path / ".a.png.journal", plan, resume=False)
    yield found
    found.close()


def placed(index):
    # SHA-256 of ten zeros
    sha256 = "01d448afd928065458cf670b60f5a594d735af0172c8d67f22a81680132681ca"
    return Placed(index=index, offset=10 * index, length=10, sha256=sha256, facts={"tiles": [[1, 2], [index]]})


def test_it_is_like_a_list(journal):
    for index in range(COUNT):
        journal.append(placed(index))
    like = [placed(index) for index in range(COUNT)]
    assert len(journal) == COUNT
    assert list(journal) == like
    for some in (slice(3, 9), slice(45, 99), slice(None), slice(-5, None), slice(10, 30, 7), slice(9, 3)):
        assert journal[some] == like[some]
    assert [a.index for a, b in zip(journal, journal, strict=True) if a == b] == list(range(COUNT))


def test_what_was_placed_before_an_error_stays(journal, plan):
    def fail():
        raise KeyError("no")

    with pytest.raises(KeyError), journal.together():
        journal.append(placed(0))
        fail()
    with journal.together():
        journal.append(placed(1))
    again = Journal(journal.path, plan, resume=True)
    assert again.verify(io.BytesIO(bytes(25))) == 20
    assert list(again) == [placed(0), placed(1)]
    again.close()


def test_what_is_not_in_the_body_is_forgotten_and_may_come_again(journal, plan):
    for index in range(5):
        journal.append(placed(index))
    again = Journal(journal.path, plan, resume=True)
    assert again.verify(io.BytesIO(bytes(39))) == 30
    assert [piece.index for piece in again] == [0, 1, 2]
    again.append(placed(3))
    assert len(again) == 4
    again.close()
