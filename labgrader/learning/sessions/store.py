"""The event store in SQLite: an event is durable when ``append`` returns."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labgrader import paths
from labgrader.errors import LabError
from labgrader.learning.sessions.clock import Moment

SCHEMA_VERSION = 2
_CREATE = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_session ON events (session, id);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    lab TEXT NOT NULL,
    question TEXT NOT NULL,
    concept TEXT NOT NULL,
    mark TEXT NOT NULL
);
"""
"""Versions only ever add tables: what is there already is left as it is (2 added ``answers``)."""


_CLOCK = "_clock"
"""Where an event's data keeps the machine's own clock."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event; the kinds and what they change are in ``record``."""

    session: str
    moment: Moment
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """One answer to a question of the quiz; ``mark`` as in ``model.quiz.Mark``."""

    at: datetime
    lab: str
    question: str
    concept: str
    mark: str


ODD = "odd"
"""The kind of what stands in the file and cannot be read as an event: it is set aside."""

_NEVER = Moment(datetime.fromtimestamp(0, UTC), "", 0.0)

LOCK_SECONDS = 2.0
"""How long another process may hold the file: its writes take milliseconds."""


class Store:
    """Sessions in one file, 0600. Safe to use from several processes at once.

    Args:
        path: the file; by default in the state folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or paths.state_root() / "sessions.sqlite3"
        self._folder = None if path else self.path.parent

    def append(self, entry: Entry) -> None:
        """Write one event.

        Raises:
            LabError: the disk is full, the file is damaged, or of a newer version.
        """
        moment = entry.moment
        data = {**entry.data, _CLOCK: [moment.boot, moment.up]}
        at = moment.at.astimezone(UTC).isoformat()
        row = (entry.session, at, entry.kind, json.dumps(data))
        with self._open() as connection:
            connection.execute("INSERT INTO events (session, at, kind, data) VALUES (?,?,?,?)", row)

    def sessions(self) -> list[str]:
        """Return the names of all sessions, oldest first."""
        query = "SELECT session FROM events GROUP BY session ORDER BY MIN(id)"
        with self._open() as connection:
            return [str(name) for (name,) in connection.execute(query)]

    def entries(self, session: str) -> list[Entry]:
        """Return the events of one session in the order in which they were written.

        What is no event at all comes as one of the kind ``ODD``, at the moment of the one before.
        """
        query = "SELECT at, kind, data FROM events WHERE session = ? ORDER BY id"
        with self._open() as connection:
            rows = connection.execute(query, (session,)).fetchall()
        found: list[Entry] = []
        for row in rows:
            try:
                found.append(_entry(session, *row))
            except (ValueError, TypeError, AttributeError, RecursionError):
                before = found[-1].moment if found else _NEVER
                found.append(Entry(session, before, ODD, {}))
        return found

    def delete(self, session: str) -> int:
        """Remove a session for good; return how many events it had."""
        with self._open() as connection:
            return connection.execute("DELETE FROM events WHERE session = ?", (session,)).rowcount

    def append_answer(self, given: Given) -> None:
        """Write one answer of the quiz. Raises ``LabError`` as ``append`` does."""
        at = given.at.astimezone(UTC).isoformat()
        row = (at, given.lab, given.question, given.concept, given.mark)
        query = "INSERT INTO answers (at, lab, question, concept, mark) VALUES (?,?,?,?,?)"
        with self._open() as connection:
            connection.execute(query, row)

    def answers(self, lab: str) -> list[Given]:
        """Return all answers of one lab's quiz, oldest first."""
        query = "SELECT at, lab, question, concept, mark FROM answers WHERE lab = ? ORDER BY id"
        with self._open() as connection:
            rows = connection.execute(query, (lab,)).fetchall()
        found = []
        for at, *row in rows:
            with contextlib.suppress(ValueError, TypeError):
                found.append(Given(datetime.fromisoformat(at), *row))
        return found

    def delete_answers(self, lab: str) -> int:
        """Remove all answers of one lab's quiz; return how many there were."""
        with self._open() as connection:
            return connection.execute("DELETE FROM answers WHERE lab = ?", (lab,)).rowcount

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._folder is not None:
            paths.private_dir(self._folder)
        try:
            self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=LOCK_SECONDS)
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


def _entry(session: str, at: str, kind: str, text: str) -> Entry:
    data = json.loads(text)
    boot, up = data.pop(_CLOCK, ("", 0.0))
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return Entry(session, Moment(moment, str(boot), float(up)), str(kind), data)
