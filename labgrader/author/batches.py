"""Partitions cases into batches that can be tried at the same time. Pure.

Two cases share a batch only if every result can be attributed to one of them: they change
different objects, and no criterion that one of them is expected to change reads what the other one
changes. What is read is known from a grading of the solution. Namespaces are left out of all
comparisons: two objects of one name in different namespaces count as the same, which is stricter
than necessary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labgrader.author.cases import Case
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.resources import ADMISSION, Object, dig
from labgrader.lab_state.mutations import WHOLE
from labgrader.model.result import Outcome
from labgrader.model.task import Criterion

MOST = 6
"""Cases in a batch at most. Limits of 4 to 10 make the same number of batches here (ADR 8)."""

BELOW = {
    "Deployment": {"ReplicaSet", "Pod", "EndpointSlice", "HorizontalPodAutoscaler", "Lease"},
    "Service": {"EndpointSlice"},
    "Pod": {"EndpointSlice"},
    "CronJob": {"Job", "Pod"},
}
"""Kinds whose objects change when one of the kind on the left does: controllers, or its program."""

EVERYWHERE = {"Namespace", "ResourceQuota", "LimitRange", "APIService", "PriorityClass"} | {
    one.kind for one in ADMISSION
}
"""Kinds that have a say in what becomes of other objects."""

DEFINITION = "CustomResourceDefinition"


class Target(NamedTuple):
    """One object, or (``name`` empty) all objects of a kind."""

    group: str
    kind: str
    name: str = ""


Reads = Mapping[str, Collection[Target]]
"""What each criterion's check reads, by the criterion's id."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one case reaches.

    Args:
        own: the criteria whose outcome the case states: its own, and ``also``.
        hits: these, and for a wrong answer whatever needs them and is blocked.
        touches: the objects that it changes or waits for.
        affects: the criteria that read one of these objects.
        alone: whether nothing may be tried beside it.
    """

    case: Case
    own: frozenset[str]
    hits: frozenset[str]
    touches: frozenset[Target]
    affects: frozenset[str]
    alone: bool

    def can_join(self, other: Reach) -> bool:
        """Whether each result can be attributed to one of the two."""
        return not (self.alone or other.alone) and (
            self.touches.isdisjoint(other.touches)
            and self.hits.isdisjoint(other.own | other.affects)
            and other.hits.isdisjoint(self.own | self.affects)
        )


Batch = tuple[Reach, ...]


def partition(reaches: Iterable[Reach], most: int = MOST) -> list[Batch]:
    """Put each case into one batch; the same cases always give the same batches.

    Those that can join fewest others are placed first, each into the first batch that takes it.
    """
    given = list(reaches)
    place = {reach.case.path: number for number, reach in enumerate(given)}
    friends = {
        reach.case.path: sum(reach.can_join(other) for other in given if other is not reach)
        for reach in given
    }
    batches: list[list[Reach]] = []
    for reach in sorted(given, key=lambda one: friends[one.case.path]):
        for batch in batches:
            if len(batch) < most and all(reach.can_join(other) for other in batch):
                batch.append(reach)
                break
        else:
            batches.append([reach])
    for batch in batches:
        batch.sort(key=lambda one: place[one.case.path])
    batches.sort(key=lambda batch: place[batch[0].case.path])
    return [tuple(batch) for batch in batches]


def joinable(batch: Batch) -> bool:
    """Whether all cases of a batch can be tried together (true of every batch of one)."""
    pairs = ((one, two) for i, one in enumerate(batch) for two in batch[:i])
    return all(one.can_join(two) for one, two in pairs)


def reaches(cases: Sequence[Case], criteria: Sequence[Criterion], reads: Reads) -> Iterator[Reach]:
    """Yield the reach of each case.

    Args:
        criteria: those of the whole lab; what needs a criterion stands after it.
        reads: what each criterion reads.
    """
    readers: dict[Target, frozenset[str]] = {}
    for case in cases:
        own = frozenset((case.criterion, *case.also))
        touches = frozenset(target for _, target in _changed(case))
        for one in touches - readers.keys():
            readers[one] = frozenset(
                criterion for criterion, seen in reads.items() if any(_shows(s, one) for s in seen)
            )
        yield Reach(
            case,
            own,
            hits=own if case.expect is Outcome.PASSED else _with_dependents(own, criteria),
            touches=touches,
            affects=frozenset().union(*(readers[one] for one in touches)),
            alone=is_alone(case),
        )


def of_read_keys(read_keys: Mapping[str, Iterable[ReadKey]]) -> Reads:
    """Return what a grading has read, as targets."""
    return {
        criterion: {Target(i.resource.group, i.resource.kind, i.name or "") for i in seen}
        for criterion, seen in read_keys.items()
    }


def is_alone(case: Case) -> bool:
    """Whether a case is tried singly: it says so, or it changes more than single objects."""
    return (
        case.alone or case.lasting or any(_is_wide(verb, target) for verb, target in _changed(case))
    )


def _is_wide(verb: str, target: Target) -> bool:
    """Whether a change concerns more than one object and what its controllers make of it."""
    if target.kind in EVERYWHERE:
        return True
    if target.kind == DEFINITION:
        return verb != "patch"
    custom = "." in target.group and not target.group.endswith("k8s.io")
    return custom and verb in ("delete", "start_delete", "replace")  # and with it what it owns


def _changed(case: Case) -> Iterator[tuple[str, Target]]:
    """Yield verb and target of each change."""
    for change in case.changes:
        for verb, body in change.items():
            where: Object = dig(body, "metadata", {}) if verb in WHOLE else body
            group, _, version = str(body["apiVersion"]).rpartition("/")
            del version
            yield verb, Target(group, body["kind"], where["name"])


def _shows(read: Target, changed: Target) -> bool:
    """Whether who reads ``read`` may see a change of ``changed``."""
    if changed.kind == DEFINITION and changed.name.endswith(f".{read.group}"):
        return True
    if read.kind in BELOW.get(changed.kind, ()):
        return True
    same = (read.group, read.kind) == (changed.group, changed.kind)
    return same and read.name in ("", changed.name)


def _with_dependents(own: frozenset[str], criteria: Sequence[Criterion]) -> frozenset[str]:
    """Return ``own`` and all that needs it, directly or not."""
    found = set(own)
    for criterion in criteria:
        if not found.isdisjoint(criterion.needs):
            found.add(criterion.id)
    return frozenset(found)
