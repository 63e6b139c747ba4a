"""Watches the operator's page while a temporary resource becomes ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labgrader.api import Context, MissingCapability, Resource, TemporaryObject
from labgrader.toolkit.prometheus.exposition import Series, series_of
from labgrader.toolkit.prometheus.movement import Moment, meanings, moment_of
from labgrader.toolkit.prometheus.series import Role

from .alert_scenarios import Source, Stage
from .operator_page import condition_of

READY_SECONDS = 20.0
"""How long the temporary resource may take to get its pods."""

FOLLOW_SECONDS = 5.0
"""How long the page may take to show that they are ready."""

GONE_SECONDS = 10.0
"""How long its children may take to go again."""


def with_movement(
    ctx: Context, scene: Stage, resource: Mapping[str, str], spec: Mapping[str, Any]
) -> Stage:
    """Return it with the meaning of what the rules name and the page alone does not tell.

    That takes seconds and a temporary resource, so it is done where something is not told, once for
    each pod of the operator, and only where labgrader may write.

    Args:
        spec: of the temporary resource; of several replicas, or a count looks like a flag.
    """
    named = scene.mentioned
    riddles = [one for name, one in scene.page.riddles.items() if not named or name in named]
    if scene.source is None or not riddles:
        return scene
    try:
        ctx.demand_writes("A temporary resource would tell what a metric means")
    except MissingCapability:
        return scene
    kind = Resource(resource["group"], resource["version"], resource["plural"], resource["kind"])
    watch = _Watch(ctx, scene.source, riddles)
    key = ("movement", scene.source, *(one.name for one in riddles))
    moved = ctx.observed_once(key, lambda: watch.made_ready(kind, spec))
    return replace(scene, page=scene.page.with_moved(moved))


@dataclass(slots=True)
class _Watch:
    """Reads a page beside the status of one resource, again and again."""

    ctx: Context
    source: Source
    riddles: Sequence[Series]
    moments: list[Moment] = field(default_factory=list)

    def made_ready(self, kind: Resource, spec: Mapping[str, Any]) -> dict[str, Role]:
        """Create a resource, watch until its pods are ready, and take it away again."""
        with self.ctx.temporary_object(kind) as probe:
            name = probe.create({"spec": dict(spec)})
            probe.until(lambda: self._look(probe, name), READY_SECONDS)
            probe.until(lambda: self._told(probe, name), FOLLOW_SECONDS)
            probe.delete(name)
            probe.until(lambda: probe.read(name) is None, GONE_SECONDS)
        return meanings(self.moments, self.riddles)

    def _told(self, probe: TemporaryObject, name: str) -> bool:
        self._look(probe, name)
        found = meanings(self.moments, self.riddles)
        # What stands still so far may move yet.
        return len(found) == len(self.riddles) and Role.FIXED not in found.values()

    def _look(self, probe: TemporaryObject, name: str) -> bool:
        """Note what the page says, where the status stays meanwhile; whether all pods are ready."""
        before = condition_of(probe.read(name))
        answer = self.ctx.http_get(
            "pods", self.source.pod, self.source.port, self.source.path, fresh=True
        )
        state = condition_of(probe.read(name))
        if answer.status == 200 and not answer.cut and before == state:
            try:
                self.moments.append(moment_of(series_of(answer.body), name, state))
            except ValueError:
                return False
        return state.is_well
