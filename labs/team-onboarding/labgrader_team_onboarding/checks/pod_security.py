"""Pod Security levels of a namespace, judged by Pods that it admits and refuses."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from labgrader.api import NAMESPACE, Context, Fact, Object, Unsettled, check, dig, grouped
from labgrader.toolkit.admission import LIMIT_RANGE, Plugin, Verdict, admit_pod
from labgrader.toolkit.facts import Subject

from ._shared.pods import small_pod

PREFIX = "pod-security.kubernetes.io/"
LATEST = (None, "latest")

Change = Mapping[str, Any]

_ADMIN = {"drop": ["ALL"], "add": ["SYS_ADMIN"]}

BASELINE: Mapping[str, Change] = {
    "the capability SYS_ADMIN": {"container": {"capabilities": _ADMIN}},
    "hostNetwork: true": {"pod": {"hostNetwork": True}},
    "a hostPath volume": {"pod": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}},
}
"""What the level baseline refuses, and the level restricted as well."""

RESTRICTED: Mapping[str, Change] = {
    "runAsNonRoot left out": {"security": {"runAsNonRoot": None, "runAsUser": None}},
    "allowPrivilegeEscalation left out": {"container": {"allowPrivilegeEscalation": None}},
    "capabilities not dropped": {"container": {"capabilities": None}},
    "no seccompProfile": {"security": {"seccompProfile": None}},
}
"""What the level restricted refuses and the level baseline admits."""


@check()
def pod_security(
    ctx: Context, namespace: str, image: str, enforce: str, warn: str = "", audit: str = ""
) -> Iterator[Fact]:
    """Asks by dry runs which Pods the namespace admits: Pod Security refuses Pods, nothing else.

    Each Pod that must be refused differs in one field from one that is admitted. A Deployment is
    never refused: its Pods are, later. Warnings come with the response to a dry run; what goes to
    the audit log is read from the label.
    """
    space = ctx.require(NAMESPACE, namespace, fix=f"kubectl create namespace {namespace}")
    levels = _Levels(ctx, space, namespace, image)
    yield from grouped(f"{namespace} enforces {enforce}", levels.enforced(enforce))
    told = []
    if warn:
        told.append(levels.warned(warn))
    if audit:
        told.append(levels.labeled("audit", audit))
    yield from grouped(f"{namespace} warns and audits", told)


class _Levels:
    """The levels of one namespace."""

    def __init__(self, ctx: Context, space: Object, namespace: str, image: str) -> None:
        self._ctx = ctx
        self._namespace = namespace
        self._labels: Mapping[str, str] = dig(space, "metadata.labels", {})
        self._pod = small_pod(image, ctx.list(LIMIT_RANGE, namespace))
        self._about = Subject(NAMESPACE, namespace, None)

    def enforced(self, level: str) -> Iterator[Fact]:
        """Yield a fact for each Pod that the level decides about."""
        twin = self._ask({})
        if not twin.got_past(Plugin.POD_SECURITY):
            yield self.labeled("enforce", level, because=f"; no Pod gets that far: {twin.message}")
            return
        refused = {**BASELINE, **(RESTRICTED if level == "restricted" else {})}
        for what, change in refused.items():
            yield self._refused(level, what, self._ask(change))
        if level == "baseline":
            for what, change in RESTRICTED.items():
                yield self._admitted(level, what, self._ask(change))

    def warned(self, level: str) -> Fact:
        """State whether the response to a Pod that the level refuses carries a warning."""
        verdict = self._ask(RESTRICTED["allowPrivilegeEscalation left out"])
        if not verdict.got_past(Plugin.POD_SECURITY):
            return self.labeled("warn", level)  # what is refused is not warned of
        told = " ".join(verdict.warnings)
        ok = f'violate PodSecurity "{level}' in told
        label = self._labels.get(f"{PREFIX}warn")
        if not ok and label == level and self._labels.get(f"{PREFIX}warn-version") in LATEST:
            raise Unsettled(f"The label warn of {self._namespace} does not act yet", "Check again")
        return self._about.fact(
            f"warns of what {level} refuses",
            ok,
            f"metadata.labels[{PREFIX}warn]",
            reason=f"A Pod that {level} would refuse is admitted to {self._namespace} without a"
            f" warning: {self._shown('warn')}",
            expected=f"warn: {level}",
            actual=self._shown("warn"),
            fix=self._fix("warn", level),
        )

    def labeled(self, mode: str, level: str, because: str = "") -> Fact:
        """State whether the label of a mode names the level."""
        actual = self._labels.get(f"{PREFIX}{mode}")
        return self._about.fact(
            f"{mode}: {level}",
            actual == level,
            f"metadata.labels[{PREFIX}{mode}]",
            reason=f"{self._namespace} does not {mode} {level}: {self._shown(mode)}{because}",
            expected=f"{mode}: {level}",
            actual=self._shown(mode),
            fix=self._fix(mode, level),
        )

    def _refused(self, level: str, what: str, verdict: Verdict) -> Fact:
        ok = verdict.plugin is Plugin.POD_SECURITY
        if not ok and verdict.plugin not in (None, Plugin.QUOTA):
            return self.labeled("enforce", level)  # another plugin refuses it before
        if not ok:
            self._demand_settled(level)
        return self._about.fact(
            f"refuses {what}",
            ok,
            f"metadata.labels[{PREFIX}enforce]",
            reason=f"{self._namespace} admits a Pod with {what}: {self._shown('enforce')}",
            expected=f"refused, by enforce: {level}",
            actual=f"admitted; {self._shown('enforce')}",
            fix=self._fix("enforce", level),
        )

    def _admitted(self, level: str, what: str, verdict: Verdict) -> Fact:
        ok = verdict.got_past(Plugin.POD_SECURITY)
        if not ok:
            self._demand_settled(level)
        return self._about.fact(
            f"admits {what}",
            ok,
            f"metadata.labels[{PREFIX}enforce]",
            reason=f"{self._namespace} refuses a Pod with {what}: {self._shown('enforce')} is more"
            f" than {level}",
            expected=f"admitted, by enforce: {level}",
            actual=f"refused: {verdict.message}" if verdict.message else "admitted",
            fix=self._fix("enforce", level),
        )

    def _demand_settled(self, level: str) -> None:
        """Raise where the label is right and the API server does not act on it."""
        version = self._labels.get(f"{PREFIX}enforce-version")
        if self._labels.get(f"{PREFIX}enforce") == level and version in LATEST:
            raise Unsettled(
                f"The label enforce of {self._namespace} is {level}, and the API server does not"
                " act on it",
                "Check again in a moment; the server's configuration may exempt the namespace",
            )

    def _shown(self, mode: str) -> str:
        """Return the label of a mode as it is, with the version where one is pinned."""
        level = self._labels.get(f"{PREFIX}{mode}")
        version = self._labels.get(f"{PREFIX}{mode}-version")
        if level is None:
            return f"the label {mode} is not set"
        return f"{mode}: {level}" + (f" of version {version}" if version not in LATEST else "")

    def _fix(self, mode: str, level: str) -> str:
        pinned = self._labels.get(f"{PREFIX}{mode}-version") not in LATEST
        version = f" {PREFIX}{mode}-version=latest" if pinned else ""
        return (
            f"kubectl label namespace {self._namespace} {PREFIX}{mode}={level}{version} --overwrite"
        )

    def _ask(self, change: Change) -> Verdict:
        pod = copy.deepcopy(self._pod)
        spec = pod["spec"]
        spec.update(change.get("pod", {}))
        _set(spec["securityContext"], change.get("security", {}))
        _set(spec["containers"][0]["securityContext"], change.get("container", {}))
        return admit_pod(self._ctx, pod, self._namespace)


def _set(target: Object, values: Mapping[str, Any]) -> None:
    """Set values of a mapping; None removes one."""
    for key, value in values.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
