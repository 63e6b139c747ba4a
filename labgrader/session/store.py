"""The event store. What was written is on the disk when ``append`` returns, also after a crash."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labgrader import paths
from labgrader.model.errors import LabError

SCHEMA_VERSION = 1
_CREATE = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_session ON events (session, id);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: ``kind`` is started, paused, resumed, graded, hinted or ended."""

    session: str
    at: datetime
    kind: str
    data: dict[str, Any]


class Store:
    """Sessions in one file, 0600. Safe to use from several processes at once.

    Args:
        path: the file; by default in the state folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.state_dir() / "sessions.sqlite3"

    def append(self, session: str, kind: str, data: dict[str, Any], at: datetime) -> None:
        """Write one event.

        Raises:
            LabError: the disk is full, the file is damaged, or of a newer version.
        """
        row = (session, at.astimezone(UTC).isoformat(), kind, json.dumps(data))
        with self._open() as connection:
            connection.execute("INSERT INTO events (session, at, kind, data) VALUES (?,?,?,?)", row)

    def sessions(self) -> list[str]:
        """Return the names of all sessions, oldest first."""
        query = "SELECT session FROM events GROUP BY session ORDER BY MIN(id)"
        with self._open() as connection:
            return [str(name) for (name,) in connection.execute(query)]

    def entries(self, session: str) -> list[Entry]:
        """Return the events of one session in the order in which they were written."""
        query = "SELECT at, kind, data FROM events WHERE session = ? ORDER BY id"
        with self._open() as connection:
            return [
                Entry(session, datetime.fromisoformat(at), kind, json.loads(data))
                for at, kind, data in connection.execute(query, (session,))
            ]

    def delete(self, session: str) -> int:
        """Remove a session for good; return how many events it had."""
        with self._open() as connection:
            return connection.execute("DELETE FROM events WHERE session = ?", (session,)).rowcount

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=10)
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error
        try:
            self._prepare(connection)
            with connection:
                yield connection
        except sqlite3.Error as error:
            raise self._broken(error) from error
        finally:
            connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise LabError(
                f"{self.path} was written by a newer labgrader (version {version})",
                "Update labgrader, or set LABGRADER_STATE_DIR to another folder",
            )
        if version < SCHEMA_VERSION:
            connection.executescript(_CREATE)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _broken(self, error: Exception) -> LabError:
        return LabError(
            f"The session file {self.path} cannot be used: {error}",
            "Free some space, or move the file away and start anew",
        )
