"""Errors.

GigasceneError                     exit code 1
├─ UsageError (ValueError)         2  an option that makes no sense
│  └─ UnknownName (LookupError)    2  a sensor, product, writer, engine, band or mask nobody knows
├─ BadInput (OSError)              4  a file that is missing, broken, or not what it claims to be
│  ├─ Broken                       4  is gone, or its bytes cannot be decoded: what gaps may be allowed for
│  ├─ Unreached                    4  lies where nobody answers just now: finished pieces are kept
│  ├─ MissingBands (LookupError)   4  a scene lacks what a product needs
│  └─ NoAccess (PermissionError)   4  wants a login, a signature, or somebody who pays
├─ WriteFailed (OSError)           5  no space, no permission, a target that cannot be
├─ LimitExceeded (MemoryError)     6  the smallest possible task does not fit in the memory allowed
├─ WorkersLost (RuntimeError)      7  a worker died and died again; a cluster is lost, or of no use
├─ Stopped (RuntimeError)          130 or 143, by signal; finished pieces are kept
└─ TaskFailed (RuntimeError)       that of its cause; says how to replay the task

Done with gaps that were allowed is no error, and exit code 3.

Each keeps its facts in ``args`` and writes its message in ``__str__``, so it
survives the trip home from a worker process.
"""

from __future__ import annotations

from typing import ClassVar


class GigasceneError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(GigasceneError, ValueError):
    """``UsageError(message)``: an option or argument that makes no sense."""

    exit_code = 2

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownName(UsageError, LookupError):
    """``UnknownName(name, kind, closest, known)``; `kind` is a singular noun, the last two may be empty."""

    def __str__(self) -> str:
        name, kind, closest, known = self.args
        hint = f" Did you mean {closest!r}?" if closest else ""
        return f"No {kind} is called {name!r}.{hint} Known: {', '.join(known) or 'none'}."


class BadInput(GigasceneError, OSError):
    """``BadInput(what, file, band, window, hint)``; all but the first may be empty strings."""

    exit_code = 4

    def __init__(self, what: str, file: str = "", band: str = "", window: str = "", hint: str = "") -> None:
        Exception.__init__(self, what, file, band, window, hint)
        self.args = (what, file, band, window, hint)

    def __str__(self) -> str:
        what, file, band, window, hint = self.args
        places = [str(file), f"band {band}" if band else "", str(window)]
        place = ", ".join(part for part in places if part)
        said = f"{place}: {what}" if place else what
        return f"{said}{'' if said.endswith(('.', '!', '?', ':')) else '.'} {hint}" if hint else said


class Broken(BadInput):
    """As `BadInput`: a file that is gone, or of which bytes cannot be decoded. Nothing that asking again, or otherwise, would mend."""


class Unreached(BadInput):
    """As `BadInput`: a file of which nobody knows more than that its server gives no answer just now. What is finished is kept."""


class MissingBands(BadInput, LookupError):
    """``MissingBands(product, scene, missing, has, why)``: names of bands, and what is known of the missing."""

    def __init__(
        self, product: str, scene: str, missing: tuple[str, ...], has: tuple[str, ...], why: tuple[str, ...] = ()
    ) -> None:
        Exception.__init__(self, product, scene, missing, has, why)
        self.args = (product, scene, missing, has, why)

    def __str__(self) -> str:
        product, scene, missing, has, why = self.args
        words = f"{product!r} needs {', '.join(missing)}; scene {scene!r} has only {', '.join(has) or 'no bands'}."
        return "\n".join((words, *why))


class NoAccess(BadInput, PermissionError):
    """As `BadInput`: a file that its server gives only to others, or to those who pay."""


class WriteFailed(GigasceneError, OSError):
    """``WriteFailed(target, what, hint)``: no space, no permission, or a format that cannot hold this."""

    exit_code = 5

    def __init__(self, target: str, what: str, hint: str = "") -> None:
        Exception.__init__(self, target, what, hint)
        self.args = (target, what, hint)

    def __str__(self) -> str:
        target, what, hint = self.args
        return f"Cannot write {target}: {what}." + (f" {hint}" if hint else "")


class LimitExceeded(GigasceneError, MemoryError):
    """``LimitExceeded(message)``: what was asked cannot fit into what was allowed."""

    exit_code = 6

    def __str__(self) -> str:
        return str(self.args[0])


class WorkersLost(GigasceneError, RuntimeError):
    """``WorkersLost(message)``: a worker died, and died again on the same task; or nobody is left who could work."""

    exit_code = 7

    def __str__(self) -> str:
        return str(self.args[0])


class Stopped(GigasceneError, RuntimeError):
    """``Stopped(signal_number, message, hint)``: stopped from outside; what is finished is kept, `hint` says how to go on."""

    def __init__(
        self, signal_number: int, message: str, hint: str = "What is finished is kept: go on with --resume."
    ) -> None:
        Exception.__init__(self, signal_number, message, hint)
        self.args = (signal_number, message, hint)

    def __str__(self) -> str:
        return str(self.args[1])


class TaskFailed(GigasceneError, RuntimeError):
    """``TaskFailed(task, what, cause, exit_code, capsule)``; `cause` is the original error, in words."""

    def __str__(self) -> str:
        task, what, cause, _, capsule = self.args
        replay = f"\nReplay it alone: gigascene replay {capsule} --debug" if capsule else ""
        return f"Task {task} ({what}) failed: {cause}{replay}"


def exit_code(error: BaseException) -> int:
    """Exit code of the command line for an error, as the table above."""
    if isinstance(error, Stopped):
        return 128 + int(error.args[0])
    if isinstance(error, TaskFailed):
        return int(error.args[3])
    return error.exit_code if isinstance(error, GigasceneError) else 1
