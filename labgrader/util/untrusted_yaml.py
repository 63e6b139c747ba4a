"""Reads YAML that a learner stored in the cluster, bounded in size, depth and aliases.

A text of a few kilobytes can be made to fill the memory (aliases) or to end the whole process (the
C parser recurses without a limit). So its events are counted first, which costs nothing, and only
what is small, flat and plain is loaded.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40
MAX_ALIASES = 20
"""Merged into each other, twenty can make a few thousand of something, and no more."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class NotReadable(ValueError):
    """The text is no YAML, or none that anybody should read; says why, in one line."""


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
    try:
        _weigh(text, several=several)
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise NotReadable(f"{line}{' '.join(problem.split())[:200]}") from error
    except (ValueError, OverflowError, RecursionError) as error:  # a date or number that is none
        raise NotReadable(" ".join(str(error).split())[:200]) from error


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
