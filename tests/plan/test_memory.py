"""Projected memory against what the system measures; and less memory, the same bytes."""

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

import gigascene
from gigascene.plan.memory import MB, memory_of

PROGRAM = Path(sys.executable).with_name("gigascene")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Large enough that a whole scene in memory could not pass for a few windows."""
    from gigascene.simulate.landsat import simulate

    return simulate(tmp_path_factory.mktemp("large"), size=(2000, 2000), seed=3)


def measured(words):
    """Receipt, and the highest sum of resident memory of the process tree."""
    process = subprocess.Popen(
        [PROGRAM, *map(str, words), "--json", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    peak, over = [0], threading.Event()

    def watch():
        root = psutil.Process(process.pid)
        while not over.wait(0.01):
            try:
                peak.append(sum(p.memory_info().rss for p in [root, *root.children(recursive=True)]))
            except psutil.Error:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, err = process.communicate(timeout=300)
    over.set()
    watcher.join()
    assert process.returncode == 0, err.decode()
    return json.loads(out), max(peak)


CASES = [
    ("true-color", ".png", "500M", "threads", 2, ()),
    ("true-color", ".tif", "1G", "threads", 2, ("--depth", "16")),
    ("ndvi", ".jpg", "500M", "serial", 1, ("--equalize",)),
    ("pan-sharpened", ".png", "450M", "threads", 2, ()),
    ("pan-sharpened", ".tif", "1G", "threads", 3, ()),
    ("true-color", ".png", "1400M", "processes", 2, ()),
]


@pytest.mark.slow
@pytest.mark.parametrize(("product", "suffix", "memory", "engine", "workers", "options"), CASES)
def test_the_projection_is_never_below_the_peak(product, suffix, memory, engine, workers, options, large, tmp_path):
    words = ["compose", product, large, "-o", tmp_path / f"a{suffix}", "--memory", memory]
    receipt, peak = measured([*words, "--engine", engine, "--workers", workers, *options])
    projected, allowed = receipt["projected_memory"], memory_of(memory)
    assert projected <= allowed
    assert peak <= allowed, f"{peak / MB:.0f} MB used, {allowed / MB:.0f} MB allowed"
    assert peak <= projected, f"{peak / MB:.0f} MB used, {projected / MB:.0f} MB projected"
    if engine != "processes":  # whose sum is sampled, and less often than here
        assert receipt["peak_memory"] >= 0.98 * peak, "the receipt tells less than was used"


@pytest.mark.parametrize(
    ("product", "suffix"),
    [("true-color", ".png"), pytest.param("pan-sharpened", ".tif", marks=pytest.mark.slow)],
)
def test_less_memory_is_kept_to_and_gives_the_same_bytes(product, suffix, large, tmp_path):
    target = tmp_path / f"a{suffix}"
    plans = {}
    for memory in range(2400, 200, -80):
        try:
            plan = gigascene.plan_compose(product, large, target, memory=f"{memory}M", workers=4, stretch="0.0:0.3")
        except gigascene.GigasceneError as error:
            assert error.exit_code == 6
            break
        assert plan.execution.projected <= memory * MB
        plans[memory] = plan
    needs = [plan.execution.projected for plan in plans.values()]
    assert len(plans) > 10
    assert needs == sorted(needs, reverse=True), "less memory allowed, and more is wanted"
    assert all(plan.cut.task_pieces >= 1 and plan.cut.window_rows >= 1 for plan in plans.values())
    ends = [plans[max(plans)], plans[min(plans)]]
    seen = set()
    for plan in ends:
        gigascene.run(plan)
        seen.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(seen) == 1


def test_memory_is_read_as_people_write_it():
    assert memory_of("1G") == memory_of("1GiB") == memory_of("1024M") == memory_of("1gb") == memory_of(1 << 30)
    assert memory_of("0.5G") == memory_of("512 M")
    for wrong in ("", "G", "-1G", "1X", "0", "0G", "1.5.5G", "ten"):
        with pytest.raises(ValueError, match="memory"):
            memory_of(wrong)


def test_what_the_sink_needs_at_its_end_is_projected(large, tmp_path):
    """A figure of many dots is drawn when all tasks are done, by a library that holds it whole."""
    options = {"size_in": 40, "dpi": 300}
    plan = gigascene.plan_compose("ndvi", large, tmp_path / "a.png", writer="figure", options=options, memory="8G")
    small = gigascene.plan_compose("ndvi", large, tmp_path / "a.png", writer="figure", memory="8G")
    assert plan.execution.projected > 2 * small.execution.projected
    with pytest.raises(gigascene.GigasceneError, match="are allowed") as told:
        gigascene.plan_compose("ndvi", large, tmp_path / "a.png", writer="figure", options=options, memory="1G")
    assert told.value.exit_code == 6
