"""Images that come later: by an update, or in an ephemeral container."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

from labgrader.api import POD, Context, Fact, Object, TemporaryObject, check, dig, grouped
from labgrader.toolkit.admission import Verdict, admit_update

from ._shared.images import Images
from ._shared.pods import container

GATE = {"name": "labgrader.dev/probe"}


@check(capabilities=("writes",))
def image_updates(
    ctx: Context, namespace: str, admits: str, other: str, foreign: str, rules: Mapping[str, str]
) -> Iterator[Fact]:
    """Creates a Pod that is never scheduled, and asks by dry runs how its images may change.

    An image of a running Pod can be replaced, and `kubectl debug` adds an ephemeral container,
    which is an update of the subresource `pods/ephemeralcontainers`: a rule about `pods` does not
    match it. The Pod has a scheduling gate, so it runs nowhere, and is removed at once.
    """
    images = Images(ctx, namespace, rules)
    body = images.pod(admits)
    body["spec"]["schedulingGates"] = [GATE]
    with ctx.temporary_object(POD) as probe:
        name = probe.create(body)
        asked = _Updates(probe, name, probe.read(name) or body)
        kinds = {
            "An update of a Pod": (POD.plural, asked.image),
            "An ephemeral container": (f"{POD.plural}/ephemeralcontainers", asked.ephemeral),
        }
        for what, (resource, ask) in kinds.items():
            request = images.request(resource, "UPDATE")
            fine = images.admitted(other, ask(other), what)
            wrong = images.judged(next(iter(rules), ""), foreign, ask(foreign), request, what)
            yield from grouped(what, [fine, wrong])


class _Updates:
    """Dry runs of updates of one Pod."""

    def __init__(self, probe: TemporaryObject, name: str, pod: Object) -> None:
        self._probe = probe
        self._name = name
        self._pod = pod

    def image(self, image: str) -> Verdict:
        """Ask whether the image of the container may be replaced."""
        containers = copy.deepcopy(dig(self._pod, "spec.containers", []))
        for one in containers:
            one["image"] = image
        return self._ask({"spec": {"containers": containers}}, "")

    def ephemeral(self, image: str) -> Verdict:
        """Ask whether an ephemeral container may be added."""
        added = container("probe-debug", image, {})
        del added["resources"]
        return self._ask({"spec": {"ephemeralContainers": [added]}}, "ephemeralcontainers")

    def _ask(self, patch: Mapping[str, object], subresource: str) -> Verdict:
        return admit_update(self._probe, self._name, patch, subresource=subresource)
