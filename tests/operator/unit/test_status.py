"""What a status is made of: also one that holds what no operator wrote."""

from __future__ import annotations

import pytest

from trading_operator import status


@pytest.mark.parametrize("conditions", ["none", 7, {"a": 1}, [None, "x", {"type": "Other"}]])
def test_a_status_that_holds_anything(conditions: object) -> None:
    """Without a schema for it, a status may."""
    resource = {"metadata": {"generation": 1}, "status": {"conditions": conditions}}
    found = status.patch(resource, status.look(None, None), "now")
    assert [one["type"] for one in found["conditions"]][-2:] == ["Ready", "Progressing"]
    assert not status.says(resource["status"], ("a", "b"))
    assert status.timeless(conditions) is not None
