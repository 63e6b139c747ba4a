"""Reads content files as YAML: safe loader, bounded size and aliases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from labgrader.errors import ContentError

MAX_BYTES = 2_000_000
MAX_ALIASES = 50
"""A few aliases save typing; many are how ten lines of YAML become ten gigabytes."""

_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*[\w.-]+", re.MULTILINE)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(path: Path) -> str:
    """Return a content file's text.

    Raises:
        ContentError: it cannot be read, is no text, is too large, or has too many aliases.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ContentError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", "Split it")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"{path} cannot be read: {error.strerror}", "Put it there") from error
    except UnicodeDecodeError as error:
        raise ContentError(f"{path} is no UTF-8 text", "Save it as UTF-8") from error
    if len(_ALIAS.findall(text)) > MAX_ALIASES:
        raise ContentError(
            f"{path} has more than {MAX_ALIASES} YAML aliases", "Write the values out"
        )
    return text


def read_documents(path: Path) -> list[Any]:
    """Return the documents of a YAML file, without empty ones.

    Raises:
        ContentError: as ``read_text``, or it is no YAML; names the line.
    """
    text = read_text(path)
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise not_yaml(path, error) from error
    except (ValueError, RecursionError) as error:  # a date that is none; nesting without end
        raise ContentError(f"{path} is no YAML: {error}", "Mend it") from error
    return [document for document in documents if document is not None]


def not_yaml(path: Path, error: yaml.YAMLError) -> ContentError:
    """Say on which line a file stops being YAML, and why."""
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return ContentError(f"{path}:{line}: not YAML: {problem}", "Mend the line")
