"""``labgrader map --watch``: writes what is different, and says when the cluster is lost."""

from __future__ import annotations

import pytest

from labgrader.cli.map import _Teller
from labgrader.kube.status import Severity
from labgrader.object_map.tree import Node
from labgrader.object_map.watcher import Map


def drawn(*names: str, reading: bool = False, lost: str = "") -> Map:
    children = tuple(Node(name, "Pod", name, "Ready 1/1", Severity.GOOD) for name in names)
    return Map((Node("task/task1", "", "task1", children=children),), reading, lost)


def test_plain_says_what_is_new_and_what_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    teller = _Teller(plain=True)
    teller.tell(drawn("a", reading=True))
    assert capsys.readouterr().out == ""
    teller.tell(drawn("a", "b"))
    teller.tell(drawn("a", "b"))
    assert capsys.readouterr().out.splitlines() == [
        "task1",
        "Pod a: Ready 1/1; under task1",
        "Pod b: Ready 1/1; under task1",
    ]
    teller.tell(drawn("b", "c"))
    assert capsys.readouterr().out.splitlines() == [
        "gone: Pod a: Ready 1/1; under task1",
        "Pod c: Ready 1/1; under task1",
    ]


def test_the_drawn_map_comes_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    teller = _Teller(plain=False)
    teller.tell(drawn("a"))
    assert capsys.readouterr().out == "task1\n└─ ✔ Pod a: Ready 1/1\n\n"


def test_a_lost_cluster_is_said_once_and_so_is_its_return(
    capsys: pytest.CaptureFixture[str],
) -> None:
    teller = _Teller(plain=True)
    for lost in ("", "gone \x1b[31m", "gone \x1b[31m", ""):
        teller.tell(drawn("a", lost=lost))
    assert capsys.readouterr().err.splitlines() == [
        "labgrader: the cluster cannot be seen: gone <U+001B>[31m",
        "labgrader: it answers again",
    ]
