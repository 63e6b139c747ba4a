"""The lab's own look: calm colours, one dark and one light."""

from __future__ import annotations

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
