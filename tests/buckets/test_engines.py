"""One mosaic and one composite: the same bytes from disk and from a bucket, to disk and into a bucket, on every engine."""

import pytest

import gigascene
from buckets import mixed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A folder of scenes, and the paths of their items in it."""
    folder = tmp_path_factory.mktemp("scenes")
    return folder, mixed.write(folder)


@pytest.fixture(scope="module")
def expected(scenes, tmp_path_factory):
    return mixed.made_by_one_core(*scenes, tmp_path_factory.mktemp("serial"))


@pytest.mark.parametrize("engine", ["serial", "threads", "processes", "dask"])
@pytest.mark.parametrize("source", ["file", "s3"])
@pytest.mark.parametrize("kind", mixed.KINDS)
def test_the_same_bytes(kind, source, engine, scenes, expected, bucket, tmp_path, scratch):
    items = mixed.lying(source, *scenes, bucket)
    plan = mixed.planned(kind, items, tmp_path / "a.tif")
    assert len({task.index for task in mixed.tasks_of(plan)}) > 3
    for target in (str(tmp_path / "a.tif"), bucket.url("out/a.tif")):
        receipt = gigascene.run(mixed.on(plan, engine, target))
        assert receipt.target == target
    assert mixed.sha256(tmp_path / "a.tif") == bucket.sha256("out/a.tif") == expected[kind]
    told = bucket.json("out/a.tif.receipt.json")
    assert all(one["href"].startswith("s3://" if source == "s3" else "/") for one in told["inputs"])
    assert not list(scratch.iterdir())
