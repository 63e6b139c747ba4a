"""Resets the lab: removes its objects in an order that cannot deadlock, and continues on errors.

``solutions/reset.yaml`` lists what the lab makes. What is not listed is never deleted unless that
is asked for; a namespace or a definition with such objects in it stays. So it does where a list of
its contents cannot be read (no permission, a dead conversion webhook): there may be such objects in
it. An aggregated API without a backend is different: its objects are kept elsewhere and cannot be
lost, so the namespace is deleted. Kubernetes then cannot empty it completely; the APIService is
named with the command that helps, and the namespace goes by itself after that.

No error of one object or list ends a reset. Webhooks and policies that refuse a deletion are other
people's and are never removed here: what they hold is named with them, and the rest goes. Each
object has a limit, all together ``REMOVE_SECONDS``, and the last look ``LOOK_SECONDS``: three
minutes. What is still there is decided by that last look.

Finding is ``reset_plan``, what lies inside ``reset_contents``, removing ``reset_removal``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from labgrader.errors import LabError
from labgrader.kube.obstacles import Obstacle, Obstacles
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import NAMESPACE, RESET_AT, dig
from labgrader.kube.waiting import Deadline, wait_until
from labgrader.lab_state.reset_contents import Contents, Held
from labgrader.lab_state.reset_conversion import Conversion
from labgrader.lab_state.reset_left import cause_of_staying, lines_of
from labgrader.lab_state.reset_plan import Doomed, Survey, Surveyor, Unread, entries
from labgrader.lab_state.reset_removal import Remover

GRACE_SECONDS = 10.0
"""How long an object may take to go by itself before its finalizers are taken off."""

REMOVE_SECONDS = 150.0
"""How long removing may take in all; what was not tried by then is said."""


@dataclass(slots=True)
class Residue:
    """What a reset did not remove, and why: one line each.

    Args:
        unknown: objects that are not the lab's, and hold a namespace or a definition.
        stuck: objects of the lab's that are still there, with the cause and what helps.
        unread: what could not be read, so that it is not known whether it is there.
        strays: objects of the lab's kinds and names in other namespaces; never removed.
    """

    unknown: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    strays: list[Doomed] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Everything because of which something is left."""
        return [*self.stuck, *self.unread, *self.unknown]

    def __bool__(self) -> bool:
        """Whether something of the lab is left where the lab puts it, or may be."""
        return bool(self.unknown or self.stuck or self.unread)


class Reset:
    """A reset of the lab's objects on one cluster.

    Args:
        root: the content folder.
        told: gets one line for everything that is done.
        tasks: only what these tasks were the first to make; everything where absent.
        limit: seconds that removing may take in all.
    """

    def __init__(
        self,
        cluster: Cluster,
        root: Path,
        told: Callable[[str], None],
        *,
        grace_seconds: float = GRACE_SECONDS,
        tasks: Collection[str] | None = None,
        limit: float = REMOVE_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._root = root
        self._told = told
        self._grace = grace_seconds
        self._limit = limit
        self._surveyor = Surveyor(cluster, root, tasks)
        self._obstacles = Obstacles(cluster)
        self._contents = Contents(cluster, self._obstacles)

    def survey(self) -> Survey:
        """Return what is there and would be removed, in order, and what cannot be read.

        Raises:
            LabError: nothing can be read.
        """
        return self._surveyor.look().demand_answer()

    def plan(self) -> list[Doomed]:
        """Return what is there and would be removed.

        Raises:
            LabError: something cannot be read, and nothing is found.
        """
        found = self.survey()
        if found.unread and not found.doomed:
            raise found.unread[0].error
        return found.doomed

    def held(self, plan: list[Doomed]) -> dict[Doomed, Held]:
        """Return the namespaces and definitions that are kept, and because of what."""
        return self._contents.held(plan)

    def strays(self) -> list[Doomed]:
        """Return objects of the lab's kinds and names in namespaces that are not the lab's."""
        return self._surveyor.strays()

    def unread(self, survey: Survey) -> list[str]:
        """Return what cannot be read, with the cause: one line each."""
        return lines_of(survey.unread, self._obstacles)

    def run(self, *, include_unknown: bool = False, survey: Survey | None = None) -> Residue:
        """Remove everything that is planned; may be run again at any point.

        Args:
            survey: what was found a moment ago, where that is known.

        Raises:
            LabError: nothing can be read.
        """
        deadline = Deadline(self._limit)
        survey = survey or self.survey()
        conversion = self._conversion(survey)
        if self._unconvert(conversion, survey.unread):
            survey = self.survey()
        held: dict[Doomed, Held] = {} if include_unknown else self.held(survey.doomed)
        if self._unconvert(conversion, [one for why in held.values() for one in why.unread]):
            held = self.held(survey.doomed)
        conversion.keep({doomed.name for doomed in held})
        for doomed, why in held.items():
            self._told(f"kept {doomed}: {self._reason(why)}")
        remover = Remover(
            *(self._cluster, self._told, self._grace, deadline),
            *(self._obstacles, self._contents, conversion.off),
        )
        self._remove(remover, [doomed for doomed in survey.doomed if doomed not in held])
        self._begin_anew()
        return self._left(remover, held)

    def _conversion(self, survey: Survey) -> Conversion:
        going = {one.name for one in survey.doomed if one.resource.kind == _DEFINITION}
        return Conversion(self._cluster, self._told, self._obstacles, going)

    @staticmethod
    def _unconvert(conversion: Conversion, unread: list[Unread]) -> bool:
        """Switch off conversion webhooks because of which something cannot be read."""
        off = [one.resource for one in unread if one.resource and conversion.off(one.resource)]
        return bool(off)

    @staticmethod
    def _remove(remover: Remover, doomed: list[Doomed]) -> None:
        for _, group in groupby(doomed, key=lambda one: one.resource):
            remover.remove_all(list(group))

    def _reason(self, held: Held) -> str:
        if held.strangers:
            return "it holds objects that the lab does not know"
        return f"not all of its contents can be read: {lines_of(held.unread, self._obstacles)[0]}"

    def _begin_anew(self) -> None:
        """Note on a namespace that stays that what was done before now does not count any more."""
        for entry in entries(self._root):
            if entry["kind"] != "Namespace":
                continue
            try:
                found = self._cluster.get(NAMESPACE, entry["name"])
                if found and not dig(found, "metadata.deletionTimestamp"):
                    begin_anew(self._cluster, entry["name"])
            except LabError as error:
                why = self._obstacles.of(error, NAMESPACE)
                self._told(
                    f"Namespace {entry['name']} cannot be annotated, so what was done in it before"
                    f" this reset still counts: {why}"
                )

    def _left(self, remover: Remover, held: Mapping[Doomed, Held]) -> Residue:
        """Look again, remove what came up in between, and return what is left."""
        survey = self._surveyor.look()
        kept = {doomed.uid: why for doomed, why in held.items()}
        new = [one for one in survey.doomed if one.uid not in kept | dict.fromkeys(remover.tried)]
        if new:
            self._remove(remover, new)
            survey = self._surveyor.look()
        residue = Residue(
            unknown=sorted({one for why in held.values() for one in why.strangers}),
            unread=lines_of(survey.unread, self._obstacles),
            strays=self.strays() if survey.answered else [],
        )
        for doomed in survey.doomed:
            if doomed.uid not in kept:
                cause = remover.causes.get(doomed.uid) or cause_of_staying(
                    self._cluster, doomed, self._obstacles
                )
                residue.stuck.append(f"{doomed}: {cause}" if cause else str(doomed))
            elif kept[doomed.uid].unread:
                because = "; ".join(lines_of(kept[doomed.uid].unread, self._obstacles))
                hint = "Remove it all the same with `labgrader reset --include-unknown`"
                obstacle = Obstacle(f"not all of its contents can be read: {because}", hint)
                residue.stuck.append(f"{doomed}: {obstacle}")
        return residue


_DEFINITION = "CustomResourceDefinition"


def begin_anew(cluster: Cluster, namespace: str) -> None:
    """Note on a namespace that what was done in it before now does not count any more."""
    now = _now(cluster).isoformat(timespec="milliseconds")
    cluster.patch(NAMESPACE, namespace, {"metadata": {"annotations": {RESET_AT: now}}})


def _now(cluster: Cluster) -> datetime:
    """Return the time by the API server's clock, which also dates what is on its record.

    It is known to the second only. This machine's clock is finer, and is used where both agree;
    otherwise the second that has begun is waited out, so that nothing before now is after it.
    """
    told = cluster.time()
    here = datetime.now(UTC)
    if told <= here < told + timedelta(seconds=2):
        return here
    end = told + timedelta(seconds=1)
    wait_until(lambda: cluster.time() >= end, 2.0)
    return end
