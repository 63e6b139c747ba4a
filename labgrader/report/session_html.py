"""A session's report as one HTML file: readable on a phone, on paper, and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from labgrader.model.summary import Summary, TaskRow
from labgrader.report.as_json import number
from labgrader.report.clean import one_line
from labgrader.report.pace import clock
from labgrader.report.session_text import sections

WIDTH, ROW = 640, 34
"""Size of the plots, in the units of their own drawing; they shrink with the page."""

_STYLE = """
:root { color-scheme: light dark; --fg: #22272e; --bg: #fbfaf7; --mute: #5c6570; --line: #d8d5cc;
  --bar: #2f6391; --over: #ae3a34; --soft: #e6e4dd; }
@media (prefers-color-scheme: dark) { :root { --fg: #d5dbe3; --bg: #15191f; --mute: #98a2ae;
  --line: #333c48; --bar: #7fa9cf; --over: #db7a74; --soft: #242b35; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg);
  max-width: 44rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem;
  border-bottom: 1px solid var(--line); }
.score { font-size: 2rem; font-weight: 600; } .mute, figcaption { color: var(--mute); }
ul { padding-left: 1.2rem; } code { background: var(--soft); padding: 0 .25em; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; } text { fill: var(--fg);
  font: 13px system-ui, sans-serif; } .bar { fill: var(--bar); } .over { fill: var(--over); }
.budget { fill: none; stroke: var(--mute); stroke-dasharray: 4 3; } .course { fill: none;
  stroke: var(--bar); stroke-width: 2; }
@media print { :root { --fg: #000; --bg: #fff; --bar: #555; --over: #000; } h2, figure, li {
  break-inside: avoid; } }
"""


def as_html(summary: Summary) -> str:
    """Return the whole report as one page that loads nothing else."""
    run = summary.run
    began = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}, " if run.started_at else ""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(summary.lab)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(summary.lab)}</h1>",
        f'<p class="score">{number(run.earned)} of {number(run.possible)} points</p>',
        f'<p class="mute">{_text(began)}{_text(run.mode)}, {clock(run.seconds)} without pauses</p>',
        _times(summary),
        _course(summary),
    ]
    for title, entries in sections(summary):
        items = "".join(f"<li>{_with_code(entry)}</li>" for entry in entries)
        parts.append(f"<h2>{_text(title)}</h2><ul>{items}</ul>")
    parts.append("</body></html>")
    return "\n".join(part for part in parts if part) + "\n"


def _times(summary: Summary) -> str:
    """Return the bars of the tasks' times; a dashed box is the budget."""
    rows = summary.tasks
    longest = max([*(row.seconds for row in rows), *(row.budget or 0 for row in rows), 1.0])
    bars = "".join(_bar(row, at, longest) for at, row in enumerate(rows))
    box = f"0 0 {WIDTH} {ROW * len(rows)}"
    told = "; ".join(f"{row.id} {clock(row.seconds)}" for row in rows)
    return (
        f'<figure><svg viewBox="{box}" role="img" aria-label="time per task: {_text(told)}">{bars}'
        "</svg><figcaption>Time per task; the dashed box is its budget</figcaption></figure>"
    )


def _bar(row: TaskRow, at: int, longest: float) -> str:
    scale, top = (WIDTH - 170) / longest, at * ROW + 6
    over = row.budget is not None and row.seconds > row.budget
    budget = (
        f'<rect class="budget" x="60" y="{top}" width="{row.budget * scale:.1f}" height="22"/>'
        if row.budget is not None
        else ""
    )
    end = 66 + max(row.seconds, row.budget or 0.0) * scale
    told = clock(row.seconds) + (" over its budget" if over else "")
    return (
        f'<text x="0" y="{top + 16}">{_text(row.id)}</text>'
        f'<rect class="{"over" if over else "bar"}" x="60" y="{top + 4}"'
        f' width="{row.seconds * scale:.1f}" height="14"/>{budget}'
        f'<text x="{min(end, WIDTH - 140):.1f}" y="{top + 16}">{told}</text>'
    )


def _course(summary: Summary) -> str:
    """Return the points over time, as a line that climbs."""
    if len(summary.course) < 2:
        return ""
    last = max(summary.course[-1][0], 1.0)
    most = max(summary.run.possible, 1.0)
    dots = " ".join(_dots(summary, last, most))
    return (
        f'<figure><svg viewBox="-8 -8 {WIDTH + 16} 136" role="img" aria-label="points over time">'
        f'<polyline class="course" points="{dots}"/></svg>'
        f"<figcaption>Points over time, up to {clock(last)}</figcaption></figure>"
    )


def _dots(summary: Summary, last: float, most: float) -> Iterator[str]:
    height = 120.0
    for seconds, points in summary.course:
        across = seconds / last * WIDTH
        yield f"{across:.1f},{height:.1f}"
        height = 120 - points / most * 120
        yield f"{across:.1f},{height:.1f}"


def _text(text: str) -> str:
    return escape(one_line(text))


def _with_code(text: str) -> str:
    """Return a line whose `code` is set apart."""
    parts = one_line(text).split("`")
    if len(parts) % 2 == 0:
        return _text(text)
    return "".join(
        f"<code>{escape(part)}</code>" if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )
