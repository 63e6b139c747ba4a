"""Texts that learners store: whatever they hold, reading them ends, and ends well."""

from __future__ import annotations

from itertools import pairwise

import pytest

from labgrader.util.bounded_yaml import NotReadable, stored_yaml

LEVELS = "abcdefghi"


def bomb(merged: bool) -> str:
    """Return a text of a few hundred bytes that unfolds without end."""
    lines = ["a: &a {x: 1}"]
    for before, name in pairwise(LEVELS):
        many = ", ".join([f"*{before}"] * 9)
        lines.append(f"{name}: &{name} {{<<: [{many}]}}" if merged else f"{name}: &{name} [{many}]")
    return "\n".join(lines)


def test_yaml_and_json_are_read() -> None:
    assert stored_yaml("a: {b: [1, 2]}  # so") == {"a": {"b": [1, 2]}}
    assert stored_yaml('{"a": true}') == {"a": True}
    assert stored_yaml("a: &x 1\nb: *x") == {"a": 1, "b": 1}
    assert stored_yaml("just words") == "just words"
    assert stored_yaml("") is None
    assert stored_yaml("# nothing\n") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: b: c", "line 1: "),
        ("a: 1\n\tb: 2", "line 2: "),
        ("a: [1", "line "),
        ("a: 1\n---\nb: 2", "more than one document"),
        (bomb(merged=True), "aliases"),
        (bomb(merged=False), "aliases"),
        ("[" * 100_000, "nested"),
        ("{a: " * 40_000, "nested"),
        ("- " * 40_000, "nested"),
        ("x" * 300_000, "characters"),
        ("!!python/object/apply:os.system [id]", "line 1: "),
        ("a: !secret x", "line 1: "),
        ("when: 2026-02-31", "month"),
        ("a: *nobody", "line 1: "),
        ("a: &a [*a]", "&a holds itself"),
        ("logging: &a {level: info, again: {and: *a}}", "&a holds itself"),
        ("{[1]: 2}", "line 1: "),
        ("a: \x00", "."),
        ("n: " + "9" * 5000, "."),
    ],
)
def test_what_nobody_should_read(text: str, why: str) -> None:
    with pytest.raises(NotReadable, match=why) as caught:
        stored_yaml(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
