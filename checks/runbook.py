"""The runbook: whether somebody who was just woken gets somewhere with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    Context,
    Evidence,
    Fact,
    Failure,
    MissingCapability,
    Resource,
    check,
    dig,
    grouped,
    unjudged,
)
from labgrader.toolkit.config_maps import text_under
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.kubernetes import CallKind, duration
from labgrader.toolkit.prometheus.rules import groups_of
from labgrader.toolkit.prometheus.thresholds import Threshold, said_in, threshold_of
from labgrader.toolkit.runbook.amounts import rates_in, times_in
from labgrader.toolkit.runbook.parser import MAX_CHARACTERS, Runbook
from labgrader.toolkit.runbook.runner import CommandResult, Rehearsal, chosen_namespace

from ._shared.operator_page import stage

RULE = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
MOST_COMMANDS = 40
"""How many commands are tried; a runbook with more is a book."""

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
    scrape: Mapping[str, Any],
) -> Iterator[Fact]:
    """Reads the runbook as Markdown and tries what it tells people to do.

    A command of kubectl that only reads is run as it stands, against this cluster, from the
    namespace `default`; it must find what it asks for, in a namespace that exists. A command that
    changes something is never run: the object it names is looked up, its patch is read, and kubectl
    is asked whether it takes its flags (`--help`, or `--dry-run=client`, which sends nothing).

    Variables, `export` and aliases are followed if they are set earlier in the runbook; one that is
    not set is a mistake. `<name>` is taken as a placeholder. Commands for other clusters
    (`--context`), files or programs are left alone: nothing here knows what they mean.

    Metrics that it names must be exposed in the lab. What it says about the three alerts must be
    what the alerts say: the time, and the rate in any unit, compared after Prometheus' own parser
    has read the alert. Wording, order and further sections are yours.
    """
    fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
    found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
    used, text = text_under(found, key)
    if not text.strip():
        raise Failure(
            f"{used} of {name} is empty",
            expected="a runbook in Markdown",
            actual="nothing",
            fix=f"kubectl edit configmap {name} -n {ctx.namespace}",
            evidence=[Evidence(CONFIG_MAP.describe(name, ctx.namespace), f"data[{used}]", "")],
        )
    view = _View(ctx, name, used, Runbook.of(text))
    if len(text) > MAX_CHARACTERS:
        why = MissingCapability(
            f"Only its first {MAX_CHARACTERS} characters are read", "Shorten it"
        )
        yield unjudged("all of it is read", why)
    yield from grouped("Its sections", (view.topic(topic) for topic in topics))
    yield from grouped("Its commands", view.commands(), weight=2)
    yield view.figures(figures, scrape)
    yield from grouped("Its alerts", (view.alert(alert, rules) for alert in alerts))


class _View(Subject):
    """The runbook, and the words that facts about it share."""

    def __init__(self, ctx: Context, name: str, key: str, book: Runbook) -> None:
        super().__init__(CONFIG_MAP, name, ctx.namespace, path=f"data[{key}]")
        self.ctx = ctx
        self.book = book

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
        calls = {(one.words, one.broken): one for one in self.book.commands}
        try:
            tried = rehearsal.attempts(list(calls.values())[:MOST_COMMANDS])
        except MissingCapability as error:
            yield unjudged("its commands work", error)
            return
        reads = [one for one in tried if one.kind is not CallKind.LOOKUP]
        others = [one for one in tried if one.kind is CallKind.LOOKUP]
        yield self._work("what it tells to look at is there", reads, "does not work")
        yield self._work("what it tells to change is there", others or tried, "would not work")
        if len(calls) > MOST_COMMANDS and all(one.works is not False for one in tried):
            told = f"It has {len(calls)} commands, and the first {MOST_COMMANDS} were tried"
            why = MissingCapability(told, "Divide it into several runbooks")
            yield unjudged("its other commands work", why)

    def _work(self, name: str, tried: Sequence[CommandResult], how: str) -> Fact:
        wrong = [one for one in tried if one.works is False]
        shown = "; ".join(f"`{one.command.text[:120]}`: {one.why}" for one in wrong[:5])
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        first = wrong[0] if wrong else None
        broken = f"`{first.command.text[:160]}` {how}{more}: {first.why}" if first else ""
        done = sum(one.works is True for one in tried)
        return self.fact(
            name,
            bool(tried) and not wrong,
            reason=broken or "It names no command of kubectl for this",
            expected="commands that work as they are typed",
            actual=shown or f"{done} of {len(tried)} were tried, and work",
            fix=f"Try it in a new shell, then {self.edit}",
        )

    def figures(self, figures: Mapping[str, Sequence[str]], scrape: Mapping[str, Any]) -> Fact:
        """State that it names metrics, and only such as are exposed: by the page, where one is."""
        fact_name = "the metrics it names are exposed"
        exposed = set(figures["exposed"])
        if self.ctx.runs_containers:
            scene = stage(self.ctx, **scrape)
            if scene.why:
                told = f"The operator's page cannot be read: {scene.why}"
                error = MissingCapability(told, "Let it serve /metrics, and grade again")
                return unjudged(fact_name, error)
            exposed = scene.page.names | scene.page.declared
            exposed |= {_plain(one) for one in exposed}
        prefixes = tuple(figures["prefixes"])
        text = "\n".join(line for one in self.book.sections for line in one.lines)
        every = set(_FIGURE.findall(text))
        named = sorted(one for one in every if one.startswith(prefixes) or one in exposed)
        missing = [one for one in named if _plain(one) not in exposed and one not in exposed]
        return self.fact(
            fact_name,
            bool(named) and not missing,
            reason=f"Nothing in the lab exposes {', '.join(missing[:3])}"
            if named
            else "It names no metric to look at",
            expected=f"metrics such as {', '.join(sorted(exposed & every or exposed)[:3])}",
            actual=", ".join(named[:10]) or "none",
            fix=f"kubectl get --raw /api/v1/namespaces/{self.ctx.namespace}/services/"
            "trading-operator-metrics:8080/proxy/metrics shows what there is",
        )

    def alert(self, alert: Mapping[str, Any], rules: str) -> Fact:
        """State that what it says about an alert is what the alert says."""
        name = str(alert["alert"])
        stands = self._seconds(rules, name, alert)
        lines = self._lines_about(alert)
        try:
            wanted = self._threshold(rules, name, alert)
            said = said_in(lines, wanted, self.ctx.ask_prometheus) if wanted else []
        except MissingCapability as error:
            return unjudged(f"what it says about {name} is so", error)
        if not lines:
            why = f"The runbook does not mention {name}"
        elif wanted is not None and not wanted.is_said_by(said):
            shown = ", ".join(one.text for one in said[:3]) or "no rate"
            why = f"{name} fires above {wanted}, and the runbook says {shown}"
        else:
            why = f"{name} fires after {_told(stands)}, and the runbook does not say so"
        ok = bool(lines) and stands in times_in("\n".join(lines))
        asked = _told(stands) + (f" and {wanted}" if wanted else "")
        return self.fact(
            f"what it says about {name} is so",
            ok and (wanted is None or wanted.is_said_by(said)),
            reason=why,
            expected=f"{name} with {asked}",
            actual=" ".join(lines)[:200] or "nothing",
            fix=f"{self.edit}, and say at {name}: {asked}",
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
                        (times_in(line) or rates_in(line))
                        and all(re.search(rf"\b{word}", line.lower()) for word in words)
                    )
                )
        return found

    def _seconds(self, rules: str, name: str, alert: Mapping[str, Any]) -> float:
        """Return the time of an alert as it is stored; else as the lab asks."""
        stored = self.ctx.get(RULE, rules, self.ctx.namespace)
        groups = dig(stored, "spec.groups", [])
        every = (rule for group in groups for rule in group.get("rules") or ())
        found: Mapping[str, Any] = next((rule for rule in every if rule.get("alert") == name), {})
        return float(duration(str(found.get("for", ""))) or duration(str(alert["for"])) or 0)

    def _threshold(self, rules: str, name: str, alert: Mapping[str, Any]) -> Threshold | None:
        """Return what an alert about a rate compares it with, as Prometheus' parser reads it.

        Raises:
            MissingCapability: it cannot be read from the expression.
        """
        if alert.get("rate") is None:
            return None
        asked = Threshold(float(alert["rate"]))
        stored = self.ctx.get(RULE, rules, self.ctx.namespace)
        if stored is None:
            return asked
        # The question of alert_rules: who asks the same gets the same answer.
        answer = self.ctx.ask_prometheus({"groups": groups_of([stored])})
        return threshold_of(answer["alerts"], name) or asked


def _plain(name: str) -> str:
    """Return a histogram's name for one of its series."""
    return re.sub(r"_(bucket|count|sum)$", "", name)


def _told(seconds: float) -> str:
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"
