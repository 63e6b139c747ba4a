"""Rules for what a step says about its solution, its gaps, and what to predict."""

from __future__ import annotations

from collections.abc import Iterator

from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding, maps, texts
from labgrader.content.lab_folder import LabFolder, task_id
from labgrader.lab_state.solver import ACTS
from labgrader.learning.detail_level import with_gaps


def solutions(content: Content) -> Iterator[Finding]:
    """A step names files that there are, and every manifest of a solution belongs to a step."""
    for document in content.tasks:
        folder = LabFolder(content.root).solution(task_id(document.path))
        there = {str(path.relative_to(folder)) for path in folder.rglob("*.yaml")}
        named = set()
        for at, step in maps(document.data, "steps"):
            for name in texts(step, "solution"):
                named.add(name)
                if name not in there:
                    what = f"{folder.name}/{name} does not exist"
                    where = ("steps", at, "solution")
                    yield document.finding("step", where, what, "Name a file of the solution")
        if not named or document.path in content.partial_tasks:
            continue  # a lab need not say it at all
        for name in sorted(there - named):
            if not name.endswith(ACTS):
                what = f"{folder.name}/{name} belongs to no step"
                yield document.finding("step", ("steps",), what, "Name it in the step's `solution`")


def gaps(content: Content) -> Iterator[Finding]:
    """A gap leaves something out of the step's solution."""
    for document in content.tasks:
        for at, step in maps(document.data, "steps"):
            names = texts(step, "solution")
            if not all(_is_sound(content, document, name) for name in names):
                continue
            text = _solution(content, document, names)
            for field in texts(step, "gaps"):
                if with_gaps(text, [field]) == with_gaps(text, []):
                    what = f"the solution has no `{field}: value` to leave out"
                    where = ("steps", at, "gaps")
                    yield document.finding("step", where, what, "Name a field with a value")


def predictions(content: Content) -> Iterator[Finding]:
    """What is to be predicted is a question of the quiz that is answered by a choice."""
    files = LabFolder(content.root).quiz_files
    kinds = {
        str(question.get("id")): question.get("kind")
        for path in files
        for document in content.read(path)
        for _, question in maps(document.data, "questions")
    }
    if not all(content.readable(path) for path in files):
        return
    for document in content.tasks:
        for at_step, step in maps(document.data, "steps"):
            for at, erratum in maps(step, "errata"):
                name = erratum.get("predict")
                if name and kinds.get(str(name)) not in ("choice", "answer"):
                    what = f"{name} is no question of the quiz with one right answer"
                    where = ("steps", at_step, "errata", at, "predict")
                    yield document.finding("step", where, what, "Name one, or leave it out")


def _is_sound(content: Content, document: Document, name: str) -> bool:
    """Whether a file of a task's solution is there and can be read."""
    path = LabFolder(content.root).solution(task_id(document.path)) / name
    return path.is_file() and bool(content.read(path)) and content.readable(path)


def _solution(content: Content, document: Document, names: list[str]) -> str:
    folder = LabFolder(content.root).solution(task_id(document.path))
    paths = [folder / name for name in names]
    return "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())


RULES = (solutions, gaps, predictions)
