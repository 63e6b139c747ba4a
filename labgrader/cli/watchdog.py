"""Ends a grading that cannot end itself: a check may hold the interpreter for ever.

A deadline ends a check that waits, but not one that computes without ever handing the interpreter
back, such as a regular expression that backtracks: then no other thread runs, and Ctrl-C is not
heard either. So `labgrader check` runs in a child process that gives a sign of life each second;
where that stays out, this process ends it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from labgrader.errors import ExitCode

SILENCE_SECONDS = 30.0
"""How long the child may give no sign of life. A machine under load delays one by some seconds."""

_BEAT_SECONDS = 1.0
_MOMENT_SECONDS = 1.0


def enter() -> None:
    """Go on in a child process; the parent never returns from here, and exits as the child does."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        os._exit(_watch(child, read))
    os.close(read)
    signal.signal(signal.SIGINT, _interrupt_once())
    threading.Thread(target=_beat, args=(write,), name="sign-of-life", daemon=True).start()


def _interrupt_once() -> Callable[[int, FrameType | None], None]:
    """Return a handler for which two signals in a moment are one.

    A terminal sends Ctrl-C to both processes, and the parent passes on what it gets: somebody
    may have sent it to the parent alone.
    """
    last = -_MOMENT_SECONDS

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before >= _MOMENT_SECONDS:
            raise KeyboardInterrupt

    return interrupt


def _beat(write: int) -> None:
    """Give signs of life; where nobody reads them any more, end as by Ctrl-C."""
    with contextlib.suppress(OSError):
        while True:
            os.write(write, b".")
            threading.Event().wait(_BEAT_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)


def _watch(child: int, read: int) -> int:
    """Wait for the child's end, or bring it about; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda got, _frame: _pass_on(child, got))
    silent = 0
    while silent < 2:  # once more: this process may have been stopped meanwhile, with the child
        if not _wait(read, SILENCE_SECONDS / 2):
            silent += 1
        elif os.read(read, 4096):
            silent = 0
        else:
            return _code(os.waitpid(child, 0)[1])
    _pass_on(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = (
        f"labgrader: A check held the interpreter for {SILENCE_SECONDS:.0f} s and was ended."
        " Look for a loop or a regular expression without end in the lab's checks\n"
    )
    with contextlib.suppress(OSError):
        os.write(2, told.encode())
    return ExitCode.FAULT


def _wait(read: int, seconds: float) -> bool:
    """Whether something can be read in time."""
    ready, _, _ = select.select([read], [], [], seconds)
    return bool(ready)


def _pass_on(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def _code(status: int) -> int:
    """Return what a process that ended so would have ended this one with."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
