"""Compares the solution of a step with the learner's objects, as two YAML texts.

An API server fills in many fields. What the learner wrote is what ``kubectl apply`` noted, or what
the solution speaks of; the rest is left out, or a difference could not be seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml

from labgrader.content.lab_folder import LabFolder
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.lab_state.solver import ACTS
from labgrader.model.task import Lab, Step, Task
from labgrader.util.bounded_yaml import read_documents

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_CHARACTERS = 100_000
"""A learner's object can be large; what is longer is cut."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One object: its name, the solution's text, and the learner's (None: there is none).

    ``same`` says that both say the same, in whatever order and spelling.
    """

    title: str
    solution: str
    own: str | None
    same: bool


@dataclass(frozen=True, slots=True)
class Side:
    """A line on one side of a comparison; ``differs`` marks what the other side does not have."""

    text: str
    differs: bool


def compare(lab: Lab, task: Task, step: Step, cluster: Cluster) -> list[Pair]:
    """Return the objects of a step's solution, each beside the cluster's.

    Raises:
        ContentError: a file cannot be read.
        ClusterError: the cluster does not answer.
    """
    kinds, folder = RestMapper(cluster), LabFolder(lab.root).solution(task.id)
    return [
        _pair(manifest, kinds, cluster)
        for name in step.solution
        if not name.endswith(ACTS)
        for manifest in read_documents(folder / Path(name))
    ]


def _pair(manifest: Object, kinds: RestMapper, cluster: Cluster) -> Pair:
    name, namespace = dig(manifest, "metadata.name"), dig(manifest, "metadata.namespace")
    resource = kinds.find(manifest["apiVersion"], manifest["kind"])
    found = cluster.get(resource, name, namespace) if resource else None
    title = f"{manifest['kind']} {name}"
    if found is None:
        return Pair(title, _text(manifest), None, same=False)
    own = written(found, manifest)
    return Pair(title, _text(manifest), _text(own), same=own == manifest)


def written(found: Object, solution: Object) -> Object:
    """Return of an object what its author wrote, as far as that can be told."""
    noted = dig(found, "metadata.annotations", {}).get(APPLIED)
    try:
        applied = json.loads(noted) if noted else {}
    except ValueError:
        applied = {}
    kept: Object = _kept(found, solution, applied)
    dig(kept, "metadata", {}).pop("annotations", None)
    if "annotations" in dig(solution, "metadata", {}):
        wanted = solution["metadata"]["annotations"]
        theirs = dig(found, "metadata.annotations", {})
        kept["metadata"]["annotations"] = {key: theirs[key] for key in wanted if key in theirs}
    return kept


def _kept(found: Any, solution: Any, applied: Any) -> Any:
    """Keep the fields that the solution or the author speaks of, with the values that are there."""
    if isinstance(found, Mapping):
        ours = solution if isinstance(solution, Mapping) else {}
        theirs = applied if isinstance(applied, Mapping) else {}
        order = [*(key for key in ours if key in found), *(k for k in theirs if k in found)]
        return {k: _kept(found[k], ours.get(k), theirs.get(k)) for k in dict.fromkeys(order)}
    if isinstance(found, list):
        return [
            _kept(item, _partner(item, at, solution), _partner(item, at, applied))
            if isinstance(item, Mapping)
            else item
            for at, item in enumerate(found)
        ]
    return found


def _partner(item: Mapping[str, Any], at: int, others: Any) -> Any:
    """Return what corresponds to an item of a list: the one of the same name, or in its place."""
    if not isinstance(others, list):
        return None
    for key in ("name", "type", "containerPort", "port"):
        if key in item:
            for other in others:
                if isinstance(other, Mapping) and other.get(key) == item[key]:
                    return other
    return others[at] if at < len(others) else None


def _text(value: Object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "\n… (cut)\n"


def side_by_side(left: str, right: str) -> list[tuple[Side, Side]]:
    """Return both texts line by line, what is the same on the same height."""
    ours, theirs = left.splitlines(), right.splitlines()
    rows: list[tuple[Side, Side]] = []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        differs, height = tag != "equal", max(b - a, d - c)
        one = [*ours[a:b], *[""] * (height - (b - a))]
        other = [*theirs[c:d], *[""] * (height - (d - c))]
        rows += [(Side(x, differs), Side(y, differs)) for x, y in zip(one, other, strict=True)]
    return rows
