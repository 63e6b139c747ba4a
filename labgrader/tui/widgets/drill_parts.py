"""How drills look: a row of the list, how one stands, and its page."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from labgrader.learning.drill_runs import Health, told
from labgrader.model.drill import Drill
from labgrader.tui import formatting
from labgrader.tui.drill_progress import Stage

_LOOKS = {
    Stage.READY: ("·", formatting.MUTED),
    Stage.NOT_READY: ("–", formatting.MUTED),
    Stage.NOT_HERE: ("–", formatting.MUTED),
    Stage.UNKNOWN: ("?", formatting.MUTED),
    Stage.BREAKING: ("…", "$text-warning"),
    Stage.BROKEN: ("✘", "$text-error"),
    Stage.HEALTHY: ("✔", "$text-success"),
}


def row(drill: Drill, stage: Stage) -> Content:
    """Return a drill's two lines in the list."""
    mark, style = _LOOKS[stage]
    title = Content.assemble((f"{mark} ", f"bold {style}"), formatting.inline(drill.title))
    return Content.assemble(title, "\n  ", (stage.value, style))


def news(stage: Stage, health: Health, *, tell: bool) -> Iterator[Content]:
    """Yield how a drill stands.

    Args:
        tell: whether to say why, and not only which check does not pass.
    """
    mark, style = _LOOKS[stage]
    yield Content.assemble((f"{mark} ", f"bold {style}"), (stage.value, style))
    if stage in (Stage.BROKEN, Stage.NOT_READY):
        for one in health.broken:
            said = told(one) if tell or stage is Stage.NOT_READY else one.id
            yield Content.assemble("  ", formatting.foreign(said))
    if stage is Stage.READY:
        yield Content("  s breaks the lab on the cluster; mend it in a shell beside")
    if stage is Stage.NOT_READY:
        yield Content("  Solve it first, by yourself or by `labgrader solve all`")


def trouble(text: str) -> Content:
    """Return what went wrong, in a line."""
    return Content.assemble(("✘ ", "bold $text-error"), formatting.foreign(text))


def page(drill: Drill, level: int, *, over: bool) -> str:
    """Return story, hints and (when it is over) lesson as Markdown: the lab's own text."""
    parts = [drill.story.strip()]
    hints = [f"{number}. {hint}" for number, hint in enumerate(drill.hints[:level], 1)]
    if hints:
        parts += ["**Hints so far**", "\n".join(hints)]
    left = len(drill.hints) - level
    if left and not over:
        parts.append(f"*{left} {'hint' if left == 1 else 'hints'} left: h shows the next*")
    if over:
        links = [f"- [{link}]({link})" for link in drill.docs]
        parts += ["**Lesson**", drill.lesson.strip()]
        parts += ["**Read on** (a click or `l` copies the link)", "\n".join(links)]
    return "\n\n".join(parts)
