"""The kinds that a step names."""

from labgrader.api import Resource


def kind_of(group: str, plural: str, kind: str) -> Resource:
    """Return the type of the lab's objects."""
    return Resource(group, "v1", plural, kind)
