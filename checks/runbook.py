"""The runbook: whether somebody who was just woken gets somewhere with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    CallKind,
    Context,
    Evidence,
    Fact,
    MissingCapability,
    Rehearsal,
    Resource,
    Runbook,
    Tried,
    check,
    chosen_namespace,
    dig,
    duration,
    fact,
    unjudged,
)

RULE = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
MOST_COMMANDS = 40
"""How many commands are tried; a runbook with more is a book."""

# A number begins where no digit stands before it: else a long one is tried from every digit on.
_RATE = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:/|(?:per|a)\s)\s*(s|sec|second|m|min|minute|h|hour)\b",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TIME = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(s|m|h)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?)?\b", re.IGNORECASE
)
_ABOVE = re.compile(r">=?\s*([0-9.]+)\s*$")
_FIGURE = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")


@check(seconds=60)
def runbook(
    ctx: Context,
    name: str,
    key: str,
    topics: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Sequence[str]],
    alerts: Sequence[Mapping[str, Any]],
    rules: str,
) -> Iterator[Fact]:
    """Reads the runbook as Markdown and tries what it tells people to do.

    A command of kubectl that only reads is run as it stands, against this cluster, from the
    namespace `default`; it must find what it asks for. A command that changes something is never
    run: the object it names is looked up, and so is what a plain `get` asks for. `<name>` is taken
    as a placeholder. Commands for other clusters, files or programs are left alone.

    Figures that it names must be exposed in the lab, and what it says about the three alerts must
    be what the alerts say. Wording, order and further sections are yours.
    """
    fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
    found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
    texts: Mapping[str, str] = dig(found, "data", {})
    used = key if key in texts or len(texts) != 1 else next(iter(texts))
    view = _View(ctx, name, used, Runbook.of(texts.get(used, "")))
    for topic in topics:
        yield view.topic(topic)
    yield from view.commands()
    yield view.figures(figures)
    for alert in alerts:
        yield view.alert(alert, rules)


class _View:
    """The runbook, and the words that facts about it share."""

    def __init__(self, ctx: Context, name: str, key: str, book: Runbook) -> None:
        self.ctx = ctx
        self.book = book
        self.key = key
        self.label = CONFIG_MAP.describe(name, ctx.namespace)
        self.edit = f"kubectl edit configmap {name} -n {ctx.namespace}"

    def fact(self, name: str, ok: bool, **words: Any) -> Fact:
        """State a fact; ``actual`` is its evidence as well."""
        shown = str(words["actual"])
        evidence = [Evidence(self.label, f"data[{self.key}]", shown)]
        return fact(name, ok, evidence=evidence, **words)

    def topic(self, topic: Mapping[str, Any]) -> Fact:
        """State that there is a section about something, with a command where one is wanted."""
        found = self.book.about(topic["words"])
        has = any(one.section in found for one in self.book.commands)
        lacks = "has no section about it" if not found else "names no command for it"
        titles = ", ".join(one.title for one in self.book.sections if one.title)[:200]
        return self.fact(
            f"it has a section: {topic['about']}",
            bool(found) and (has or not topic.get("commands")),
            reason=f"{topic['about']}: the runbook {lacks}",
            expected=f"a heading with one of: {', '.join(topic['words'])}"
            + (", and a command below it" if topic.get("commands") else ""),
            actual=f"headings: {titles or 'none'}",
            fix=f"{self.edit}, and add a section `### {topic['about']}`",
        )

    def commands(self) -> Iterator[Fact]:
        """State that what reads works, and that what would be changed is there."""
        rehearsal = Rehearsal(
            self.ctx.kubectl,
            self.ctx.namespace,
            chosen_namespace(self.book.commands),
            self.ctx.runs_containers,
        )
        calls = {one.words: one for one in self.book.commands[:MOST_COMMANDS]}
        try:
            tried = rehearsal.attempts(list(calls.values()))
        except MissingCapability as error:
            yield unjudged("its commands work", error, weight=6)
            return
        reads = [one for one in tried if one.kind is not CallKind.LOOKUP]
        others = [one for one in tried if one.kind is CallKind.LOOKUP]
        yield self._work("what it tells to look at is there", reads, "does not work", 4)
        yield self._work("what it tells to change is there", others, "would not work", 2)

    def _work(self, name: str, tried: Sequence[Tried], how: str, weight: int) -> Fact:
        wrong = [one for one in tried if one.works is False]
        shown = "; ".join(f"`{one.command.text[:120]}`: {one.why}" for one in wrong[:5])
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        first = wrong[0] if wrong else None
        done = sum(one.works is True for one in tried)
        return self.fact(
            name,
            not wrong,
            weight=weight,
            reason=f"`{first.command.text[:160]}` {how}{more}: {first.why}" if first else "",
            expected="commands that work as they are typed",
            actual=shown or f"{done} of {len(tried)} were tried, and work",
            fix=f"Try it in a new shell, then {self.edit}",
        )

    def figures(self, figures: Mapping[str, Sequence[str]]) -> Fact:
        """State that it names figures, and only such as are exposed."""
        prefixes = tuple(figures["prefixes"])
        text = "\n".join(line for one in self.book.sections for line in one.lines)
        named = sorted({one for one in _FIGURE.findall(text) if one.startswith(prefixes)})
        exposed = set(figures["exposed"])
        missing = [one for one in named if _plain(one) not in exposed and one not in exposed]
        return self.fact(
            "the figures it names are exposed",
            bool(named) and not missing,
            weight=2,
            reason=f"Nothing in the lab exposes {', '.join(missing[:3])}"
            if named
            else "It names no figure to look at",
            expected=f"figures such as {', '.join(list(figures['exposed'])[:3])}",
            actual=", ".join(named[:10]) or "none",
            fix=f"kubectl get --raw /api/v1/namespaces/{self.ctx.namespace}/services/"
            "trading-operator-metrics:8080/proxy/metrics shows what there is",
        )

    def alert(self, alert: Mapping[str, Any], rules: str) -> Fact:
        """State that what it says about an alert is what the alert says."""
        name = str(alert["alert"])
        stands, rate = self._rule(rules, name, alert)
        lines = self._lines_about(alert)
        text = " ".join(lines)
        times = [float(number) * _SECONDS[unit[0].lower()] for number, unit in _TIME.findall(text)]
        rates = [float(number) / _SECONDS[unit[0].lower()] for number, unit in _RATE.findall(text)]
        if not lines:
            why = f"The runbook does not mention {name}"
        elif rate is not None and not _near(rates, rate):
            why = f"{name} fires above {rate:g}/s, and the runbook says {_rates(text)}"
        else:
            why = f"{name} fires after {_told(stands)}, and the runbook does not say so"
        ok = bool(lines) and stands in times and (rate is None or _near(rates, rate))
        wanted = f"{name} with {_told(stands)}" + (f" and {rate:g}/s" if rate else "")
        return self.fact(
            f"what it says about {name} is so",
            ok,
            reason=why,
            expected=wanted,
            actual=text[:200] or "nothing",
            fix=f"{self.edit}, and say at {name}: {wanted.removeprefix(f'{name} with ')}",
        )

    def _lines_about(self, alert: Mapping[str, Any]) -> list[str]:
        """Return what it says about an alert: the lines that name it, or its section."""
        name = str(alert["alert"]).lower()
        found: list[str] = []
        for index, section in enumerate(self.book.sections):
            if name in section.title.lower():
                for below in self.book.within(index):
                    found.extend(self.book.sections[below].lines)
            else:
                words = [str(word).lower() for word in alert["words"]]
                found.extend(
                    line
                    for line in section.lines
                    if name in line.lower()
                    or (
                        (_TIME.search(line) or _RATE.search(line))
                        and all(re.search(rf"\b{word}", line.lower()) for word in words)
                    )
                )
        return found

    def _rule(self, rules: str, name: str, alert: Mapping[str, Any]) -> tuple[float, float | None]:
        """Return the seconds and the rate of an alert as it is stored; else as the lab asks."""
        stored = self.ctx.get(RULE, rules, self.ctx.namespace)
        groups = dig(stored, "spec.groups", [])
        found: Mapping[str, Any] = next(
            (
                rule
                for group in groups
                for rule in group.get("rules") or ()
                if rule.get("alert") == name
            ),
            {},
        )
        seconds = duration(str(found.get("for", ""))) or duration(str(alert["for"])) or 0
        rate = alert.get("rate")
        above = _ABOVE.search(str(found.get("expr", "")).strip())
        if rate is not None and above and "rate(" in str(found.get("expr")):
            rate = float(above[1])
        return float(seconds), rate


def _plain(name: str) -> str:
    """Return a histogram's name for one of its series."""
    return re.sub(r"_(bucket|count|sum)$", "", name)


def _near(rates: Sequence[float], wanted: float) -> bool:
    """Whether every rate that is named is the right one, and one is named."""
    return bool(rates) and all(abs(one - wanted) <= wanted / 100 for one in rates)


def _rates(text: str) -> str:
    found = [match[0] for match in _RATE.finditer(text)]
    return ", ".join(found[:3]) or "no rate"


def _told(seconds: float) -> str:
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"
