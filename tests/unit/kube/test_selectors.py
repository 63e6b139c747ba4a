"""Label selectors, as they are written for people."""

from __future__ import annotations

import pytest

from labgrader.kube.resources import Object
from labgrader.kube.selectors import written


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"matchLabels": {"app": "x", "tier": "y"}}, "app=x,tier=y"),
        (
            {
                "matchLabels": {"app": "x"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["a", "b"]},
                    {"key": "zone", "operator": "NotIn", "values": ["c"]},
                    {"key": "new", "operator": "Exists"},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
            "app=x,tier in (a,b),zone notin (c),new,!old",
        ),
    ],
)
def test_a_selector_is_written_as_kubectl_takes_it(selector: Object, text: str) -> None:
    assert written(selector) == text
