"""Which admission plugin a refusal comes from, by the API server's own words."""

from __future__ import annotations

import pytest

from labgrader.errors import QuotaExceeded, Rejected, Unsettled
from labgrader.grading.dry_runs import DryRun
from labgrader.toolkit.admission import Plugin, limits_of, verdict_of

EXCEEDED = (
    'pods "x" is forbidden: exceeded quota: room, requested: pods=1,requests.cpu=1100m,'
    " used: pods=3,requests.cpu=0, limited: pods=3,requests.cpu=1"
)
UNSET = (
    'pods "x" is forbidden: failed quota: room: must specify limits.cpu for: a; requests.cpu for: a'
)
MAXIMUM = 'pods "x" is forbidden: maximum cpu usage per Container is 2, but limit is 3'
PRIVILEGED = (
    'pods "x" is forbidden: violates PodSecurity "baseline:latest": privileged (container "a"'
    " must not set securityContext.privileged=true)"
)
POLICY = (
    "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'here' denied"
    " request: only from our registry"
)


@pytest.mark.parametrize(
    ("message", "plugin", "name", "amounts"),
    [
        (EXCEEDED, Plugin.QUOTA, "room", ("pods", "requests.cpu")),
        (UNSET, Plugin.QUOTA, "room", ("limits.cpu", "requests.cpu")),
        (MAXIMUM, Plugin.LIMIT_RANGE, "", ()),
        (PRIVILEGED, Plugin.POD_SECURITY, "", ()),
        (POLICY, Plugin.POLICY, "images", ()),
        ('Pod "x" is invalid: spec.containers[0].image: Required value', Plugin.OTHER, "", ()),
    ],
)
def test_the_plugin_is_known_by_its_words(
    message: str, plugin: Plugin, name: str, amounts: tuple[str, ...]
) -> None:
    quota = plugin in (Plugin.QUOTA, Plugin.LIMIT_RANGE)
    refusal = QuotaExceeded(message) if quota else Rejected(message, status=403)
    found = verdict_of(DryRun(None, refusal, ("careful",)))
    assert (found.plugin, found.name, found.amounts) == (plugin, name, amounts)
    assert (found.message, found.warnings, found.admitted) == (message, ("careful",), False)


@pytest.mark.parametrize(
    "message",
    [
        'pods "x" is forbidden: status unknown for quota: room, resources: pods',
        'pods "x" is forbidden: error looking up service account t/default: not found',
    ],
)
def test_what_is_not_settled_is_no_judgement(message: str) -> None:
    with pytest.raises(Unsettled):
        verdict_of(DryRun(None, Rejected(message, status=403)))


def test_quotas_are_asked_last() -> None:
    by_quota = verdict_of(DryRun(None, QuotaExceeded(EXCEEDED)))
    assert by_quota.got_past(Plugin.POD_SECURITY)
    assert not by_quota.got_past(Plugin.QUOTA)
    assert verdict_of(DryRun({"kind": "Pod"})).got_past(Plugin.QUOTA)
    assert not verdict_of(DryRun(None, Rejected(POLICY, status=403))).got_past(Plugin.LIMIT_RANGE)


def test_limits_of_one_type_are_read() -> None:
    limits = [{"type": "Container", "max": {"cpu": "2"}}, {"type": "Pod", "max": {"cpu": "4"}}]
    ranges = [{"spec": {"limits": limits}}, {"spec": {}}]
    assert limits_of(ranges, "Container", "max", "cpu") == ["2"]
    assert limits_of(ranges, "Container", "min", "cpu") == []
