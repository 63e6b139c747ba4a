"""Finds dates in the paths of backups, and date formats in scripts. Pure.

Two nights must not write to the same place. So a date counts whose text differs from one night to
the next: a day, a weekday, seconds since the epoch; not an hour, and not a year alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

MAX_CHARACTERS = 50_000
"""How much of a script is read."""

_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"}
_CALL = re.compile(
    r"\$\(\s*(?:\w{1,60}=\S{1,60}\s+){0,3}(?:/[\w./]*/)?date\b([^()]*)\)|`\s*date\b([^`]*)`"
)
_FORMAT = re.compile(r"""\+("[^"]*"|'[^']*'|[^\s"']+)""")
_FIELD = re.compile(r"%[-_0^#:]*\d*[EO]?([a-zA-Z+%])")
_BY_DAY = set("dejaAuwDFxcs+")
"""The fields of a format that differ from one day to the next."""

_PRINTF = re.compile(r"%\(([^()]{0,100})\)T")
_PRINTED = re.compile(r"printf\s+-v\s+([A-Za-z_]\w*)\s+(\S.*)")
_OTHER_CLOCKS = ("EPOCHSECONDS", "EPOCHREALTIME")
_OTHER_LANGUAGES = re.compile(r"strftime|datetime|time\.time|isoformat|new Date|Time\.now")
_ASSIGNED = re.compile(
    r"(?:^|(?<=[\s;&|({]))([A-Za-z_]\w*)\+?="
    r"""((?:"[^"]*"|'[^']*'|\$\([^()]*(?:\([^()]*\)[^()]*)*\)|`[^`]*`|[^\s;"'`()&|])*)"""
)
_FUNCTION = re.compile(r"([A-Za-z_]\w*)\s*\(\)\s*\{([^}]{0,2000})\}")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_PART = re.compile(r"\n|;|&&|\|\|?")
_REDIRECTED = re.compile(r">{1,2}\|?\s*(\S+)")
_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "(", "time", "exec"}
_WRITES_NOTHING = {
    *(
        "echo",
        "printf",
        "logger",
        "test",
        "[",
        "[[",
        ":",
        "true",
        "false",
        "exit",
        "return",
        "trap",
    ),
    *("date", "set", "kubectl", "ls", "cat", "sleep", "export"),
}
"""Commands of which only what they are redirected to is a place that is written to."""


def uses_date(script: str, shell: str = "sh") -> bool:
    """Whether a place that a script writes to has a date in its name."""
    text = script[:MAX_CHARACTERS]
    if shell not in _SHELLS:
        return _OTHER_LANGUAGES.search(text) is not None
    text = _COMMENT.sub("", text.replace("\\\n", " "))
    assigned = [(match[1], match[2]) for match in _ASSIGNED.finditer(text)]
    assigned += [(match[1], match[2]) for match in _PRINTED.finditer(text)]
    functions = {match[1] for match in _FUNCTION.finditer(text) if _gives_date(match[2])}
    dated: set[str] = set()
    while True:
        more = {name for name, value in assigned if _mentions(value, dated, functions)} - dated
        if not more:
            break
        dated |= more
    return any(_mentions(place, dated, functions) for place in _places(_ASSIGNED.sub("", text)))


def _gives_date(body: str) -> bool:
    """Whether a function's body prints a date."""
    return _mentions(body, set(), set()) or any(
        part.strip().startswith("date") and _differs(part.strip()[4:])
        for part in re.split(r"[\n;]", body)
    )


def _mentions(text: str, dated: set[str], functions: set[str]) -> bool:
    """Whether a text holds a date, a variable that holds one, or the call of a function."""
    if any(_differs(call[1] or call[2] or "") for call in _CALL.finditer(text)):
        return True
    if any(_varies(form) for form in _PRINTF.findall(text)):
        return True
    names = set(re.findall(r"\$\{?([A-Za-z_]\w*)", text))
    called = set(re.findall(r"\$\(\s*([A-Za-z_]\w*)", text))
    return bool(names & (dated | set(_OTHER_CLOCKS)) or called & functions)


def _differs(arguments: str) -> bool:
    """Whether `date` with these arguments prints something else the next night."""
    found = _FORMAT.search(arguments)
    return found is None or _varies(found[1].strip("\"'"))


def _varies(form: str) -> bool:
    return "$" in form or bool(set(_FIELD.findall(form)) & _BY_DAY)


def _places(text: str) -> Iterator[str]:
    """Yield the parts of a script in which a place is named that it writes to."""
    for part in _PART.split(text):
        words = part.split()
        while words and words[0] in _KEYWORDS:
            words.pop(0)
        if not words:
            continue
        if words[0].rpartition("/")[2] in _WRITES_NOTHING:
            yield from _REDIRECTED.findall(part)
        else:
            yield part


def formats_in(script: str) -> list[str]:
    """Return the formats of dates that a script names."""
    text = script[:MAX_CHARACTERS]
    calls = [call[1] or call[2] or "" for call in _CALL.finditer(text)]
    found = [_FORMAT.search(call) for call in calls]
    return [*(one[1].strip("\"'") for one in found if one), *_PRINTF.findall(text)][:20]


def names_date(path: str, written: float, formats: Sequence[str] = ()) -> bool:
    """Whether a path has the date in it at which a file was written, in whatever time zone.

    Args:
        written: when, in seconds since the epoch.
        formats: those of the script, for a date that is not written in a usual form.
    """
    digits = re.findall(r"\d+", path)
    if any(len(one) >= 9 and abs(int(one[:10]) - written) < 600 for one in digits):
        return True
    at = datetime.fromtimestamp(written, UTC)
    days = {(at + timedelta(hours=hours)).date(): at + timedelta(hours=hours) for hours in _ZONES}
    return any(_has(path.lower(), digits, day) or _by(path, formats, day) for day in days.values())


_ZONES = (-12, 0, 14)


def _has(path: str, digits: Sequence[str], day: datetime) -> bool:
    """Whether a day stands in a path in a usual form, with or without separators."""
    joined = re.sub(r"[-_.:, /]", "", path)
    forms = ("%Y%m%d", "%d%m%Y", "%m%d%Y", "%d%b%Y", "%b%d%Y", "%Y%b%d", "%Y%j", "%d%B%Y", "%B%d%Y")
    if any(day.strftime(form).lower() in joined for form in forms):
        return True
    numbers = [int(one) for one in digits if len(one) <= 4]
    short = {f"{day:%y%m%d}", f"{day:%d%m%y}", f"{day:%m%d%y}", f"{day:%m%d}", f"{day:%d%m}"}
    if short & set(digits):
        return True
    month_day = {day.month, day.day}
    return any(set(pair) == month_day for pair in pairwise(numbers))


def _by(path: str, formats: Sequence[str], day: datetime) -> bool:
    """Whether a path has a day in one of these formats; the time of the day may be any."""
    return any(_varies(form) and re.search(_expression(form, day), path) for form in formats)


def _expression(form: str, day: datetime) -> str:
    parts: list[str] = []
    end = 0
    for field in _FIELD.finditer(form):
        parts.append(re.escape(form[end : field.start()]))
        known = field[1] in _BY_DAY - set("sc+x") or field[1] in "YymbBh"
        parts.append(re.escape(day.strftime(f"%{field[1]}").strip()) if known else r"[^/]*")
        end = field.end()
    return "".join([*parts, re.escape(form[end:])])
