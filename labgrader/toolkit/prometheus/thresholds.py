"""Compares the threshold of an alert with the one that a text names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labgrader.errors import MissingCapability
from labgrader.toolkit.runbook.amounts import Rate, queries_in, rates_in, shares_in

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A rate per second; or, with ``ratio``, a part of one."""

    value: float
    ratio: bool = False

    def __str__(self) -> str:
        """Say it with its unit."""
        return f"{self.value * 100:.4g} %" if self.ratio else f"{self.value:.4g}/s"

    def is_said_by(self, said: Sequence[Rate]) -> bool:
        """Whether every rate that is named is this one, and one is named."""
        close = abs(self.value) / 100
        return bool(said) and all(abs(one.value - self.value) <= close for one in said)


def threshold_of(alerts: Sequence[Mapping[str, Any]], name: str) -> Threshold | None:
    """Return above what an alert fires; None where there is none, or any error is enough.

    Args:
        alerts: as Prometheus' parser has read them.

    Raises:
        MissingCapability: no rate can be read from its expression.
    """
    mine = [one for one in alerts if one["alert"] == name]
    found = [each for one in mine for each in one["thresholds"] if each["op"] in (">", ">=")]
    some = [one for one in found if float(one["value"]) > 0]
    rates = [Threshold(float(one["value"])) for one in some if one["rate"]]
    shares = [Threshold(float(one["value"]), ratio=True) for one in some if one["ratio"]]
    if mine and not any(one["rate"] or one["ratio"] for one in found):
        raise MissingCapability(
            f"No rate can be read from the expression of {name}",
            "Compare a rate() or an increase() with a number",
        )
    return min(rates or shares, key=lambda one: one.value, default=None)


def said_in(lines: Iterable[str], wanted: Threshold, ask: Ask) -> list[Rate]:
    """Return the rates that lines of text name, in words or in PromQL."""
    if wanted.ratio:
        return [one for line in lines for one in shares_in(line)]
    found: list[Rate] = []
    for line in lines:
        queries = queries_in(line)
        parsed = ask({"queries": queries})["queries"] if queries else ()
        read = next((one for one in parsed if one["thresholds"]), None)
        if read is not None:
            shown = str(read["expr"])[:80]
            found.extend(Rate(float(one["value"]), shown) for one in read["thresholds"])
        found.extend(rates_in(line.replace(read["expr"], " ") if read else line))
    return found
