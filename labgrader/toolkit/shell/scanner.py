"""Tokenizes shell: simple commands, words, quotes. Pure.

What the words come to is said by ``shellwords``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

OPEN_QUOTE = "a quote is never closed"
_OPERATORS = ("&&", "||", "|&", ";;", "|", ";", "&", "(", ")")
_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"([A-Za-z_]\w*)(?::?[-=](.*))?", re.DOTALL)
_REDIRECT = re.compile(r"(?:\d*|&)(?:<<<|<<-?|>>|>\||>&|<&|<>|>|<)")
_PATIENCE = 200_000
"""Characters that are read within quotes; after that none may go beyond its line."""


class _Open(Exception):
    """A quote or a substitution is open at the end of the text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text as it stands, a variable (``name``), or what is not known."""

    text: str = ""
    name: str = ""
    default: str | None = None
    unknown: bool = False
    quoted: bool = False


Word = list[Piece]


@dataclass(slots=True)
class Statement:
    """One simple command: its words, and as it stands in the text."""

    words: list[Word] = field(default_factory=list)
    text: str = ""
    broken: str = ""


class Scanner:
    """Parts a text into simple commands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._heredocs: list[str] = []
        self._patience = _PATIENCE

    def statements(self) -> Iterator[Statement]:
        """Yield every simple command; one with an open quote ends at its line's end."""
        while self._at < len(self._text):
            begin, found = self._at, Statement()
            try:
                self._fill(found)
            except _Open:
                end = self._text.find("\n", begin)
                self._at = len(self._text) if end < 0 else end + 1
                found.broken = OPEN_QUOTE
            found.text = self._text[begin : self._at].strip(" \t\n;&|()")
            if found.words:
                yield found
            self._skip_heredocs()

    def _fill(self, found: Statement) -> None:
        """Take words up to the next operator or the end of the line."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in " \t":
                self._at += 1
            elif char == "\n":
                self._at += 1
                return
            elif self._text.startswith("\\\n", self._at):
                self._at += 2
            elif char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif match := _REDIRECT.match(self._text, self._at):
                self._redirect(match)
            elif operator := next(
                (o for o in _OPERATORS if self._text.startswith(o, self._at)), ""
            ):
                self._at += len(operator)
                return
            else:
                found.words.append(self._word())

    def _redirect(self, match: re.Match[str]) -> None:
        """Skip a redirection; remember the delimiter of a here-document."""
        self._at = match.end()
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1
        target = "".join(piece.text for piece in self._word()) if self._more() else ""
        if match[0].endswith(("<<", "<<-")) and target:
            self._heredocs.append(target)

    def _more(self) -> bool:
        return self._at < len(self._text) and self._text[self._at] not in "\n;|"

    def _skip_heredocs(self) -> None:
        if not self._heredocs or self._text[self._at - 1 : self._at] != "\n":
            return
        for delimiter in self._heredocs:
            while self._at < len(self._text):
                line, _, _ = self._text[self._at :].partition("\n")
                self._at += len(line) + 1
                if line.strip() == delimiter:
                    break
        self._heredocs = []

    def _word(self) -> Word:
        pieces: Word = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in " \t\n;|&()<>":
                break
            if char == "\\":
                pieces.append(Piece(self._text[self._at + 1 : self._at + 2].replace("\n", "")))
                self._at += 2
            elif char == "'":
                pieces.append(Piece(self._until("'"), quoted=True))
            elif char == '"':
                self._at += 1
                pieces.extend(self._quoted())
            elif char in "$`":
                pieces.append(self._expansion(quoted=False))
            else:
                pieces.append(Piece(char))
                self._at += 1
        return pieces or [Piece()]

    def _until(self, end: str) -> str:
        """Take a quoted text whose first character is the next one."""
        close = self._text.find(end, self._at + 1)
        if close < 0:
            raise _Open
        text = self._text[self._at + 1 : close]
        self._at = close + 1
        return text

    def _quoted(self) -> Iterator[Piece]:
        """Yield the pieces of a text in double quotes."""
        text = ""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                yield Piece(text, quoted=True)
                return
            if char == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                text += following if following in '"\\$`' else "\\" + following
                self._at += 2
            elif char in "$`":
                yield Piece(text, quoted=True)
                text = ""
                yield self._expansion(quoted=True)
            else:
                text += char
                self._at += 1
                self._wait(char)
        raise _Open

    def _wait(self, char: str) -> None:
        """Bound what open quotes cost: a text of nothing else would be read again and again."""
        self._patience -= 1
        if self._patience < 0 and char == "\n":
            raise _Open

    def _expansion(self, *, quoted: bool) -> Piece:
        if self._text[self._at] == "`":
            self._until("`")
            return Piece(unknown=True, quoted=quoted)
        self._at += 1
        following = self._text[self._at : self._at + 1]
        if following == "(":
            self._balanced()
            return Piece(unknown=True, quoted=quoted)
        if following == "{":
            inner = self._until("}")
            match = _BRACED.fullmatch(inner)
            if match is None:
                return Piece(unknown=True, quoted=quoted)
            return Piece(name=match[1], default=match[2], quoted=quoted)
        match = _NAME.match(self._text, self._at)
        if match:
            self._at = match.end()
            return Piece(name=match[0], quoted=quoted)
        if following and following in "@*#?$!-0123456789":
            self._at += 1
            return Piece(unknown=True, quoted=quoted)
        return Piece("$", quoted=quoted)

    def _balanced(self) -> None:
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            depth += {"(": 1, ")": -1}.get(char, 0)
            self._at += 1
            self._wait(char)
            if depth == 0:
                return
        raise _Open
