"""Reports: golden files for each format, the shipped schema, and text that cannot play tricks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from labgrader.errors import Cause
from labgrader.model.result import (
    CheckResult,
    Item,
    Outcome,
)
from labgrader.report import as_json, as_text
from labgrader.report.clean import clean, one_line
from tests.support.reports import report

GOLDEN = Path(__file__).parent.parent.parent / "golden"


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("report.json", as_json.render),
        ("report.txt", as_text.render),
        ("report-plain.txt", as_text.plain),
    ],
)
def test_golden(name: str, render: object) -> None:
    assert callable(render)
    assert render(report()) == (GOLDEN / name).read_text(encoding="utf-8")


def test_one_cause_of_several_errors_is_told_once() -> None:
    why = "may not look"
    first = CheckResult("a", "1.1", "A", Outcome.ERROR, 1, cause=Cause.FORBIDDEN, reason=why)
    needs = replace(first, id="b", reason=f"a, which it needs, could not be judged: {why}")
    other = replace(first, id="c", reason="may not touch")
    task = replace(report().tasks[0], checks=(first, needs, other))
    for render in (as_text.render, as_text.plain):
        text = render(replace(report(), tasks=(task,)))
        assert text.count(why) == 1
        assert "the same as of 1.1 a" in text
        assert "may not touch" in text


def test_conditions_stand_in_their_item() -> None:
    parts = (
        Item("one", Outcome.PASSED, 0, 0),
        Item("two", Outcome.FAILED, 0, 0, reason="two is wrong"),
        Item("three", Outcome.FAILED, 0, 0, reason="three is wrong"),
    )
    item = Item("all", Outcome.FAILED, 2, 0, reason="two is wrong", conditions=parts)
    check = CheckResult("a", "1.1", "A", Outcome.FAILED, 2, reason="two is wrong", items=(item,))
    task = replace(report().tasks[0], checks=(check,))
    whole = replace(report(), tasks=(task,))
    data = as_json.as_data(whole)
    Draft202012Validator(json.loads(as_json.SCHEMA.read_text(encoding="utf-8"))).validate(data)
    (shown,) = data["tasks"][0]["checks"][0]["items"]
    assert [one["name"] for one in shown["conditions"]] == ["one", "two", "three"]
    assert "also      three is wrong" in as_text.render(whole)


def test_the_schema_accepts_it() -> None:
    schema = json.loads(as_json.SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(as_json.render(report())))


def test_the_schema_is_no_rubber_stamp() -> None:
    schema = json.loads(as_json.SCHEMA.read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    for breaks in (
        lambda data: data.pop("score"),
        lambda data: data.update(more=1),
        lambda data: data["tasks"][0]["checks"][0].update(outcome="maybe"),
        lambda data: data["tasks"][0]["checks"][0].update(cause="forbidden"),
        lambda data: data["tasks"][0]["checks"][3].update(cause=None),
    ):
        data = as_json.as_data(report())
        breaks(data)
        assert not validator.is_valid(data), breaks


def test_colour_carries_no_meaning_of_its_own() -> None:
    import click

    assert click.unstyle(as_text.render(report(), colour=True)) == as_text.render(report())


def test_plain_is_one_fact_a_line_without_drawings() -> None:
    text = as_text.plain(report())
    assert text.isascii()
    assert all(line.strip() == line and line for line in text.splitlines())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "<U+001B>[31mred<U+001B>[0m"),
        ("a\u202eb", "a<U+202E>b"),
        ("bell\a", "bell<U+0007>"),
        ("żółw 🐢", "żółw 🐢"),
        ("zero\u200bwidth", "zero<U+200B>width"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_text_that_is_too_long_is_cut_and_its_own_length_is_told() -> None:
    assert clean("\a" * 3 + "x" * 5, limit=10) == "<U+0007><U… (8 characters)"
    assert clean("x" * 11, limit=10) == f"{'x' * 10}… (11 characters)"
    assert clean("x" * 10, limit=10) == "x" * 10


def test_one_line() -> None:
    assert one_line("a\n  b\r\nc") == "a b c"
    assert len(one_line("x" * 10_000)) < 600


def test_json_shows_what_cannot_be_seen() -> None:
    from labgrader.report.clean import to_json

    data = {"a": "safe\u202eefas", "b": "\U000e0041", "c": "tab\tü", "d": "\ud800"}
    text = to_json(data)
    assert json.loads(text) == data
    assert "\\u202e" in text
    assert "\\udb40\\udc41" in text
    assert "ü" in text
    assert all(one.isprintable() or one == "\n" for one in text)
