"""Polling with deadlines: wait until a condition holds, or an object is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Resource


class Deadline:
    """A limit for several steps together, in seconds from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; 0 when it is over."""
        return max(0.0, self._end - time.monotonic())

    def shorter(self, seconds: float) -> float:
        """Return ``seconds``, or what is left where that is less."""
        return min(seconds, self.left)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Ask ``condition`` until it holds or ``seconds`` are over; say whether it held."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def wait_until_gone(
    cluster: Cluster, resource: Resource, name: str, namespace: str | None, seconds: float
) -> bool:
    """Wait until an object is not there any more; say whether it is gone."""
    return wait_until(lambda: cluster.get(resource, name, namespace) is None, seconds)
