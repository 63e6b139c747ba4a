"""Reads a runbook: its sections, and the shell commands in it. Pure; nothing is run here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_CHARACTERS = 64_000
"""A hundred printed pages. Markdown that means harm takes time that grows with its square."""
_SHELLS = {"", "bash", "sh", "shell", "console", "shell-session", "text", "zsh"}
_INLINE = re.compile(r"(?:^|[:>]\s+|[-*]\s+|(?<!\d)\d+[.)]\s+)((?:sudo\s+)?kubectl\s+[a-z].*)$")
_BOLD = re.compile(r"\*\*(.+?)\*\*:?|__(.+?)__:?")
_PLACEHOLDER = re.compile(r"<([A-Za-z][\w. -]{0,40})>")
_ENDS = {"|", "||", "&&", ";", "&", "|&", "(", ")", ";;"}
_REDIRECTS = re.compile(r"[<>&]+")
STANDS_FOR = "labgrader-placeholder"
"""What ``<name>`` becomes in a command's words: a name that nothing has."""


@dataclass(frozen=True, slots=True)
class Command:
    """One call of kubectl: its words without ``kubectl``, and as it stands in the text.

    ``substitutes`` says that the shell would put something in which is not known here.
    """

    words: tuple[str, ...]
    text: str
    section: int
    substitutes: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (its level is 1 to 6; 7 for a bold line) and the lines up to the next one."""

    title: str
    level: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook; section 0 is what stands above the first heading."""

    sections: Sequence[Section]
    commands: Sequence[Command]

    @classmethod
    def of(cls, text: str) -> Runbook:
        """Read Markdown; what is beyond ``MAX_CHARACTERS`` is not read."""
        return _read(text[:MAX_CHARACTERS])

    def within(self, index: int) -> range:
        """Return the indices of a section and of those below it."""
        level = self.sections[index].level
        end = index + 1
        while end < len(self.sections) and self.sections[end].level > level:
            end += 1
        return range(index, end)

    def about(self, words: Sequence[str]) -> list[int]:
        """Return the sections, with those below, whose title has one of these parts of words."""
        found: set[int] = set()
        for index, section in enumerate(self.sections):
            if any(word in section.title.lower() for word in words):
                found.update(self.within(index))
        return sorted(found)


@lru_cache(maxsize=2)
def _read(text: str) -> Runbook:
    """Read it once: a live grading comes back to the same text again and again."""
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        self._titles: list[tuple[str, int]] = [("", 0)]
        self._lines: list[list[str]] = [[]]
        self._commands: list[Command] = []
        self._row: list[str] | None = None

    def read(self, text: str) -> Runbook:
        from markdown_it import MarkdownIt  # slow: only when there is a runbook to read

        tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
        for before, token in zip([None, *tokens], tokens, strict=False):
            if token.type in ("fence", "code_block"):
                self._block(token)
            elif token.type == "tr_open":
                self._row = []
            elif token.type == "tr_close":
                self._lines[-1].append(" | ".join(self._row or ()))
                self._row = None
            elif token.type == "inline":
                self._inline(before, token)
        pairs = zip(self._titles, self._lines, strict=True)
        sections = [Section(title, level, tuple(lines)) for (title, level), lines in pairs]
        return Runbook(sections, self._commands)

    def _block(self, token: Token) -> None:
        words = token.info.split()
        if token.type == "fence" and (words[0].lower() if words else "") not in _SHELLS:
            return
        content = re.sub(r"\\\n\s*", " ", token.content)
        for line in content.splitlines():
            self._take(re.sub(r"^\s*\$\s+(?=kubectl\b)", "", line).strip())
            self._lines[-1].append(line)

    def _inline(self, before: Token | None, token: Token) -> None:
        bold = _BOLD.fullmatch(token.content.strip())
        if before is not None and before.type == "heading_open":
            self._open(token.content, int(before.tag[1:]))
        elif bold and self._row is None:
            self._open(bold[1] or bold[2], 7)
        else:
            if self._row is None:
                self._lines[-1].extend(token.content.splitlines())
            else:
                self._row.append(token.content)
            self._text(token)

    def _open(self, title: str, level: int) -> None:
        self._titles.append((title, level))
        self._lines.append([])

    def _text(self, token: Token) -> None:
        """Take code spans, and what stands bare in the text after a colon or alone on a line."""
        for child in token.children or ():
            if child.type == "code_inline" and re.match(r"(sudo\s+)?kubectl\s", child.content):
                self._take(child.content)
        for line in re.sub(r"`[^`]*`", "", token.content).splitlines():
            bare = _INLINE.search(line.strip())
            if bare:
                self._take(bare[1].rstrip(". "))

    def _take(self, line: str) -> None:
        self._commands.extend(_calls(line, len(self._titles) - 1))


def _calls(line: str, section: int) -> Iterator[Command]:
    """Yield the calls of kubectl in one line of shell."""
    if "kubectl" not in line or line.startswith("#"):
        return
    replaced = _PLACEHOLDER.sub(STANDS_FOR, line)
    lexer = shlex.shlex(replaced, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quote that is never closed, such as an apostrophe
        words = replaced.split()
    for part in _parts(words):
        if "kubectl" in part:
            called = part[part.index("kubectl") + 1 :]
            if called and "xargs" not in part[: part.index("kubectl")]:
                unknown = any("$(" in word or "`" in word for word in called) or "$(" in line
                yield Command(tuple(_without_redirects(called)), line, section, unknown)


def _parts(words: Sequence[str]) -> Iterator[list[str]]:
    """Split at pipes and the like."""
    part: list[str] = []
    for word in words:
        if word in _ENDS:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _without_redirects(words: Sequence[str]) -> Iterator[str]:
    """Leave out ``> FILE``, ``2>&1`` and comments."""
    skip = False
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word.startswith("#"):
            return
        if skip:
            skip = False
        elif _REDIRECTS.fullmatch(word):
            skip = True
        elif not (word.isdigit() and _REDIRECTS.fullmatch(following)):
            yield word
