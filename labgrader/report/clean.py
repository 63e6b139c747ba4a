"""Makes text from a cluster safe to show: no terminal escapes, no tricks with direction."""

from __future__ import annotations

import json
import unicodedata

_HARMLESS = {"\n", "\t"}
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that control a terminal or the direction of text."""


def clean(text: object, limit: int = 2000) -> str:
    """Return ``text`` with control and direction characters made visible, cut at ``limit``."""
    shown = str(text)
    length = len(shown)
    shown = shown[: limit + 1]  # no character gets shorter: the rest would be cut anyway
    if not shown.isascii() or not shown.isprintable():
        shown = "".join(_visible(character) for character in shown)
    return shown if len(shown) <= limit else f"{shown[:limit]}… ({length} characters)"


def to_json(data: object) -> str:
    """Return indented JSON in which what cannot be seen is escaped; it means the same."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(one if one == "\n" else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def one_line(text: object, limit: int = 500) -> str:
    """Return ``clean`` text with every run of white space folded to one space."""
    return clean(" ".join(str(text).split()), limit)


def _visible(character: str) -> str:
    if character in _HARMLESS:
        return character
    if unicodedata.category(character) in _UNSEEN:
        return f"<U+{ord(character):04X}>"
    return character
