"""The lab's own looks: calm colours in dark and light, high contrast, and no colours at all."""

from __future__ import annotations

from rich.style import Style
from rich.theme import Theme as RichTheme
from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="labgrader-dark",
    primary="#7FA9CF",
    secondary="#86B3A7",
    accent="#B9A3D3",
    success="#86B77F",
    warning="#D9AE61",
    error="#DB7A74",
    foreground="#D5DBE3",
    background="#15191F",
    surface="#1A1F26",
    panel="#242B35",
    dark=True,
    variables={
        "footer-key-foreground": "#A9C7E3",
    },
)
LIGHT = Theme(
    name="labgrader-light",
    primary="#2F6391",
    secondary="#36705F",
    accent="#6B4E94",
    success="#2F7237",
    warning="#8A5A00",
    error="#AE3A34",
    foreground="#22272E",
    background="#F5F4F0",
    surface="#FBFAF7",
    panel="#E6E4DD",
    dark=False,
)
CONTRAST = Theme(
    name="labgrader-contrast",
    primary="#9CD3FF",
    secondary="#9BF0DC",
    accent="#E2C6FF",
    success="#7CFF7C",
    warning="#FFE066",
    error="#FF9B94",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#1C1C1C",
    dark=True,
    variables={
        "footer-key-foreground": "#FFE066",
        "text-muted": "#FFFFFF",
        "block-cursor-text-style": "bold reverse",
    },
)
PLAIN = Theme(
    name="labgrader-plain",
    primary="#C8C8C8",
    secondary="#C8C8C8",
    accent="#C8C8C8",
    success="#FFFFFF",
    warning="#FFFFFF",
    error="#FFFFFF",
    foreground="#E4E4E4",
    background="#121212",
    surface="#181818",
    panel="#262626",
    dark=True,
    variables={"block-cursor-text-style": "bold reverse"},
)
"""Shades of grey alone: what a colour would say is said by a mark and a word."""

ALL = (DARK, LIGHT, CONTRAST, PLAIN)


def for_prose(theme: Theme) -> RichTheme:
    """Return how Rich colours Markdown in ``theme``: it knows nothing of Textual's colours."""
    code = Style(color=Color.parse(theme.primary).rich_color)
    marked = code + Style(bold=True)
    quiet = Style(color=Color.parse(theme.secondary or theme.primary).rich_color)
    styles = {
        "code": code,
        "code_block": code,
        "list": Style(),
        "item.bullet": quiet,
        "item.number": quiet,
        "table.border": quiet,
        "table.header": marked,
        "h1": marked,
        "h2": marked,
        "h3": marked,
    }
    return RichTheme({f"markdown.{part}": style for part, style in styles.items()})
