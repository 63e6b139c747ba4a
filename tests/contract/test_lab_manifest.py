"""docs/lab-manifest.md and the schema of the manifest name the same keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_pack import read_manifest
from labgrader.content.validation import SCHEMA
from labgrader.paths import content_root

PAGE = Path(__file__).parents[2] / "docs" / "lab-manifest.md"
LAB: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["lab"]


def documented(section: str) -> dict[str, str]:
    """Return the keys of a section's table, each with the rest of its row."""
    parts = re.split(r"(?m)^## ", PAGE.read_text(encoding="utf-8"))
    text = next(one for one in parts if one.startswith(section))
    return dict(re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", text))


@pytest.mark.parametrize(
    ("section", "schema"),
    [
        ("# The manifest", LAB),
        ("`record`", LAB["properties"]["record"]),
        ("`operator`", LAB["properties"]["operator"]),
    ],
)
def test_the_page_names_every_key_and_no_other(section: str, schema: dict[str, Any]) -> None:
    found = documented(section)
    assert set(found) == set(schema["properties"])
    needed = {key for key, row in found.items() if row.startswith("yes ")}
    assert needed == set(schema.get("required", ()))


def test_the_shipped_manifest_is_read_whole() -> None:
    manifest = read_manifest(LabFolder(content_root()))
    assert manifest.namespaces == (manifest.namespace,)
    assert manifest.operator is not None
    assert manifest.operator.libraries
    assert manifest.recorded_groups
    assert manifest.points > 0
