"""What a folder elsewhere held is known name by name, in memory that does not grow with it."""

import tracemalloc

import pytest

from gigascene.model.errors import WriteFailed
from gigascene.storage._former import listed

COUNT = 60_000


def tiles(count):
    return ((f"12/{number // 300}/{number % 300}.png", number, f'"{number:032x}"') for number in range(count))


def test_a_long_list_is_never_in_memory_as_a_whole(tmp_path):
    notes = tmp_path / ".a.former"
    tracemalloc.start()
    with listed(tiles(COUNT), notes) as former:
        names = sum(1 for _ in former)
        found = [former.tag("12/7/5.png", 2105), former.tag("12/7/5.png", 1), former.tag("none", 1)]
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (names, found) == (COUNT, [f'"{2105:032x}"', None, None])
    assert peak < 3 << 20
    assert not list(tmp_path.iterdir())


def test_what_one_that_was_killed_has_left_counts_for_nothing(tmp_path):
    notes = tmp_path / ".a.former"
    notes.write_bytes(b"SQLite format 3\0 and no more")
    with listed(tiles(3), notes) as former:
        assert list(former) == ["12/0/0.png", "12/0/1.png", "12/0/2.png"]


def test_a_server_that_fails_while_it_lists_leaves_nothing(tmp_path):
    def files():
        yield "a", 1, "x"
        raise WriteFailed("s3://a/b", "the server is silent")

    with pytest.raises(WriteFailed, match="silent"), listed(files(), tmp_path / ".a.former"):
        pytest.fail("it was listed")
    assert not list(tmp_path.iterdir())
