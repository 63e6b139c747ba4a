"""Reads content as its author wrote it, line numbers and all, however wrong it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labgrader.content.validation import line_of
from labgrader.errors import ContentError
from labgrader.util.bounded_yaml import read_text

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: where, what, and how to mend it."""

    path: Path
    line: int
    rule: str
    what: str
    fix: str

    def __str__(self) -> str:
        """``file:line: rule: what. fix``, as editors and CI logs make links of it."""
        return f"{self.path}:{self.line}: {self.rule}: {self.what}. {self.fix}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document with its lines; ``data`` is whatever stands in it."""

    path: Path
    data: Any
    node: yaml.Node | None

    def finding(self, rule: str, where: tuple[str | int, ...], what: str, fix: str) -> Finding:
        """Return a finding about the value at ``where``."""
        return Finding(self.path, line_of(self.node, list(where)), rule, what, fix)


def documents(path: Path) -> tuple[list[Document], list[Finding]]:
    """Read a file; a file that is no YAML, or says the same key twice, is a finding."""
    try:
        nodes, parsed = _parse(read_text(path))
    except ContentError as error:
        return [], [Finding(path, 1, "file", error.message, error.next_step)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or f"cannot be parsed: {error}"
        return [], [Finding(path, mark.line + 1 if mark else 1, "yaml", problem, "Mend the line")]
    findings = [_twice(path, key) for node in nodes for key in repeated(node)]
    pairs = zip(parsed, nodes, strict=False)  # an explicit null is a node without data: no matter
    return [Document(path, data, node) for data, node in pairs], findings


def _parse(text: str) -> tuple[list[yaml.Node], list[Any]]:
    """Return the nodes and the data of the documents that are not empty."""
    nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node]
    loaded = yaml.load_all(text, Loader=_Loader)
    return nodes, [data for data in loaded if data is not None]


def maps(data: Any, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield index and entry of the mappings in the list under ``key``, if it is one."""
    listed = data.get(key) if isinstance(data, Mapping) else None
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping):
            yield index, entry


def texts(data: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts in the list under ``key``; empty where it is no list."""
    listed = data.get(key)
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def _twice(path: Path, key: yaml.Node) -> Finding:
    what = f"the key {getattr(key, 'value', '')} stands here a second time, and the first is lost"
    return Finding(path, key.start_mark.line + 1, "twice", what, "Keep one of them")


def repeated(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield the second and later nodes of a key that stands twice in a mapping."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from repeated(entry)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(getattr(key, "value", ""))
            if name in seen:
                yield key
            seen.add(name)
            yield from repeated(value)
