"""200 kills lose nothing that was shown; a place at a cluster goes with its holder."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from labgrader.learning.sessions.cluster_lock import ClusterLock
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.result import CheckResult, Outcome

KILLS = 200
SHOWN = 3
WRITE_MS = 8
"""About as long as one write takes: the kill may meet any part of the next."""


def work(file: Path, show: int, first: int) -> None:
    """Pass one check after the other, and show each by writing its number to a pipe."""
    session_recorder = SessionRecorder(Sessions(Store(file)), "s")
    for number in range(first, first + 10_000):
        session_recorder.note_result(CheckResult(f"c{number}", "1.1", "It", Outcome.PASSED, 1, 1))
        os.write(show, b"%d\n" % number)


def test_200_kills_lose_nothing_that_was_shown(tmp_path: Path) -> None:
    file = tmp_path / "sessions"
    Sessions(Store(file)).start("s", "lab", "c")
    rng, shown, first = random.Random(19), set(), 0
    for _ in range(KILLS):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                work(file, write, first)
            finally:
                os._exit(1)
        os.close(write)
        with os.fdopen(read) as pipe:
            lines = [pipe.readline() for _ in range(rng.randint(0, SHOWN))]
            time.sleep(rng.uniform(0, WRITE_MS) / 1000)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            lines.extend(pipe)
        shown |= {f"c{int(line)}" for line in lines if line.endswith("\n")}
        first += 10_000
    kept = Sessions(Store(file)).record("s").first_passed
    assert len(shown) > KILLS  # it was killed at work, not before
    assert shown <= kept.keys()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_the_second_at_a_cluster_is_told_who_is_there(tmp_path: Path) -> None:
    first, second = ClusterLock("https://a", tmp_path), ClusterLock("https://a", tmp_path)
    assert first.take() == ""
    assert second.take() == f"process {os.getpid()}"
    elsewhere = ClusterLock("https://b", tmp_path)
    assert elsewhere.take() == ""
    elsewhere.leave()
    first.leave()
    assert second.take() == ""
    second.leave()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from labgrader.learning.sessions.cluster_lock import ClusterLock\n"
        "here = ClusterLock('https://a', Path(sys.argv[1])); print(repr(here.take()), flush=True)\n"
        "time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "''\n"
    assert ClusterLock("https://a", tmp_path).take() == f"process {holder.pid}"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    here = ClusterLock("https://a", tmp_path)
    assert here.take() == ""
    here.leave()
