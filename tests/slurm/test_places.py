"""Where jobs work: the storage they must see, their folder for temporary files, their container."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gigascene
from gigascene.model.errors import WorkersLost, exit_code
from slurm.cluster import kill, missing
from slurm.runs import Once, at, digest, elements, hidden, queued

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
HOSTILE = 'a\'b "$(touch pwned)" `touch pwned`; touch pwned\n#'


def preset(folder, **said):
    """A preset of one table; JSON's texts are TOML's."""
    file = folder / "cluster.toml"
    file.write_text("[a]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items()))
    return {"preset": f"{file}:a", "array": "2"}


def test_nodes_that_do_not_see_the_target_are_named_at_once(small, cluster, tmp_path):
    """Both nodes have another storage under the name of the target's folder: theirs is empty."""
    plan = at(small[0], tmp_path / "out")
    for node in ("n1", "n2"):
        kill(cluster, f"slurmd.{node}")
        elsewhere = 'mount -t tmpfs none "$1" && exec slurmd -N "$2"'
        words = ["unshare", "--mount", "sh", "-c", elsewhere, "sh", tmp_path / "out", node]
        if subprocess.run(
            words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30
        ).returncode:
            pytest.skip("nodes cannot be given a storage of their own here")
    try:
        with pytest.raises(WorkersLost, match=r"node n[12] does not see .*/out ") as caught:
            gigascene.run(plan, where={"array": "2"})
    finally:
        for node in ("n1", "n2"):
            kill(cluster, f"slurmd.{node}")
    assert exit_code(caught.value) == 7
    assert not queued()


def test_scratch_is_where_temporary_files_go(medium, tmp_path):
    plan, whole = at(medium[0], tmp_path / "out"), medium[1]
    scratch = tmp_path / HOSTILE
    scratch.mkdir()
    found = []
    look = Once(lambda: found.extend(one.environ()["TMPDIR"] for one in elements(plan)))
    gigascene.run(plan, where=preset(tmp_path, scratch=str(scratch)), watch=look)
    assert set(found) == {str(scratch)}
    assert digest(plan) == whole
    assert not hidden(plan)
    assert not [*tmp_path.rglob("pwned")]


def test_scratch_that_is_not_there_is_told(small, tmp_path):
    plan = at(small[0], tmp_path / "out")
    with pytest.raises(WorkersLost, match=f"last word: .*: the scratch folder {tmp_path}/gone is not there"):
        gigascene.run(plan, where=preset(tmp_path, scratch=f"{tmp_path}/gone"))


APPTAINER = """#!/bin/sh
printf '%s\\n' "$@" > "{told}"
while [ "$1" != python3 ]; do shift; done
shift
exec {python} "$@"
"""


def test_a_container_is_shown_what_is_read_and_written(small, tmp_path, monkeypatch):
    """Apptainer itself is seldom here: a program of its name notes what it is asked, and runs the command in place."""
    plan, whole = small
    plan = at(plan, tmp_path / "out")
    programs, scratch, image = tmp_path / "programs", tmp_path / "scratch", f"{tmp_path}/{HOSTILE}.sif"
    for folder in (programs, scratch):
        folder.mkdir()
    (programs / "apptainer").write_text(APPTAINER.format(told=tmp_path / "told", python=sys.executable))
    (programs / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    gigascene.run(plan, where=preset(tmp_path, container=image, scratch=str(scratch)))
    assert digest(plan) == whole
    told = (tmp_path / "told").read_text()
    scene = Path(next(iter(plan.scenes[0].assets.values())).href).parent
    binds = "".join(f"--bind\n{folder}\n" for folder in sorted(map(str, {scene, tmp_path / "out", scratch})))
    assert told.startswith(f"exec\n{binds}{image}\npython3\n-m\ngigascene.execute.element\n")
    assert not [*tmp_path.rglob("pwned")]
