"""Parses runbooks in Markdown: sections and shell commands. Runs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from labgrader.toolkit.shell.words import Call, Shell

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_CHARACTERS = 64_000
"""A hundred printed pages. Markdown that means harm takes time that grows with its square."""
_SHELLS = {"", "bash", "sh", "shell", "console", "shell-session", "text", "zsh"}
_INLINE = re.compile(r"(?:^|[:>]\s+|[-*]\s+|(?<!\d)\d+[.)]\s+)((?:sudo\s+)?kubectl\s+[a-z].*)$")
_BOLD = re.compile(r"\*\*(.+?)\*\*:?|__(.+?)__:?")
_PLACEHOLDER = re.compile(r"<([A-Za-z][\w. -]{0,40})>")
_PROMPT = re.compile(r"^\s*\$\s+(?=\w)")
_WITHIN_A_WORD = re.compile(r"(?<=[A-Za-z])'(?=[a-z])")
_CODE = re.compile(r"(?:sudo\s+)?([\w-]+)(?:\s|=|$)")
_NOT_CALLED_BY = {"xargs", "echo", "printf", "alias", "man", "which", "type", "export", "grep"}
_KUBECTL = "kubectl"
_SHORT = "k"
_VERBS = {
    *("get", "describe", "logs", "top", "rollout", "patch", "delete", "scale", "edit", "exec"),
    *(
        "apply",
        "create",
        "explain",
        "auth",
        "label",
        "annotate",
        "events",
        "port-forward",
        "config",
    ),
}
STANDS_FOR = "labgrader-placeholder"
"""What ``<name>`` becomes in a command's words: a name that nothing has."""


@dataclass(frozen=True, slots=True)
class Command:
    """One call of kubectl: its words without ``kubectl``, and as it stands in the text.

    ``substitutes`` says that the shell would put something in which is not known here; ``broken``
    says why it cannot work as it is typed, whatever the cluster is.
    """

    words: tuple[str, ...]
    text: str
    section: int
    substitutes: bool = False
    broken: str = ""


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
        self._shell = Shell()

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
        lines = token.content.splitlines()
        self._take("\n".join(_typed(lines) or lines))
        self._lines[-1].extend(lines)

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
            if child.type == "code_inline" and self._is_shell(child.content):
                self._take(child.content)
        for line in re.sub(r"`[^`]*`", "", token.content).splitlines():
            bare = _INLINE.search(line.strip())
            if bare:
                self._take(_WITHIN_A_WORD.sub(r"\'", bare[1].rstrip(". ")))

    def _is_shell(self, text: str) -> bool:
        """Whether a text between backticks is a command that is followed here."""
        found = _CODE.match(text)
        if found is None or text == found[1]:
            return False
        known = {_KUBECTL, _SHORT, "export", "alias", *self._shell.aliases}
        sets = text[found.end(1) :].startswith("=") and found[1].isidentifier()
        return found[1] in known or sets

    def _take(self, text: str) -> None:
        """Take the commands of a piece of shell."""
        section = len(self._titles) - 1
        for call in self._shell.calls(_PLACEHOLDER.sub(STANDS_FOR, text)):
            found = _command(call, section, self._shell)
            if found is not None:
                self._commands.append(found)


def _typed(lines: Sequence[str]) -> list[str]:
    """Return what is typed after prompts, where a block shows prompts and answers."""
    found: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on or _PROMPT.match(line):
            found.append(line if goes_on else _PROMPT.sub("", line))
            goes_on = line.endswith("\\")
    return found


def _command(call: Call, section: int, shell: Shell) -> Command | None:
    """Return the call of kubectl that a command is; None where it is none."""
    words, broken = call.words, call.broken
    text = call.text.replace(STANDS_FOR, "<name>")
    short = words[:1] == (_SHORT,) and words[1:2] and words[1] in _VERBS
    if short and _SHORT not in shell.functions:
        why = "`k` is not defined before it (alias k=kubectl)"
        return Command(tuple(words[1:]), text, section, call.unknown, broken or why)
    if _KUBECTL not in words:
        return None
    at = words.index(_KUBECTL)
    called = words[at + 1 :]
    if not called or _NOT_CALLED_BY & set(words[:at]):
        return None
    if call.missing and not broken:
        broken = f"`${call.missing}` is not set before it"
    return Command(tuple(called), text, section, call.unknown, broken)
