"""Runs plans in children that are killed: at a byte of the body, at a moment, or not at all.

Started once as a process of its own; each line of stdin is a JSON order. Children
are forked from it, so that each costs no imports. No thread exists before a fork.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import gigascene
from gigascene.codecs import _rows
from gigascene.execute import coordinate, in_place
from gigascene.model.plan import Cut, Task
from gigascene.readers.window import forget
from gigascene.registry import WRITERS
from gigascene.storage import local
from gigascene.writers import _body, _tiles


def main() -> None:
    for name in WRITERS.names():
        WRITERS[name]
    for line in sys.stdin:
        order = json.loads(line)
        _rows.STRIP = order.get("strip", _rows.STRIP)
        warm(order["plan"])
        child = os.fork()
        if child == 0:
            os._exit(work(order))
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


WARM = set()


def warm(path) -> None:
    """Load compiled kernels and codecs before the fork, in this one thread, so that children start in no time."""
    if path not in WARM:
        WARM.add(path)
        plan = gigascene.load_plan(path)
        for piece in coordinate.Job(plan).pieces(Task(index=0, start=0, stop=1)):
            del piece
        forget()


def work(order) -> int:
    with contextlib.redirect_stdout(sys.stderr):
        plan = gigascene.load_plan(order["plan"])
        plan = replace(
            plan,
            cut=Cut(task_pieces=1, window_rows=order.get("rows", 256)),
            execution=replace(plan.execution, engine="threads", workers=2),
        )
        if "byte" in order:
            die_at_byte(order["byte"])
        if "step" in order:
            die_at_step(order["step"])
        if "event" in order:
            die_at_event(order["event"])
        if "half" in order:
            die_in_tile(order["half"])
        if "after_s" in order:
            threading.Thread(target=die_after, args=(order["after_s"],), daemon=True).start()
        try:
            receipt = coordinate.run(plan, resume=order.get("resume", False))
        except gigascene.GigasceneError as error:
            print(f"{type(error).__name__}: {error}")
            return 99
        Path(order["plan"]).with_suffix(".resumed").write_text(str(receipt.resumed))
        return 0


def die_at_byte(byte: int) -> None:
    """Write to the body up to this byte, and not one more; whoever writes."""
    write = local.write_at

    def mortal(file, data, offset):
        if offset + len(data) > byte:
            write(file, data[: max(byte - offset, 0)], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        write(file, data, offset)

    _body.write_at = in_place.write_at = mortal


def die_at_step(step: int) -> None:
    """From the end of the work on, let so many names in folders change, and not one more."""
    left = [step]
    finish = _body.FileSink.finish

    def mortal(change):
        def changed(*args, **kwargs):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return change(*args, **kwargs)

        return changed

    def finished(self):
        for name in ("replace", "rename", "unlink"):
            setattr(Path, name, mortal(getattr(Path, name)))
        return finish(self)

    _body.FileSink.finish = finished


EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree"}


def die_at_event(event: int) -> None:
    """Of a folder of tiles: from the end of the work on, let so many files and folders be touched, and not one more."""
    left = [event]
    finish = _tiles.TilesSink.finish

    def hook(name, args):
        if name in EVENTS:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    def finished(self):
        sys.addaudithook(hook)
        return finish(self)

    _tiles.TilesSink.finish = finished


def die_in_tile(number: int) -> None:
    """Of a folder of tiles: write half of this file, and nothing more."""
    left = [number]
    write = _tiles._write

    def mortal(path, data):
        if not left[0]:
            write(path, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        write(path, data)

    _tiles._write = mortal


def die_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
