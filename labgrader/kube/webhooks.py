"""Finds the webhook behind a request that failed or timed out, and how to get past it.

The API server names an admission webhook, but not the configuration that would have to be changed;
and of one that is slow it says nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from labgrader.errors import ClusterError, LabError, TimedOut, WebhookFailed
from labgrader.kube.obstacles import WEBHOOK_CONFIGURATIONS, deletion, no_conversion
from labgrader.kube.resources import CRD, Object, Resource, dig, name_of

Read = Callable[[Resource, str | None], Sequence[Object]]
"""Reads objects of a cluster-scoped resource: the one of that name, or all."""

_DEFAULT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook, and the command that removes it."""

    name: str
    of: str
    seconds: int
    remove: str


def explained(error: ClusterError, resource: Resource | None, read: Read) -> ClusterError:
    """Return the error with the webhook that is behind it; as it is where none is."""
    try:
        if isinstance(error, WebhookFailed):
            return _failed(error, read)
        if type(error) is TimedOut and resource is not None:
            return _slow(error, resource, read)
    except LabError:  # what may not be read does not help
        pass
    return error


def _failed(error: WebhookFailed, read: Read) -> ClusterError:
    for hook, rules in _all(read):
        if hook.name == error.name:
            return WebhookFailed(
                error.name,
                f"{hook.of} stops this request: {error.message}",
                f"Make the webhook answer, or remove it: {hook.remove}",
                tuple(group for rule in rules for group in rule.get("apiGroups") or ()),
            )
    return error


def _slow(error: TimedOut, resource: Resource, read: Read) -> ClusterError:
    hooks = [hook for hook, rules in _all(read) if any(_concerns(one, resource) for one in rules)]
    hooks += _conversions(resource, read)
    if not hooks:
        return error
    slowest = max(hooks, key=lambda hook: hook.seconds)
    return TimedOut(
        f"{error.message}, but answers other requests: {slowest.of} calls the webhook"
        f" {slowest.name} first, which may take {slowest.seconds} s",
        f"Make the webhook answer quickly, or remove it: {slowest.remove}",
    )


def _all(read: Read) -> Iterator[tuple[Hook, list[Object]]]:
    for kind in WEBHOOK_CONFIGURATIONS:
        for configuration in read(kind, None):
            name = name_of(configuration)
            for one in dig(configuration, "webhooks", []):
                seconds = int(one.get("timeoutSeconds") or _DEFAULT_SECONDS)
                remove = deletion(kind, name)
                hook = Hook(str(one.get("name")), kind.describe(name), seconds, remove)
                yield hook, list(one.get("rules") or ())


def _concerns(rule: Object, resource: Resource) -> bool:
    groups, plurals = rule.get("apiGroups") or (), rule.get("resources") or ()
    named = {resource.plural, "*", "*/*", f"{resource.plural}/*", f"{resource.plural}/status"}
    return bool({resource.group, "*"} & set(groups) and named & set(plurals))


def _conversions(resource: Resource, read: Read) -> Iterator[Hook]:
    if "." not in resource.group:
        return
    name = f"{resource.plural}.{resource.group}"
    try:
        definitions = read(CRD, name)
    except LabError:  # Kubernetes' own groups with a dot have none
        return
    for definition in definitions:
        if dig(definition, "spec.conversion.strategy") == "Webhook":
            yield Hook("for conversion", CRD.describe(name), 30, no_conversion(name))
