"""Forwards a loopback port into the cluster's network namespace: ``python -m … ADDRESS PORT``.

The door was opened on the host's loopback before the cluster's network namespace was entered, so
this process, which runs inside, takes connections from the host and makes its own in there. A
thread moves bytes without looking at them. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

from labgrader.clusters.embedded.child import DOOR

_CHUNK = 256 * 1024


def main(address: str, port: int) -> None:
    """Pass connections on until standard input (the supervisor's lifeline) ends."""
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    threading.stack_size(256 * 1024)
    door = socket.socket(fileno=DOOR)
    while True:
        outside, _ = door.accept()
        threading.Thread(target=_serve, args=(outside, (address, port)), daemon=True).start()


def _end_with_the_supervisor() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _serve(outside: socket.socket, where: tuple[str, int]) -> None:
    try:
        inside = socket.create_connection(where, timeout=5)
    except OSError:
        outside.close()
        return
    inside.settimeout(None)
    for end in (outside, inside):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
    back.start()
    _copy(outside, inside)
    back.join()
    outside.close()
    inside.close()


def _copy(source: socket.socket, goal: socket.socket) -> None:
    """Move bytes one way until their end, and pass the end on too."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            goal.sendall(chunk)
    for end, how in ((goal, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
