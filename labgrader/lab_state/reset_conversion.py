"""Conversion webhooks that do not do their work, on definitions that a reset is about to remove.

Such a webhook keeps every object from being read in another version than it is stored in. The
definition is the lab's own and goes a moment later, so the reset switches its webhook off, and says
so. Where the definition then has to stay, because of objects of other people, it is put back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from labgrader.errors import LabError
from labgrader.kube.obstacles import UNCONVERTED, Obstacles
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import CRD, Object, Resource, dig
from labgrader.kube.waiting import wait_until

IN_FORCE_SECONDS = 10.0
"""How long the API server may take until it reads by a changed definition."""


@dataclass(slots=True)
class Conversion:
    """Switches conversion webhooks off.

    Args:
        told: gets one line for everything that is done.
        going: names of the definitions that are to be removed; no other one is touched.
    """

    cluster: Cluster
    told: Callable[[str], None]
    obstacles: Obstacles
    going: set[str]
    _before: dict[str, Object] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def off(self, resource: Resource) -> bool:
        """Convert a custom resource without its webhook; whether that is so now."""
        name = f"{resource.plural}.{resource.group}"
        if name not in self.going:
            return False
        with self._lock:
            if name not in self._before and name not in self._refused:
                self._switch(name, resource)
            return name in self._before

    def _switch(self, name: str, resource: Resource) -> None:
        definition = self.obstacles.conversion(resource)
        if definition is None:
            self._refused.add(name)
            return
        try:
            self.cluster.patch(CRD, name, UNCONVERTED)
        except LabError as error:
            self._refused.add(name)
            self.told(f"the conversion webhook of {name} cannot be switched off: {error.message}")
            return
        self._before[name] = dig(definition, "spec.conversion")
        self.told(
            f"switched off the conversion webhook of {CRD.describe(name)}, which does"
            " not do its work: the definition is removed anyway"
        )
        wait_until(lambda: self._reads(resource), IN_FORCE_SECONDS)

    def _reads(self, resource: Resource) -> bool:
        try:
            self.cluster.list(resource, timeout=2)
        except LabError:
            return False
        return True

    def keep(self, names: set[str]) -> None:
        """Leave definitions alone that stay after all, and put back what was switched off there."""
        self.going -= names
        for name in names & set(self._before):
            patch = {"spec": {"conversion": self._before.pop(name)}}
            try:
                self.cluster.patch(CRD, name, patch)
            except LabError as error:
                self.told(f"the conversion of {name} cannot be put back: {error.message}")
            else:
                self.told(f"put the conversion webhook of {name} back: the definition stays")
