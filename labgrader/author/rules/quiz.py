"""Rules for tasks/quiz: questions have the form they need, and exactly right answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding, maps
from labgrader.author.schema_rules import offences, unfinished
from labgrader.content.lab_folder import LabFolder


def form(content: Content) -> Iterator[Finding]:
    """A file is one concept's questions, as the schema knows them, and none says TODO."""
    for document in _documents(content):
        yield from offences(document, "quiz.schema.json", "concept")
        yield from unfinished(document)


def ids(content: Content) -> Iterator[Finding]:
    """A question's id is its own: results are kept by it."""
    seen: dict[str, str] = {}
    for document in _documents(content):
        for at, question in maps(document.data, "questions"):
            name = str(question.get("id"))
            if name in seen:
                what = f"the question {name} is already in {seen[name]}"
                yield document.finding("ids", ("questions", at, "id"), what, "Rename one of them")
            seen[name] = document.path.name


def answers(content: Content) -> Iterator[Finding]:
    """One option is right (several with `multiple`); where a cluster is asked, each says how."""
    for document in _documents(content):
        for at, question in maps(document.data, "questions"):
            options = [option for _, option in maps(question, "options")]
            what = _fault(question, options)
            if what:
                fix = "See docs/adr/0015-quiz-and-checklists.md"
                yield document.finding("quiz", ("questions", at), what, fix)


def _fault(question: Mapping[str, Any], options: list[Mapping[str, Any]]) -> str:
    kind, right = question.get("kind"), sum(one.get("right") is True for one in options)
    if kind == "manifest":
        needed = ("manifest", "solution", "returned")
        lacking = [key for key in needed if not question.get(key)]
        return f"a manifest question needs {', '.join(lacking)}" if lacking else ""
    if kind == "multiple" and not 1 < right < len(options):
        return "several options, and not all, must be right"
    if kind != "multiple" and right != 1:
        return f"{right} options are right, and one must be"
    if len(options) < 3:
        return "fewer than three options"
    if kind == "answer" and not (question.get("proof") and all("when" in one for one in options)):
        return "an answer question needs a proof, and every option its `when`"
    return ""


def _documents(content: Content) -> list[Document]:
    return [one for path in LabFolder(content.root).quiz_files for one in content.read_one(path)]


RULES = (form, ids, answers)
