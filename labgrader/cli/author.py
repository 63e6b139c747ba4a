"""``labgrader author``: rules, tests of the checks, and skeletons, for people who write labs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.exit_code import CODES
from labgrader.cli.options import content_option, lab_option, variant_option, workbench_options
from labgrader.content.installed_labs import choose_lab
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import Cause, ExitCode, UsageError
from labgrader.report.clean import one_line

CLUSTER = "author"
"""The name of the cluster that verify starts and removes."""


@click.group()
def author() -> None:
    """Write labs: rules for content, tests of the checks, skeletons."""


@author.command()
@content_option
@lab_option
@variant_option
def lint(content: str | None, lab: str | None, variant: int | None) -> int:
    """Hold the content against every rule; each finding says file, line, and how to mend it.

    Exit code 0: nothing found; 2: something is wrong.
    """
    from labgrader.author.lint import lint as find

    root = _root(content, lab)
    if variant is not None:
        root = choose_lab(content, lab, variant).folder.root
    findings, skipped = find(root)
    for finding in findings:
        click.echo(one_line(finding))
    for note in skipped:
        click.echo(f"skipped: {one_line(note)}")
    count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    click.echo(f"{count if findings else 'nothing wrong'} in {root}")
    return ExitCode.USAGE if findings else ExitCode.OK


@author.command()
@click.argument("which", nargs=-1, metavar="[CASE|CRITERION]...")
@click.option("--keep", is_flag=True, help="Leave cluster and solved lab as they are at the end.")
@click.option("--yes", is_flag=True, help="Agree to it on a cluster of your own.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--nodes",
    type=click.Choice(["simulated", "real"]),
    default="simulated",
    show_default=True,
    help="What its own cluster runs; some answers show themselves only where containers run.",
)
@click.option(
    "--allow-unjudged",
    "allowed",
    type=click.Choice([cause.value for cause in Cause]),
    multiple=True,
    help="Overlook what could not be judged for this reason.",
)
@click.option("--paste-fixes", "paste", is_flag=True, help="Also paste the fix of each failure.")
@workbench_options
def verify(
    workbench: Workbench,
    which: tuple[str, ...],
    paste: bool,
    keep: bool,
    yes: bool,
    form: str,
    nodes: str,
    allowed: tuple[str, ...],
) -> int:
    """Try the checks on right and wrong answers, on a cluster of its own, and count mistakes.

    Nothing done must earn nothing, the solution everything, and each case of tests/checks must be
    judged as it says. Exit code 0: perfect; 1: not; 3: something could not be judged here.
    """
    from labgrader.author import confusion_table
    from labgrader.author.verify import choose_cases
    from labgrader.author.verify import verify as run

    cases = choose_cases(workbench, which)
    with _cluster(workbench, nodes, keep=keep, yes=yes) as bench:
        verification = run(bench, cases, _progress, paste=paste)
    shown = (
        confusion_table.as_json(verification)
        if form == "json"
        else confusion_table.render(verification)
    )
    click.echo(shown, nl=False)
    return CODES[verification.verdict([Cause(one) for one in allowed])]


@author.command()
@content_option
@lab_option
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default="dist",
    show_default=True,
    help="The folder that gets the wheel.",
)
def pack(content: str | None, lab: str | None, output: Path) -> None:
    """Build a wheel of a lab, which pip installs beside labgrader, after lint found nothing.

    --content may be a lab's folder or its distribution folder; without a pyproject.toml the
    metadata comes from the manifest.
    """
    from labgrader.author.pack import pack as build

    chosen = Path(content) if content and not lab else choose_lab(content, lab).folder.root
    wheel, notes = build(chosen, output)
    _show([*(f"note: {note}" for note in notes), f"wrote {wheel}"])


@author.group()
def new() -> None:
    """Make a lab, or the skeleton of a check or of a task; existing files are never overwritten."""


@new.command("lab")
@click.argument("name")
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder that gets it; the current one by default.",
)
def new_lab(name: str, into: Path) -> None:
    """Make the distribution folder NAME with a lab of one task, which keeps every rule.

    NAME becomes the lab's id and its namespace: lowercase letters, digits and -.
    """
    from labgrader.author.new_lab import new_lab as make

    _show(make(into, name))


@new.command("check")
@click.argument("name")
@content_option
@lab_option
def new_check(name: str, content: str | None, lab: str | None) -> None:
    """Make checks/NAME.py with a wrong and an equivalent answer, and show the criterion for it."""
    from labgrader.author.scaffold import new_check as make

    _show(make(_root(content, lab), name))


@new.command("task")
@click.argument("number", type=click.IntRange(min=1))
@content_option
@lab_option
def new_task(number: int, content: str | None, lab: str | None) -> None:
    """Make tasks/taskNUMBER-new.yaml with a solution to fill in."""
    from labgrader.author.scaffold import new_task as make

    _show(make(_root(content, lab), number))


def _show(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


def _root(content: str | None, lab: str | None) -> Path:
    """Return the folder of the chosen lab; it need not be a whole one yet."""
    if content and not LabFolder(Path(content)).tasks.is_dir():
        raise UsageError(f"{content} is no lab: it has no folder tasks", "Name one with --content")
    return Path(content) if content else choose_lab(None, lab).folder.root


def _progress(line: str) -> None:
    click.echo(one_line(line), err=True)


@contextmanager
def _cluster(workbench: Workbench, nodes: str, *, keep: bool, yes: bool) -> Iterator[Workbench]:
    """Give the named cluster, and take the lab off it; or one that lives as long as this."""
    choice = workbench.choice
    if choice.kubeconfig or choice.context:
        ask_to_write(workbench, "deploy the solution and every wrong answer", yes=yes)
        yield from _tidied(workbench, keep=keep)
        return
    from labgrader.clusters import throwaway
    from labgrader.clusters.providers import get_provider

    if get_provider(name=CLUSTER, nodes=nodes).status().state != "absent":
        raise UsageError(
            f"The cluster {CLUSTER} is there already: of another verify, or of one with --keep",
            f"Wait for it, or remove it: `labgrader cluster down --name {CLUSTER} --purge`",
        )

    def progress(component: str, text: str) -> None:
        _progress(f"{component}: {text}")

    with throwaway.cluster(CLUSTER, nodes, progress, workbench.pack.manifest, keep=keep) as status:
        yield Workbench(choice.at(str(status.kubeconfig)), workbench.limits, workbench.tell)


def _tidied(workbench: Workbench, *, keep: bool) -> Iterator[Workbench]:
    """Give a cluster of somebody's, and take off what was put there (never what was before)."""
    from labgrader.author.case_runner import CaseRunner
    from labgrader.author.verify import demand_empty

    demand_empty(workbench)
    try:
        yield workbench
    finally:
        if not keep:
            CaseRunner(workbench).clear()
