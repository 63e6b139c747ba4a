"""Parses metrics pages in the exposition format. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float
    kind: str = field(default="", compare=False)
    """What its page says that it is: counter, gauge, histogram, …; empty where it does not say."""
    help: str = field(default="", compare=False)

    def with_labels(self, **labels: str) -> Series:
        """Return it with some labels changed."""
        return replace(self, labels={**self.labels, **labels})


def series_of(page: str) -> list[Series]:
    """Return what a page holds. Raises ``ValueError`` for one that Prometheus could not read."""
    from prometheus_client.parser import text_string_to_metric_families  # slow: only when needed

    try:
        families = list(text_string_to_metric_families(page))
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error
    return [
        Series(one.name, dict(one.labels), float(one.value), family.type, family.documentation)
        for family in families
        for one in family.samples
    ]


def declared_in(page: str, series: Iterable[Series]) -> frozenset[str]:
    """Return the metrics that a page declares and shows no series of yet."""
    shown = tuple({one.name for one in series})
    names = re.findall(r"(?m)^# TYPE (\S+) ", page)
    return frozenset(name for name in names if not any(one.startswith(name) for one in shown))


def page_of(series: Iterable[Series]) -> str:
    """Write a page that holds these series."""
    return "".join(f"{_head(one)} {one.value!r}\n" for one in series)


def _head(one: Series) -> str:
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in one.labels.items())
    return f"{one.name}{{{pairs}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
