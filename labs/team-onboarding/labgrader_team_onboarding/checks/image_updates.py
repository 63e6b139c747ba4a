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
    rule = next(iter(rules), "")
    body = images.pod(admits)
    body["spec"]["schedulingGates"] = [GATE]
    with ctx.temporary_object(POD) as probe:
        name = probe.create(body)
        pod = probe.read(name) or body
        asked = _Updates(probe, name, pod)
        yield from grouped(
            "Updates of containers",
            [
                images.admitted(other, asked.image(other), "An update of a Pod"),
                images.judged(
                    rule,
                    foreign,
                    asked.image(foreign),
                    images.request("pods", "UPDATE"),
                    "An update of a Pod",
                ),
            ],
        )
        debug = images.request("pods/ephemeralcontainers", "UPDATE")
        yield from grouped(
            "Ephemeral containers",
            [
                images.admitted(other, asked.ephemeral(other), "An ephemeral container"),
                images.judged(
                    rule, foreign, asked.ephemeral(foreign), debug, "An ephemeral container"
                ),
            ],
        )


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
