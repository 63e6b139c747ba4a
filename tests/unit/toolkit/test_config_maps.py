"""Texts in ConfigMaps: under the key, under another one, and as bytes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from labgrader.grading.findings import Failure
from labgrader.toolkit.config_maps import text_under


def config_map(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "book", "namespace": "lab"}, **fields}


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_text_is_found_under_its_key_or_the_only_one() -> None:
    assert text_under(config_map(data={"a.md": "x", "b.md": "y"}), "a.md") == ("a.md", "x")
    assert text_under(config_map(data={"README.md": "x"}), "a.md") == ("README.md", "x")
    assert text_under(config_map(binaryData={"a.md": packed(b"x")}), "a.md") == ("a.md", "x")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (config_map(data={"b": "x", "c": "y"}), "is not there"),
        (config_map(), "is not there"),
        (config_map(binaryData={"a.md": packed("x".encode("utf-16"))}), "is in binaryData"),
        (config_map(binaryData={"a.md": "no base64"}), "is in binaryData"),
    ],
)
def test_what_is_no_text_is_named(found: dict[str, Any], why: str) -> None:
    with pytest.raises(Failure) as failure:
        text_under(found, "a.md")
    assert why in failure.value.reason
    assert "kubectl create configmap book -n lab" in failure.value.fix
