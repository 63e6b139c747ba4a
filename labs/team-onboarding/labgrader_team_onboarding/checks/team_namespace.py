"""The namespaces of the team."""

from collections.abc import Iterator, Mapping

from labgrader.api import NAMESPACE, Context, Fact, check, dig, grouped
from labgrader.toolkit.facts import Subject


@check()
def team_namespace(ctx: Context, name: str, labels: Mapping[str, str]) -> Iterator[Fact]:
    """Looks at the namespace, its phase and its labels.

    Labels are how others find out whom to call and who pays: a cost report adds up namespaces by
    them. Further labels are yours to choose.
    """
    found = ctx.require(NAMESPACE, name, fix=f"kubectl create namespace {name}")
    about = Subject(NAMESPACE, name, None)
    deleted = bool(dig(found, "metadata.deletionTimestamp"))
    phase = "Terminating" if deleted else str(dig(found, "status.phase", "unknown"))
    yield about.fact(
        f"Namespace {name} is Active",
        phase == "Active",
        "status.phase",
        reason=f"Namespace {name} is {phase}: it accepts no new objects",
        expected="phase Active",
        actual=f"phase {phase}",
        fix=f"Wait until the namespace {name} is gone, then create it again",
    )
    given = dig(found, "metadata.labels", {})
    facts = [_label(about, name, key, value, given.get(key)) for key, value in labels.items()]
    yield from grouped("Labels", facts)


def _label(about: Subject, name: str, key: str, value: str, actual: object) -> Fact:
    return about.fact(
        f"label {key}={value}",
        actual == value,
        f"metadata.labels[{key}]",
        reason=f"Namespace {name} has no label {key}"
        if actual is None
        else f"The label {key} of namespace {name} is {actual}, not {value}",
        expected=f"{key}: {value}",
        actual="not set" if actual is None else f"{key}: {actual}",
        fix=f"kubectl label namespace {name} {key}={value} --overwrite",
    )
