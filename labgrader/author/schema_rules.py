"""Validates content files against JSON Schemas, and finds text that was left unwritten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from labgrader.author.reading import Document, Finding
from labgrader.content.validation import SCHEMA

UNFINISHED = re.compile(r"\bTODO\b")


def offences(document: Document, schema: str, kind: str) -> Iterator[Finding]:
    """Yield what a shipped schema's definition ``kind`` finds wrong with a document."""
    from jsonschema import Draft202012Validator

    text = SCHEMA.with_name(schema).read_text(encoding="utf-8")
    validator = Draft202012Validator({**json.loads(text), "$ref": f"#/$defs/{kind}"})
    for error in validator.iter_errors(document.data):
        yield from _offence(document, error)


def unfinished(document: Document) -> Iterator[Finding]:
    """Yield texts that are blank, or still say TODO."""
    for where, text in _texts(document.data, ()):
        if not text.strip():
            place = ".".join(str(part) for part in where)
            yield document.finding("words", where, f"{place} is blank", "Write it, or drop it")
        elif UNFINISHED.search(text):
            what = "TODO: this is still the skeleton's text"
            yield document.finding("words", where, what, "Say what is meant here")


def _offence(document: Document, error: Any) -> Iterator[Finding]:
    where = tuple(error.absolute_path)
    place = ".".join(str(part) for part in where) or "the file"
    if error.validator == "additionalProperties":
        known = sorted(error.schema["properties"])
        for key in sorted(set(error.instance) - set(known)):
            fix = f"Known here: {', '.join(known)}"
            yield document.finding("form", (*where, key), f"unknown field {key} in {place}", fix)
        return
    fix = "docs/writing-a-check.md shows the format"
    if error.validator == "required":
        fix = f"Needed here: {', '.join(error.schema['required'])}"
    yield document.finding("form", where, f"{place}: {error.message[:200]}", fix)


def _texts(value: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text that people read; parameters of checks are none."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key not in ("with", "proof", "when"):
                yield from _texts(entry, (*where, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, (*where, index))
