"""``labgrader checklist``: what the lab is good for, ticked off by a grading."""

from __future__ import annotations

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.exit_code import conclude
from labgrader.cli.options import workbench_options
from labgrader.cli.session_notes import remember
from labgrader.content.checklists import load_goals, shares, tick
from labgrader.errors import ContentError
from labgrader.report import checklists
from labgrader.report.clean import to_json


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--read-only", is_flag=True, help="No probe writes and no jobs.")
@workbench_options
def checklist(workbench: Workbench, form: str, *, read_only: bool) -> int:
    """Grade the whole lab, and tick off completion, readiness and what the business gets.

    Also shows the domains of the CKA exam, with the share that passed. Exit codes as for `check`.
    """
    workbench.read_only = read_only
    goals = load_goals(workbench.catalog.lab.root)
    if not goals.checklists:
        raise ContentError("This lab has no checklists", "They are in tasks/checklists.yaml")
    report = workbench.grade(workbench.catalog.select([]), lambda event: None)
    remember(report.lab, lambda all_sessions: all_sessions.note_grading(report))
    ticked, domains = tick(goals, report.checks), shares(goals, report.checks)
    if form == "json":
        click.echo(to_json(checklists.as_data(ticked, domains)))
    else:
        click.echo(checklists.as_text(ticked, domains), nl=False)
    return conclude(report).code
