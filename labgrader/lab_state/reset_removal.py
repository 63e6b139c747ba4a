"""Removes one object and its finalizers, bounded in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from labgrader.errors import LabError
from labgrader.kube import finalizers
from labgrader.kube.conditions import is_true
from labgrader.kube.obstacles import Obstacles, short
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig
from labgrader.kube.waiting import Deadline, wait_until
from labgrader.lab_state.reset_contents import Contents
from labgrader.lab_state.reset_plan import WORKERS, Doomed, doomed_of

SLOW_KINDS = ("Namespace", "CustomResourceDefinition", "Deployment")
SLOW_SECONDS = 60.0
"""How long Kubernetes may take to empty a namespace or a definition (it does so one by one), and
pods to end: what an operator writes on its way out must not outlive the reset."""

HOPELESS_SECONDS = 10.0
"""After so long a namespace that cannot be emptied because of an error is not waited for."""

_ERRORS = ("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure")


@dataclass(slots=True)
class Remover:
    """Removes objects of one cluster; ``causes`` says by uid why one stays.

    Args:
        told: gets one line for everything that is done.
        grace: seconds that an object may take to go by itself.
        deadline: the limit for all objects together.
        convert: called when a custom resource cannot be deleted; whether that is worth another try.
    """

    cluster: Cluster
    told: Callable[[str], None]
    grace: float
    deadline: Deadline
    obstacles: Obstacles
    contents: Contents
    convert: Callable[[Resource], bool]
    causes: dict[str, str] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)

    def remove_all(self, group: list[Doomed]) -> None:
        """Remove objects of one kind side by side."""
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._remove, group))

    def _remove(self, doomed: Doomed) -> None:
        """Delete one object; take finalizers off only when it does not go by itself."""
        self.tried.add(doomed.uid)
        if not self.deadline.left:
            self.causes[doomed.uid] = (
                f"not tried: the reset's limit of {self.deadline.seconds:.0f} s was over."
                " Run `labgrader reset` again"
            )
            return
        error = self._delete(doomed)
        if error and self.convert(doomed.resource):
            error = self._delete(doomed)
        if error and not self._is_going(doomed):
            obstacle = self.obstacles.of(error, doomed.resource)
            self.causes[doomed.uid] = str(obstacle)
            self.told(f"{doomed} cannot be deleted: {short(obstacle.cause, 120)}")
        elif self._await(doomed) or self._unfinalize(doomed):
            self.told(f"removed {doomed}")

    def _delete(self, doomed: Doomed) -> LabError | None:
        """Request the deletion; return why that is not possible."""
        try:
            self.cluster.delete(
                doomed.resource,
                doomed.name,
                doomed.namespace,
                uid=doomed.uid,
                foreground=doomed.resource.kind == "Deployment",
            )
        except LabError as error:
            return error
        return None

    def _await(self, doomed: Doomed) -> bool:
        """Wait until an object is gone; help out of it what is deleted with it."""
        if doomed.resource.kind not in SLOW_KINDS:
            return wait_until(lambda: self._gone(doomed), self.deadline.shorter(self.grace))
        began, freed = time.monotonic(), True
        limit = Deadline(self.deadline.shorter(SLOW_SECONDS))
        while not wait_until(lambda: self._gone(doomed), limit.shorter(max(self.grace, 0.5))):
            late = time.monotonic() - began > HOPELESS_SECONDS
            if not limit.left or self._waits_for_nobody(doomed):
                return False
            if late and (not freed or self._hopeless(doomed)):
                return False
            freed = self._free_contents(doomed)
        return True

    def _waits_for_nobody(self, doomed: Doomed) -> bool:
        """Whether Kubernetes has done its part, and only finalizers of others are left."""
        found = self._current(doomed)
        held = dig(found, "metadata.finalizers", [])
        if doomed.resource.kind == "Namespace":
            held = held + dig(found, "spec.finalizers", [])
        foreign = finalizers.foreign(doomed.resource.kind, found)
        return bool(foreign) and len(foreign) == len(held)

    def _hopeless(self, doomed: Doomed) -> bool:
        """Whether an error keeps the namespace controller from emptying a namespace."""
        found = self._current(doomed)
        return doomed.resource.kind == "Namespace" and any(is_true(found, one) for one in _ERRORS)

    def _free_contents(self, doomed: Doomed) -> bool:
        """Let go of what is deleted along with a namespace or a definition, and held.

        Returns:
            False where something of it is refused.
        """
        freed = True
        inside = self.contents.inside(doomed)
        for one in inside.unread:
            if one.resource is not None:
                self.convert(one.resource)
        for resource, obj in inside.pairs:
            if dig(obj, "metadata.deletionTimestamp") and finalizers.foreign(resource.kind, obj):
                freed = self._take_off(doomed_of(resource, obj), obj) and freed
        return freed

    def _unfinalize(self, doomed: Doomed) -> bool:
        """Take off finalizers that nobody serves; never those of Kubernetes itself."""
        found = self._current(doomed)
        if not finalizers.foreign(doomed.resource.kind, found):
            return self._gone(doomed)
        if not self._take_off(doomed, found):
            return False
        return wait_until(lambda: self._gone(doomed), self.deadline.shorter(self.grace))

    def _take_off(self, doomed: Doomed, found: Object | None) -> bool:
        foreign = finalizers.foreign(doomed.resource.kind, found)
        kept = [one for one in dig(found, "metadata.finalizers", []) if one not in foreign]
        patch = {"metadata": {"finalizers": kept, "uid": doomed.uid}}
        error = self._patch(doomed, patch)
        if error and self.convert(doomed.resource):
            error = self._patch(doomed, patch)
        if error and not self._gone(doomed):
            self.causes[doomed.uid] = (
                f"it holds the finalizers {', '.join(foreign)}, and removing them fails:"
                f" {self.obstacles.of(error, doomed.resource)}"
            )
            self.told(f"the finalizers of {doomed} cannot be removed: {error.message}")
            return False
        if not error:
            self.told(
                f"took the finalizers {', '.join(foreign)} off {doomed}:"
                f" nobody did within {self.grace:.0f} s"
            )
        return True

    def _patch(self, doomed: Doomed, patch: Object) -> LabError | None:
        try:
            self.cluster.patch(doomed.resource, doomed.name, patch, doomed.namespace)
        except LabError as error:
            return error
        return None

    def _gone(self, doomed: Doomed) -> bool:
        try:
            found = self.cluster.get(doomed.resource, doomed.name, doomed.namespace)
        except LabError:  # not known: the last look decides
            return False
        return found is None or dig(found, "metadata.uid") != doomed.uid

    def _is_going(self, doomed: Doomed) -> bool:
        """Whether an object is gone, or on its way out, whatever the deletion answered."""
        return self._gone(doomed) or bool(dig(self._current(doomed), "metadata.deletionTimestamp"))

    def _current(self, doomed: Doomed) -> Object | None:
        try:
            return self.cluster.get(doomed.resource, doomed.name, doomed.namespace)
        except LabError:
            return None
