"""The keys that our own screens have: for the help and for the palette."""

from __future__ import annotations

from typing import Any

from textual.binding import Binding
from textual.screen import Screen


def bindings_of(screen: Screen[Any]) -> list[Binding]:
    """Return the keys that our own classes give a screen, the most general last.

    Of several that do the same (an option's letters), the first stands for all.
    """
    classes = [one for one in type(screen).__mro__ if one.__module__.startswith("labgrader.")]
    listed = [entry for one in classes for entry in one.__dict__.get("BINDINGS", ())]
    told: list[Binding] = []
    for binding in listed:
        known = {one.description for one in told}
        if isinstance(binding, Binding) and (binding.tooltip or binding.description not in known):
            told.append(binding)
    return told
