"""Reads YAML, bounded in size and aliases: a lab's files, and texts that learners stored.

A text of a few kilobytes can be made to fill the memory (aliases) or to end the whole process (the
C parser recurses without a limit). Of what a learner stored, the events are counted first, which
costs a third of loading it, and only what is small, flat and plain is loaded. A lab's own files are
read at every start, and only their aliases are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from labgrader.errors import ContentError

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40
MAX_ALIASES = 20
"""Merged into each other, twenty can make a few thousand of something, and no more."""

MAX_FILE_BYTES = 2_000_000
MAX_FILE_ALIASES = 50
"""A few aliases save typing; many are how ten lines of YAML become ten gigabytes."""

_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*[\w.-]+", re.MULTILINE)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class NotReadable(ValueError):
    """The text is no YAML, or none that can be read within bounds; says why, in one line.

    ``line`` is the line, or 0 where none is to blame.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.why, self.line = why, line


def read_text(path: Path) -> str:
    """Return the text of a lab's file.

    Raises:
        ContentError: it cannot be read, is no text, is too large, or has too many aliases.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            megabytes = MAX_FILE_BYTES // 1_000_000
            raise ContentError(f"{path} is larger than {megabytes} MB", "Split it")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"{path} cannot be read: {error.strerror}", "Put it there") from error
    except UnicodeDecodeError as error:
        raise ContentError(f"{path} is no UTF-8 text", "Save it as UTF-8") from error
    if len(_ALIAS.findall(text)) > MAX_FILE_ALIASES:
        raise ContentError(
            f"{path} has more than {MAX_FILE_ALIASES} YAML aliases", "Write the values out"
        )
    return text


def read_documents(path: Path) -> list[Any]:
    """Return the documents of one of a lab's YAML files, without empty ones.

    Raises:
        ContentError: as ``read_text``, or it is no YAML; names the line.
    """
    try:
        documents = _load(read_text(path))
    except NotReadable as error:
        raise not_yaml(path, error) from error
    return [document for document in documents if document is not None]


def not_yaml(path: Path, error: NotReadable) -> ContentError:
    """Say on which line a file stops being YAML, and why."""
    if not error.line:
        return ContentError(f"{path} is no YAML: {error.why}", "Mend it")
    return ContentError(f"{path}:{error.line}: not YAML: {error.why}", "Mend the line")


def stored_yaml(text: str) -> Any:
    """Return the one document in ``text`` (JSON is YAML, too); None where it is empty.

    Raises:
        NotReadable: it is no YAML, holds several documents, or is out of all proportion.
    """
    documents = _loaded(text, MAX_CHARACTERS, several=False)
    return documents[0] if documents else None


def stored_documents(text: str, most: int = MAX_CHARACTERS) -> list[Any]:
    """Return all documents in ``text``; errors as ``stored_yaml``.

    Args:
        most: how many characters it may have.
    """
    return [one for one in _loaded(text, most, several=True) if one is not None]


def _loaded(text: str, most: int, *, several: bool) -> list[Any]:
    if len(text) > most:
        raise NotReadable(f"it has more than {most} characters")
    with _readable():
        _weigh(text, several=several)
    return _load(text)


def _load(text: str) -> list[Any]:
    with _readable():
        return list(yaml.load_all(text, Loader=_Loader))


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what the parser raises into ``NotReadable``."""
    try:
        yield
    except yaml.YAMLError as error:
        raise not_readable(error) from error
    except NotReadable:
        raise
    except (ValueError, OverflowError, RecursionError) as error:  # a date or number that is none
        raise NotReadable(" ".join(str(error).split())[:200]) from error


def not_readable(error: yaml.YAMLError) -> NotReadable:
    """Say in one line what a parser found, and where."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return NotReadable(" ".join(problem.split())[:200], mark.line + 1 if mark else 0)


def _weigh(text: str, *, several: bool) -> None:
    """Raise ``NotReadable`` for what must not be loaded; nothing of it is kept."""
    aliases = documents = 0
    within: list[str | None] = []
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, _OPENS):
            within.append(event.anchor)
        elif isinstance(event, _CLOSES):
            within.pop()
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if event.anchor in within:
                raise NotReadable(f"its part &{event.anchor} holds itself")
        documents += isinstance(event, yaml.DocumentStartEvent)
        if len(within) > MAX_DEPTH:
            raise NotReadable(f"it is nested more than {MAX_DEPTH} deep")
        if aliases > MAX_ALIASES:
            raise NotReadable(f"it has more than {MAX_ALIASES} aliases")
        if documents > 1 and not several:
            raise NotReadable("it holds more than one document")
