"""``labgrader quiz``: the knowledge check, in a terminal and in a pipe alike."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.options import workbench_options
from labgrader.cli.quiz_round import QuizRound
from labgrader.errors import ContentError, ExitCode, UsageError
from labgrader.learning.quiz import draw, load_quiz
from labgrader.model.quiz import Concept, Question
from labgrader.report import quiz as report

SEEDS = 1_000_000


@click.command()
@click.argument("names", nargs=-1, metavar="[CONCEPT|QUESTION]...")
@click.option("--count", type=click.IntRange(min=1), help="Ask so many; by default all.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed asks in the same order.")
@click.option("--gaps", is_flag=True, help="First what was not answered right the last time.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--list", "listed", is_flag=True, help="List the concepts and their questions.")
@click.option("--results", is_flag=True, help="Show strengths and gaps so far.")
@click.option("--forget", is_flag=True, help="Remove all answers that were kept.")
@workbench_options
def quiz(
    workbench: Workbench,
    names: tuple[str, ...],
    count: int | None,
    seed: int | None,
    form: str,
    *,
    gaps: bool,
    listed: bool,
    results: bool,
    forget: bool,
) -> int:
    """Ask what you know: whole concepts (--list names them) or single questions.

    Answer with letters, and with a file's name where a manifest is to be mended; an empty answer
    passes over, q ends it. Answers are kept at once. With --format json the questions go to the
    standard error, and the results to the output. Exit code 0: all right; 1: one was wrong; 3: one
    was not answered, or could not be judged.
    """
    concepts = load_quiz(workbench.catalog.lab.root)
    if not concepts:
        raise ContentError("This lab has no questions", "They are in tasks/quiz/*.yaml")
    if sum((listed, results, forget)) > 1:
        raise UsageError("--list, --results and --forget are three things", "Choose one of them")
    if listed:
        return _list(concepts, form)
    if results:
        return _results(workbench.catalog.lab.id, concepts, form)
    if forget:
        return _forget(workbench.catalog.lab.id)
    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    questions = draw(concepts, names, None if gaps else count, chosen)
    if gaps:
        from labgrader.learning.sessions.quizzing import open_first
        from labgrader.learning.sessions.store import Store

        questions = open_first(questions, Store().answers(workbench.catalog.lab.id))[:count]
    return _play(workbench, questions, chosen, form)


def _play(workbench: Workbench, questions: Sequence[Question], seed: int, form: str) -> int:
    from labgrader.learning.sessions.quizzing import Round

    played = Round(workbench.catalog.lab.id, questions, lambda: workbench.cluster)
    try:
        code = QuizRound(played, quiet=form == "json").play()
    finally:
        workbench.close()
    if form == "json":
        click.echo(json.dumps(report.round_as_data(played.done, seed, len(questions)), indent=2))
    else:
        click.echo(report.round_as_text(played.done, seed, len(questions)), nl=False)
    return code


def _list(concepts: list[Concept], form: str) -> int:
    if form == "json":
        click.echo(json.dumps(report.list_as_data(concepts), indent=2))
        return ExitCode.OK
    for concept in concepts:
        click.echo(f"{concept.id}: {concept.title} ({len(concept.questions)} questions)")
        for question in concept.questions:
            click.echo(f"  {question.id} ({question.kind.value})")
    return ExitCode.OK


def _results(lab: str, concepts: list[Concept], form: str) -> int:
    from labgrader.learning.sessions.knowledge import knowledge
    from labgrader.learning.sessions.store import Store

    known = knowledge(concepts, Store().answers(lab))
    if form == "json":
        click.echo(json.dumps(report.known_as_data(known), indent=2))
    else:
        click.echo(report.known_as_text(known), nl=False)
    return ExitCode.OK


def _forget(lab: str) -> int:
    from labgrader.learning.sessions.store import Store

    count = Store().delete_answers(lab)
    click.echo(f"{count} answers removed")
    return ExitCode.OK
