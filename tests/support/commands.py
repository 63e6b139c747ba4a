"""Types of fixtures that run commands in this process."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str]]
"""Runs a command; returns its exit code and what it printed."""
