"""What a lab says about itself: the manifest ``tasks/lab.yaml`` (docs/lab-manifest.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1
"""The newest format of a manifest that this version reads."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a cluster's audit log keeps.

    That is all writes in ``namespaces``, and what objects of ``groups`` (API groups) were after
    each write.
    """

    namespaces: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


NOTHING = Recorded()
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
    variants: Mapping[str, Any] = field(default_factory=dict)


def recorded_for(manifests: Iterable[Manifest]) -> Recorded:
    """Return what a cluster must keep so that all these labs can be graded on it."""
    labs = list(manifests)
    spaces = {space for one in labs for space in one.namespaces}
    groups = {group for one in labs for group in one.recorded_groups}
    return Recorded(tuple(sorted(spaces)), tuple(sorted(groups)))
