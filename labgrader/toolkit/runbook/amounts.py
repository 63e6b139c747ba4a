"""Parses durations and rates in plain text. Pure.

A rate is a number with a unit of time below it: `0.1/s`, `0.1 errors a second`, `6 per minute`,
`30 errors in 5 minutes`, or a number after the word "rate", which Prometheus counts in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TO_TEN = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_WORDS = {
    **dict(zip(_TO_TEN, range(1, 11), strict=True)),
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "sixty": 60,
    "ninety": 90,
}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)"
# A number begins where no digit stands before it: else a long one is tried from every digit on.
_TIME = re.compile(rf"(?<![\w.])({_NUMBER})[\s-]?({_UNIT})\b", re.IGNORECASE)
_COMPOUND = re.compile(r"(?<![\w.])((?:\d+(?:h|ms|m|s)){2,3})\b", re.IGNORECASE)
_PART = re.compile(r"(\d+)(h|ms|m|s)", re.IGNORECASE)
_RATE = re.compile(
    rf"(?<![\w.])({_NUMBER})(?![\w.])[ \t]*((?:[a-z][a-z'-]*[ \t]*){{0,4}}?)"
    rf"(/|\bper\b|\ban?\b|\beach\b|\bevery\b|\bin\b|\bwithin\b)[ \t-]*(?:(?:an?|the|each)\b[ \t]*)?"
    rf"({_NUMBER})?[ \t]*({_UNIT})\b",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rf"\brate\b[\w\s]{{0,30}}?(?:>=?|above|over|exceeds?|exceeding|more than|higher than)\s*"
    rf"({_NUMBER})(?![\w.%]|\s*(?:/|%|per\b|an?\b|[a-z]+\s*(?:/|per\b|an?\b)))",
    re.IGNORECASE,
)
_INVERTED = re.compile(
    rf"(?:/|\bper\b|\ban?\b|\beach\b)[ \t-]*({_UNIT})\b[^\d.;\n]{{0,30}}?"
    rf"(?:>=?|\babove\b|\bover\b|\bexceed\w*|\bmore than\b|[:|=])\s*"
    rf"({_NUMBER})(?![\w.%]|\s*{_UNIT}\b)",
    re.IGNORECASE,
)
_SHARE = re.compile(rf"(?<![\w.])({_NUMBER})\s*(?:%|percent\b|per cent\b)", re.IGNORECASE)
_COUNTED = re.compile(r"error|fail|reconcil|look|^\s*$", re.IGNORECASE)
_RANGE = re.compile(r"\[[\dsmhdwy:$_{}a-z ]{1,40}\]")
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate per second, and as it stands in the text."""

    value: float
    text: str


def _plain(text: str) -> str:
    """Return a text with numbers for words, and without the ranges of PromQL."""
    text = _RANGE.sub(" ", text[:_LONGEST])
    return re.sub(r"[A-Za-z]+", lambda m: str(_WORDS.get(m[0].lower(), m[0])), text)


def times_in(text: str) -> list[float]:
    """Return the durations in a text, in seconds; those below a rate are left out."""
    text = _plain(text)
    for rate in _rates(text):
        text = text.replace(rate[1], " ", 1)
    found = [
        sum(int(n) * _SECONDS.get(unit.lower(), 0.001) for n, unit in _PART.findall(one))
        for one in _COMPOUND.findall(text)
    ]
    return [*found, *(float(n) * _SECONDS[unit[0].lower()] for n, unit in _TIME.findall(text))]


def rates_in(text: str) -> list[Rate]:
    """Return the rates in a text."""
    plain = _plain(text)
    found = [Rate(value, shown.strip()) for value, shown in _rates(plain)]
    if not found:  # "errors per minute > 6": the unit stands first
        found = [
            Rate(float(match[2]) / _SECONDS[match[1][0].lower()], match[0].strip())
            for match in _INVERTED.finditer(plain)
        ]
    return found + [Rate(float(match[1]), match[0].strip()) for match in _PLAIN.finditer(plain)]


def _rates(text: str) -> Iterator[tuple[float, str]]:
    for match in _RATE.finditer(text):
        number, what, how, units, unit = match.groups()
        if how.lower() in ("in", "within", "every") and not _COUNTED.search(what):
            continue
        seconds = float(units or 1) * _SECONDS[unit[0].lower()]
        if seconds:
            yield float(number) / seconds, match[0]


def shares_in(text: str) -> list[Rate]:
    """Return the percentages in a text, as parts of one."""
    return [Rate(float(m[1]) / 100, m[0]) for m in _SHARE.finditer(text[:_LONGEST])]


_QUERY = re.compile(rf"(?:>=?|<=?)\s*{_NUMBER}(?:\s*[*/]\s*{_NUMBER})?(?![\w.])")
_BEGIN = re.compile(r"(?<![\w.])[\w(]")
_OF_RATES = re.compile(r"\b(?:i?rate|increase)\s*\(")


def queries_in(text: str, most: int = 12) -> list[str]:
    """Return what could be PromQL about a rate in a text, the longest first; a parser must say."""
    text = text[:_LONGEST]
    first = _OF_RATES.search(text)
    if first is None:
        return []
    spans = [one for one in re.findall(r"`([^`]+)`", text) if _OF_RATES.search(one)]
    if spans:
        return spans[:most]
    found = _QUERY.search(text, first.end())
    if found is None:
        return []
    head = text[: found.end()]
    return [head[match.start() :] for match in _BEGIN.finditer(head)][:most]
