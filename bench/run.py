"""Measures what people wait for, and writes the table of bench/README.md. Run by `make bench`.

Everything is measured as whole processes (but the warm re-check), on one cluster, in turns, so that
what else the machine does disturbs all alike. The script bench/task2.sh asks the questions of task
2 with bash and the stock kubectl that the cluster brings.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodes
import operator_load
import screen
import warm
import whole

from labgrader import paths
from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.clusters.provider import ClusterStatus
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Report

HERE = Path(__file__).parent
LABGRADER = Path(sys.executable).parent / "labgrader"
ROUNDS = 9
WARM_UP = 2
RESOURCES = 500
IDLE_SECONDS = 60
HEAD = ("| what | median | fastest | slowest | goal |", "|---|--:|--:|--:|---|")
MARKS = ("<!-- table: begin -->\n", "<!-- table: end -->")


@dataclass(slots=True)
class Series:
    """The times of one thing, in milliseconds."""

    what: str
    command: list[str]
    goal: str
    times: list[float] = field(default_factory=list)
    said: str = ""

    @property
    def median(self) -> float:
        """The middle time; the first rounds warm up and are not kept."""
        return statistics.median(self.times)

    def run(self, environment: dict[str, str], *, keep: bool) -> None:
        """Run it once; it must succeed, or the time means nothing."""
        began = time.perf_counter()
        done = subprocess.run(
            self.command, env=environment, capture_output=True, text=True, check=False
        )
        took = (time.perf_counter() - began) * 1000
        if done.returncode != 0:
            sys.exit(f"{' '.join(self.command)} failed:\n{done.stdout}{done.stderr}")
        self.said = done.stdout
        if keep:
            self.times.append(took)


def main() -> None:
    """Start a cluster, solve the lab, measure, write the table, remove the cluster."""
    load = os.getloadavg()[0]
    # People's processes start from byte code, which the first one writes; so do ours.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="labgrader-bench-") as state:
        os.environ[paths.STATE_VARIABLE] = state
        provider = EmbeddedProvider(name="bench")
        try:
            text = measure(provider.up(), Path(state), load)
        finally:
            provider.down(purge=True)
        text += the_screen(provider) + real_nodes() + operators_load(provider)
    readme = HERE / "README.md"
    head, _, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    tail = rest.partition(MARKS[1])[2]
    readme.write_text(f"{head}{MARKS[0]}{text}{MARKS[1]}{tail}", encoding="utf-8")
    print(text)


def measure(status: ClusterStatus, state: Path, load: float) -> str:
    """Measure everything on a running cluster and return the text."""
    assert status.kubeconfig is not None
    workbench = Workbench(Choice(kubeconfig=str(status.kubeconfig)))
    for task in workbench.catalog.lab.tasks[:2]:
        Solver(workbench.cluster, workbench.catalog.lab.root, lambda line: None).solve(task.id)
    questions = state / "questions"
    questions.write_text("".join(f"{line}\n" for line in asked(workbench)), encoding="utf-8")
    environment = {
        **os.environ,
        "KUBECONFIG": str(status.kubeconfig),
        "KUBECTL": str(status.kubeconfig.parent / "bin" / "kubectl"),
    }
    series = in_turns(environment, questions)
    again, requests = warm_recheck(workbench)
    kubectl = subprocess.run(
        [environment["KUBECTL"], "version", "--client"], capture_output=True, text=True, check=True
    )
    facts = [machine(load), f"Kubernetes {status.server_version}, {one_line(kubectl.stdout)}"]
    slow = slowest_imports(series[2].command[1:], environment)
    more, requests["all, read-only"] = whole.measure(workbench, status.kubeconfig)
    return render(series, again, requests, facts, slow, more)


def the_screen(provider: EmbeddedProvider) -> str:
    """Measure the TUI on a terminal of its own, on a cluster with simulated nodes."""
    try:
        kubeconfig = provider.up().kubeconfig
        assert kubeconfig is not None
        rows, notes = screen.measure(Workbench(Choice(kubeconfig=str(kubeconfig))), kubeconfig)
    finally:
        provider.down(purge=True)
    lines = ["", "The lab's screen, as its terminal sees it:", "", *HEAD]
    return "\n".join([*lines, *(row(*one) for one in rows), "", *(f"- {n}." for n in notes), ""])


def real_nodes() -> str:
    """Measure a real node where one is possible, and say why where not."""
    reason = nodes.impossible()
    if reason:
        return f"\nReal nodes were not measured: {reason}.\n"
    lines = ["", "On a real node (the checks of task 3 watch a Lease being renewed):", "", *HEAD]
    return "\n".join([*lines, *(row(*one) for one in nodes.measure()), ""])


def operators_load(provider: EmbeddedProvider) -> str:
    """Measure the operator with many resources, outside a cluster with simulated nodes."""
    try:
        workbench = Workbench(Choice(kubeconfig=str(provider.up().kubeconfig)))
        for task in ("task1", "task2"):
            Solver(workbench.cluster, workbench.catalog.lab.root, lambda line: None).solve(task)
        found = operator_load.measure(workbench, RESOURCES, IDLE_SECONDS)
        workbench.close()
    finally:
        provider.down(purge=True)
    notes = [
        (
            f"The operator, outside the cluster, with {found.resources} resources on simulated"
            f" nodes: all have children after {found.children_made:.0f} s and are Active after"
            f" {found.all_active:.0f} s; {found.memory:.0f} MiB ({found.memory_at_start:.0f} at its"
            f" start), {found.processor:.1f} s of processor time"
        ),
        f"Changes that it made in {IDLE_SECONDS} idle seconds: {found.idle_changes}",
        (
            f"Another copy leads {found.after_kill:.1f} s after a kill (the Lease lasts 15 s), and"
            f" {found.after_stop:.1f} s after a clean stop"
        ),
    ]
    return "\n".join(["", *(f"- {note}." for note in notes), ""])


def in_turns(environment: dict[str, str], questions: Path) -> list[Series]:
    """Run all commands again and again, one after the other."""
    series = [
        Series("`labgrader --version`", [str(LABGRADER), "--version"], "≤ 80 ms"),
        Series("cold `labgrader check task1`", [str(LABGRADER), "check", "task1"], ""),
        Series("cold `labgrader check task2`", [str(LABGRADER), "check", "task2"], "≤ 500 ms"),
        Series("bash and kubectl, task 2", ["bash", str(HERE / "task2.sh"), str(questions)], ""),
    ]
    for turn in range(WARM_UP + ROUNDS):
        for one in series:
            one.run(environment, keep=turn >= WARM_UP)
    return series


def warm_recheck(workbench: Workbench) -> tuple[list[float], dict[str, int]]:
    """Judge both tasks again and again; return times, and requests by what was judged."""
    requests: dict[str, int] = {}
    for names in (["task1"], ["task2"], ["task1", "task2"]):
        requests[" and ".join(names)] = graded(workbench, names).api_requests
    both = workbench.catalog.select(["task1", "task2"])
    times, requests["both once more, warm"] = warm.rechecks(workbench, both)
    return times, requests


def graded(workbench: Workbench, names: list[str]) -> Report:
    """Grade once; whatever does not pass makes the time meaningless."""
    return warm.demand_passed(workbench.grade(workbench.catalog.select(names), lambda event: None))


def asked(workbench: Workbench) -> Iterator[str]:
    """Yield the questions of task 2 for the script, from the criteria's own parameters."""
    namespace = workbench.catalog.lab.namespace
    parameters = {c.id: c.parameters for c in workbench.catalog.select(["task2"])}
    for rule in parameters["rbac_required"]["required"]:
        yield from _questions("yes", rule, namespace)
    for rule in parameters["rbac_least_privilege"]["probes"]:
        yield from _questions("no", rule, namespace)


def _questions(wanted: str, rule: dict[str, Any], namespace: str) -> Iterator[str]:
    where = "-" if rule.get("cluster") else namespace
    for verb in rule["verbs"]:
        for url in rule.get("nonResourceURLs", ()):
            yield f"{wanted} {verb} {url} - -"
        for resource in rule.get("resources", ()):
            plain, _, sub = resource.partition("/")
            group = rule["apiGroups"][0]
            full = plain if group in ("", "*") else f"{plain}.{group}"
            for name in rule.get("resourceNames", [""]):
                target = f"{full}/{name}" if name else full
                yield f"{wanted} {verb} {target} {sub or '-'} {where}"


def slowest_imports(arguments: list[str], environment: dict[str, str]) -> list[tuple[str, float]]:
    """Return the imports of a cold check that take longest by themselves, in milliseconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "labgrader", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)", done.stderr)
    by_itself = [(name, int(own) / 1000) for own, _, name in found]
    return sorted(by_itself, key=lambda pair: -pair[1])[:3]


def render(
    series: list[Series],
    again: list[float],
    requests: dict[str, int],
    facts: list[str],
    slow: list[tuple[str, float]],
    more: list[whole.Row],
) -> str:
    """Return the table and what is needed to read it."""
    cold, script = series[2], series[3]
    lines = list(HEAD)
    lines += [row(one.what, one.times, one.goal) for one in series]
    lines += [row("warm re-check of tasks 1 and 2, by a live grading", again, "≤ 100 ms")]
    lines += [*(row(*one) for one in more), ""]
    ratio = script.median / cold.median
    counts = ", ".join(f"{name}: {count}" for name, count in requests.items())
    names = ", ".join(f"`{name}` ({own:.0f} ms)" for name, own in slow)
    notes = [
        f"The script takes {ratio:.1f} times as long as `check task2` (goal 10): {script.said}",
        f"Requests to the API server: {counts}",
        f"The slowest imports of a cold check, each by itself: {names}",
        f"{ROUNDS} rounds in turns after {WARM_UP} to warm up; {warm.ROUNDS} warm re-checks",
        *facts,
    ]
    return "\n".join([*lines, *(f"- {one_line(note)}." for note in notes), ""])


def row(what: str, times: list[float], goal: str) -> str:
    """Return one line of the table."""
    cells: list[Callable[[list[float]], float]] = [statistics.median, min, max]
    return f"| {what} | " + " | ".join(f"{of(times):.0f} ms" for of in cells) + f" | {goal} |"


def machine(load: float) -> str:
    """Describe the machine in a line."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.is_file() else ""
    model = re.search(r"model name\s*: (.*)", text)
    processor = model.group(1) if model else platform.processor() or platform.machine()
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} × {processor}, CPython"
        f" {platform.python_version()}; load {load:.1f} when it began"
    )


def one_line(text: str) -> str:
    """Return text without line breaks."""
    return ", ".join(text.split("\n")).strip(", ")


if __name__ == "__main__":
    main()
