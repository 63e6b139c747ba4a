"""Reads fields of untrusted objects strictly: what has no meaning in the API is named, not guessed.

The API server refuses most of this, or drops it. What is read here may come from a newer server,
another API, or a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from labgrader.kube.selectors import matches
from labgrader.toolkit.network_policies.logic import Unknown

T = TypeVar("T")

_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_OPERATORS = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}
"""Operators of matchExpressions, and whether they take values."""


class UnreadableField(ValueError):
    """A field that the API does not know, or a value that it does not permit, with its path."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}")

    @property
    def unknown(self) -> Unknown:
        """The same as a value: what depends on this field is not known."""
        return Unknown(str(self))


def read_fields(value: object, path: str, known: Collection[str]) -> Mapping[str, Any]:
    """Return an object of the API without the fields that are null.

    Raises:
        UnreadableField: it is not an object, or it has a field that is not in ``known``.
    """
    if not isinstance(value, Mapping):
        raise UnreadableField(path, "is not an object")
    for key in value:
        if key not in known:
            raise UnreadableField(f"{path}.{key}", "is not a field that is known here")
    return {key: part for key, part in value.items() if part is not None}


def read_list(value: object, path: str) -> list[tuple[str, Any]]:
    """Return the items of a list, each with its path; none where there is no list.

    Raises:
        UnreadableField: it is something else than a list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableField(path, "is not a list")
    return [(f"{path}[{index}]", item) for index, item in enumerate(value)]


def read_each(
    value: object, path: str, read: Callable[[object, str], T]
) -> tuple[T | Unknown, ...]:
    """Return what ``read`` makes of each item and its path; an item it cannot read is unknown.

    Raises:
        UnreadableField: ``value`` is something else than a list.
    """
    found: list[T | Unknown] = []
    for where, item in read_list(value, path):
        try:
            found.append(read(item, where))
        except UnreadableField as error:
            found.append(error.unknown)
    return tuple(found)


class Selector:
    """A label selector that was checked once and is matched often.

    Args:
        value: a LabelSelector as in the API; an empty one selects everything.

    Raises:
        UnreadableField: its meaning is not defined: an unknown field or operator, ``In`` without
            values, or what cannot be a label.
    """

    def __init__(self, value: object, path: str) -> None:
        self._selector = dict(read_fields(value, path, ("matchLabels", "matchExpressions")))
        self.exact: Mapping[str, str] = self._selector.get("matchLabels") or {}
        _check_labels(self.exact, f"{path}.matchLabels")
        for where, item in read_list(
            self._selector.get("matchExpressions"), f"{path}.matchExpressions"
        ):
            _check_expression(item, where)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it selects an object with these labels."""
        return not self._selector or matches(self._selector, labels)


def _check_labels(labels: object, path: str) -> None:
    if not isinstance(labels, Mapping):
        raise UnreadableField(path, "is not a map of strings to strings")
    for key, value in labels.items():
        _check_key(key, path)
        _check_value(value, f"{path}.{key}")


def _check_expression(item: object, path: str) -> None:
    expression = read_fields(item, path, ("key", "operator", "values"))
    _check_key(expression.get("key"), f"{path}.key")
    operator = expression.get("operator")
    takes_values = _OPERATORS.get(operator) if isinstance(operator, str) else None
    if takes_values is None:
        raise UnreadableField(f"{path}.operator", f"is {operator}, not one of {_names()}")
    values = read_list(expression.get("values"), f"{path}.values")
    if takes_values is not bool(values):
        needs = "needs" if takes_values else "must not have"
        raise UnreadableField(path, f"{needs} values with the operator {operator}")
    for where, value in values:
        _check_value(value, where)


def _names() -> str:
    return ", ".join(_OPERATORS)


def _check_key(key: object, path: str) -> None:
    if not isinstance(key, str) or not _is_key(key):
        raise UnreadableField(path, f"has {key!r}, which is not a label key")


def _check_value(value: object, path: str) -> None:
    if not isinstance(value, str) or not _is_value(value):
        raise UnreadableField(path, "is not a label value")


@lru_cache(maxsize=4096)
def _is_key(key: str) -> bool:
    """Whether a label may have this key: an optional DNS name and ``/``, then a name."""
    prefix, slash, name = key.rpartition("/")
    return bool(name) and _is_value(name) and (not slash or bool(_PREFIX.fullmatch(prefix)))


@lru_cache(maxsize=4096)
def _is_value(value: str) -> bool:
    return bool(_NAME.fullmatch(value))
