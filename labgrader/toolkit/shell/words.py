"""Parses shell commands: quotes, variables, aliases. Pure; runs nothing.

Kept small on purpose: what is not understood (a substitution, a loop's variable) is marked as
unknown, and what a shell would refuse or expand to nothing is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from labgrader.toolkit.shell.scanner import Piece, Scanner, Statement, Word

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_GIVEN = {
    *(
        "HOME",
        "USER",
        "PATH",
        "PWD",
        "OLDPWD",
        "KUBECONFIG",
        "EDITOR",
        "SHELL",
        "HOSTNAME",
        "TMPDIR",
    ),
    *("LANG", "UID", "RANDOM", "SECONDS", "LOGNAME", "IFS", "PS1", "TERM"),
}
"""Variables that a shell has from the beginning; what they hold is not known here."""

_MOST_ALIASES = 3
"""How many aliases of aliases are followed."""

_DECLARES = {"export", "readonly", "local", "declare", "typeset"}


@dataclass(frozen=True, slots=True)
class Call:
    """A command with its words expanded.

    ``unknown`` says that a word is not known here; ``missing`` is a variable that nothing sets.
    """

    words: tuple[str, ...]
    text: str
    broken: str = ""
    unknown: bool = False
    missing: str = ""


@dataclass(slots=True)
class Shell:
    """What a reader's shell knows at a place of the text: variables, aliases, functions."""

    variables: dict[str, str | None] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)

    def calls(self, text: str) -> Iterator[Call]:
        """Yield the commands of a text, and remember what it sets."""
        self.functions |= set(re.findall(r"(?m)^\s*(?:function\s+)?([\w-]+)\s*\(\)", text))
        for statement in Scanner(text).statements():
            yield from self._run(statement)

    def _run(self, statement: Statement) -> Iterator[Call]:
        first = "".join(piece.text for piece in statement.words[0])
        declares = first in _DECLARES
        if declares or _ASSIGNMENT.match(first):
            rest = statement.words[1:] if declares else statement.words
            statement.words = list(self._assigned(rest, all_of_them=declares))
            if not statement.words:
                return
        if first in ("alias", "read", "for", "select", "unset"):
            self._declare(first, statement.words[1:])
            return
        call = self._expanded(statement)
        words = call.words
        for _ in range(_MOST_ALIASES):
            if words and words[0] in self.aliases:
                words = (*self.aliases[words[0]], *words[1:])
        yield replace(call, words=words)

    def _assigned(self, words: Sequence[Word], *, all_of_them: bool) -> Iterator[Word]:
        """Take assignments; yield the words of a command that they precede, and hold for alone."""
        taken: dict[str, str | None] = {}
        for at, word in enumerate(words):
            text, unknown, missing = self._value(word)
            match = _ASSIGNMENT.match(text)
            if match is not None:
                taken[match[1]] = None if unknown or missing else text[match.end() :]
            elif not all_of_them:
                yield from words[at:]
                return
        self.variables |= taken

    def _declare(self, how: str, words: Sequence[Word]) -> None:
        texts = [self._value(word)[0] for word in words]
        if how == "alias":
            for text in texts:
                name, equals, value = text.partition("=")
                if equals:
                    self.aliases[name] = value.split()
        elif how == "unset":
            for text in texts:
                self.variables.pop(text, None)
        else:
            names = texts[:1] if how != "read" else [one for one in texts if one[:1] != "-"]
            self.variables |= dict.fromkeys(names)

    def _value(self, word: Word) -> tuple[str, bool, str]:
        """Return a word's text in one piece, whether it is not known, and a variable it misses."""
        text, unknown, missing = "", False, ""
        for piece in word:
            found, more, lacks = self._piece(piece)
            text, unknown, missing = text + found, unknown or more, missing or lacks
        return text, unknown, missing

    def _piece(self, piece: Piece) -> tuple[str, bool, str]:
        if not piece.name:
            return piece.text, piece.unknown, ""
        if piece.name in self.variables:
            value = self.variables[piece.name]
            return value or "", value is None, ""
        if piece.default is not None:
            return piece.default, "$" in piece.default, ""
        given = piece.name in _GIVEN
        return "", given, "" if given else piece.name

    def _expanded(self, statement: Statement) -> Call:
        words: list[str] = []
        unknown, missing = False, ""
        for word in statement.words:
            text, more, lacks = self._value(word)
            unknown, missing = unknown or more, missing or lacks
            splits = len(word) == 1 and word[0].name and not word[0].quoted
            if splits and not more:
                words.extend(text.split())
            else:
                words.append(text if not more else f"{text}$(…)")
        return Call(tuple(words), statement.text, statement.broken, unknown, missing)
