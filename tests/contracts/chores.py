"""Work for engines to map, in a module of its own, so that other processes find it."""

import os
import random
import time

from gigascene.model.contracts import Done, Failed, Piece
from gigascene.model.plan import Task

BYTES = 1000


class Chore:
    """Takes up to so many seconds; tasks named in `fails` fail."""

    def __init__(self, seconds=0.0, fails=()):
        self.seconds, self.fails = seconds, fails

    def __call__(self, task):
        time.sleep(random.Random(task.index).random() * self.seconds)
        if task.index in self.fails:
            return Failed(task=task, error=ValueError(f"task {task.index}"), traceback="")
        return Done(task=task, pieces=(Piece(index=task.index, body=b"x" * BYTES, sha256=""),), seconds=0.0)


def tasks(count):
    return [Task(index=i, start=i, stop=i + 1) for i in range(count)]


def environment(task):
    """The name that is said in the environment of whoever works."""
    body = os.environ.get("GIGASCENE_TEST_NAME", "none").encode()
    return Done(task=task, pieces=(Piece(index=task.index, body=body, sha256=""),), seconds=0.0)
