"""Runs Prometheus' own code (``embedded/rules``) as a program: JSON in, JSON out."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.binary import rules_binary
from labgrader.errors import LabError, MissingCapability, TimedOut
from labgrader.util.result_cache import Remembered

KEPT = 64
"""How many answers are kept: an answer depends on its question alone."""

_WORDS = 300
_SHORT_LIVED = {"GOGC": "off"}
"""It bounds its memory by itself, and ends before collecting garbage would pay."""


class Prometheus:
    """See ``kube.protocols.Judge``. Safe to use from many threads."""

    def __init__(self) -> None:
        self._answers: dict[str, Future[Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def evaluate(self, question: Mapping[str, Any], *, timeout: float) -> Mapping[str, Any]:
        """Put a question; who asks the same at the same time waits for the same answer."""
        text = json.dumps(question, sort_keys=True)
        with self._lock:
            future = self._answers.get(text)
            mine = future is None
            if future is None:
                future = self._answers[text] = Future()
                while len(self._answers) > KEPT:
                    self._answers.pop(next(iter(self._answers)))
        if mine:
            try:
                future.set_result(_run(text, timeout))
            except BaseException as error:  # noqa: BLE001 - handed on to whoever asked the same
                with self._lock:
                    self._answers.pop(text, None)  # the next one may be luckier
                future.set_exception(error)
        return future.result()


PROMETHEUS = Prometheus()
"""One for the process: what it remembers holds for every cluster."""


_REMEMBERED = Remembered("prometheus")


def _run(text: str, timeout: float) -> Mapping[str, Any]:
    try:
        program = rules_binary()
    except LabError as error:
        raise MissingCapability(
            "The judge of alerts is not installed", error.next_step or "Run `make kube`"
        ) from error
    made = program.stat()
    question = (str(program), f"{made.st_size} {made.st_mtime_ns}", text)
    kept = _REMEMBERED.get(*question)
    if kept is not None:
        return kept
    answer = _asked(program, text, timeout)
    # An expression that took too long may not do so the next time; all else is the same each time.
    if not any(one.get("errors") for one in answer.get("scenarios") or ()):
        _REMEMBERED.put(answer, *question)
    return answer


def _asked(program: Path, text: str, timeout: float) -> Mapping[str, Any]:
    try:
        # It may be ended before it has removed its own files: they go with this folder.
        with tempfile.TemporaryDirectory(prefix="labgrader-rules-") as folder:
            done = subprocess.run(  # noqa: S603 - our own program, without arguments
                [str(program)],
                input=text.encode(),
                env={**os.environ, **_SHORT_LIVED, "TMPDIR": folder},
                capture_output=True,
                timeout=timeout,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(
            f"Prometheus' code did not answer within {timeout:.0f} s", "Simplify the expressions"
        ) from error
    if done.returncode != 0:
        words = " ".join(done.stderr.decode(errors="replace").split())[:_WORDS]
        raise TimedOut(f"Prometheus' code gave up: {words}", "Simplify the expressions")
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer
