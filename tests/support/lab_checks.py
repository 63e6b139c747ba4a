"""The modules of the shipped lab's checks, loaded for tests as a package of their own."""

from __future__ import annotations

import importlib
from types import ModuleType

from labgrader.content.check_files import PACKAGE, load_checks
from labgrader.paths import content_root

_LAB = "tested"
CHECKS = load_checks(content_root() / "checks", _LAB).by_id()
"""The lab's checks by id."""


def module(name: str) -> ModuleType:
    """Return a module of the lab's checks, such as ``_shared.alert_scenarios``."""
    return importlib.import_module(f"{PACKAGE}.{_LAB}.checks.{name}")
