"""What a lab says about itself: the manifest ``tasks/lab.yaml`` (docs/lab-manifest.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1
"""The newest format of a manifest that this version reads."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What labs need of the cluster that they are worked on.

    Its audit log keeps all writes in ``namespaces``, and what objects of ``groups`` (API groups)
    were after each write. ``definitions`` are API groups whose definitions must be there although
    they are none of a lab's own.
    """

    namespaces: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()


NOTHING = Needs()
"""For a cluster that serves no lab."""


@dataclass(frozen=True, slots=True)
class PolicyPlace:
    """Where a learner's own audit policy is: a ConfigMap's name, and the key in it."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Operator:
    """How a lab's own operator runs outside the cluster.

    ``package`` stands below ``solutions/``; ``libraries`` are the modules that it imports and that
    must be installed; ``task`` is the one in which it does the work; ``account``, ``lease`` and
    ``settings`` (a ConfigMap) are names in the lab's namespace.
    """

    package: str
    account: str
    lease: str
    task: str
    settings: str = ""
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A lab's manifest.

    Args:
        namespace: where most of its objects live; ``namespaces`` are all that it uses.
        recorded_groups: API groups whose objects the cluster's audit log keeps whole.
        samples: objects that ``cluster audit`` tries a policy with, by dry-run.
        policy: where a learner's own policy is.
        points: what can be earned without bonus; 0 where it does not say.
        exam_minutes, exam_pass: of an exam (points); None where it sets none.
        variants: words of the lab's files, each with what a seed may put in its place.
        requires: versions of labgrader that it works with, as in a requirement (``>=0.1``).
    """

    id: str
    title: str
    namespace: str
    version: str = ""
    requires: str = ""
    namespaces: tuple[str, ...] = ()
    recorded_groups: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    samples: tuple[Mapping[str, Any], ...] = ()
    policy: PolicyPlace | None = None
    points: int = 0
    exam_minutes: float | None = None
    exam_pass: float | None = None
    operator: Operator | None = None
    free_names: tuple[str, ...] = ()
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def needs_of(manifests: Iterable[Manifest]) -> Needs:
    """Return what a cluster must have so that all these labs can be graded on it."""
    labs = list(manifests)
    spaces = {space for one in labs for space in one.namespaces}
    groups = {group for one in labs for group in one.recorded_groups}
    definitions = {group for one in labs for group in one.definitions}
    return Needs(tuple(sorted(spaces)), tuple(sorted(groups)), tuple(sorted(definitions)))
