"""Makes text from a cluster safe to show: no terminal escapes, no tricks with direction."""

from __future__ import annotations

import unicodedata

_HARMLESS = {"\n", "\t"}


def clean(text: object, limit: int = 2000) -> str:
    """Return ``text`` with control and direction characters made visible, cut at ``limit``."""
    shown = str(text)
    length = len(shown)
    shown = shown[: limit + 1]  # no character gets shorter: the rest would be cut anyway
    if not shown.isascii() or not shown.isprintable():
        shown = "".join(_visible(character) for character in shown)
    return shown if len(shown) <= limit else f"{shown[:limit]}… ({length} characters)"


def one_line(text: object, limit: int = 500) -> str:
    """Return ``clean`` text with every run of white space folded to one space."""
    return clean(" ".join(str(text).split()), limit)


def _visible(character: str) -> str:
    if character in _HARMLESS:
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"<U+{ord(character):04X}>"
    return character
