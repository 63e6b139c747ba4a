"""Obstacles to a request: webhooks, policies, dead APIs; and the command that removes each.

``kube/webhooks.py`` names the configuration of a webhook that fails. In here is what matters to
commands that write and remove: admission that denies, aggregated APIs without a backend, conversion
webhooks, immutable fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from labgrader.errors import Cause, LabError, Rejected, Unreachable, WebhookFailed
from labgrader.kube.conditions import is_true
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import ADMISSION, CRD, Object, Resource, dig, name_of

API_SERVICE = Resource(
    "apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False
)

WEBHOOK_CONFIGURATIONS, BINDING = ADMISSION[:2], ADMISSION[3]

UNCONVERTED = {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
"""A merge patch for a definition: no conversion webhook is called any more."""

_MESSAGE = 300

POLICY = re.compile(r"[Pp]olicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)'")
DENIED = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request')
_FAILED = re.compile(r'failed calling webhook "(?P<name>[^"]+)"')
_IMMUTABLE = re.compile(r"immutable|cannot change roleRef|may not change once set", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A cause, and what helps (empty where nothing general does)."""

    cause: str
    help: str = ""

    def __str__(self) -> str:
        return f"{self.cause}. {self.help}" if self.help else self.cause


class Obstacles:
    """Explains errors of one cluster; what cannot be read for that explains nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def of(self, error: LabError, resource: Resource | None = None) -> Obstacle:
        """Return what is behind an error of a request about ``resource``."""
        if isinstance(error, Rejected):
            return self.of_message(error.message) or Obstacle(short(error.message))
        if resource is not None and getattr(error, "cause", None) is not Cause.FORBIDDEN:
            found = self._of_resource(error, resource)
            if found:
                return found
        return Obstacle(short(error.message), error.next_step)

    def of_message(self, message: str) -> Obstacle | None:
        """Return the admission that a message of the API server names; None where it names none."""
        policy = POLICY.search(message)
        if policy:
            return Obstacle(
                f"the ValidatingAdmissionPolicy {policy['policy']} denies it: {short(message)}",
                f"Remove its binding: `{deletion(BINDING, policy['binding'])}`",
            )
        webhook = DENIED.search(message) or _FAILED.search(message)
        if not webhook:
            return self._converted(message)
        verb = "denies" if "denied the request" in message else "stops"
        for kind, name in self._configurations_of(webhook["name"]):
            return Obstacle(
                f"{kind.describe(name)} {verb} it: {short(message)}",
                f"Remove it: `{deletion(kind, name)}`",
            )
        return Obstacle(
            short(message),
            "Find the webhook's configuration: `kubectl get"
            " validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide`",
        )

    def dead_apis(self) -> list[Obstacle]:
        """Return every aggregated API whose backend is not available."""
        return [_dead(one) for one in self._read(API_SERVICE) if _is_dead(one)]

    def dead_api(self, api_version: str) -> Obstacle | None:
        """Return the aggregated API behind a group and version, where its backend is not there.

        Nothing of such an API can be lost with a namespace: its backend keeps its objects.
        """
        group, _, version = api_version.rpartition("/")
        services = self._read(API_SERVICE, f"{version}.{group}")
        return next((_dead(one) for one in services if _is_dead(one)), None)

    def conversion(self, resource: Resource) -> Object | None:
        """Return the definition of a custom resource that a webhook converts; None for others."""
        if "." not in resource.group or not resource.plural:
            return None
        for found in self._read(CRD, f"{resource.plural}.{resource.group}"):
            if dig(found, "spec.conversion.strategy") == "Webhook":
                return found
        return None

    def _of_resource(self, error: LabError, resource: Resource) -> Obstacle | None:
        named = isinstance(error, WebhookFailed) and _FAILED.search(error.message)
        if named or "webhookconfiguration" in error.next_step:
            return None
        if isinstance(error, Unreachable) and (dead := self.dead_api(resource.api_version)):
            return dead
        definition = self.conversion(resource)
        return _unconverted(name_of(definition), error.message) if definition else None

    def _converted(self, message: str) -> Obstacle | None:
        """Return the conversion webhook behind a message that names what could not be converted."""
        if "conversion webhook" not in message and "from the storage" not in message:
            return None
        for one in self._read(CRD):
            kind = f"{dig(one, 'spec.group')}/", f"Kind={dig(one, 'spec.names.kind')}"
            named = name_of(one) in message or all(part in message for part in kind)
            if named and dig(one, "spec.conversion.strategy") == "Webhook":
                return _unconverted(name_of(one), message)
        return None

    def _configurations_of(self, webhook: str) -> Iterator[tuple[Resource, str]]:
        for kind in WEBHOOK_CONFIGURATIONS:
            for one in self._read(kind):
                if any(hook.get("name") == webhook for hook in dig(one, "webhooks", [])):
                    yield kind, name_of(one)

    def _read(self, resource: Resource, name: str | None = None) -> list[Object]:
        """Read one object, or all; nothing where that is not possible: it explains nothing then."""
        try:
            if name is None:
                return self._cluster.list(resource, timeout=5) or []
            found = self._cluster.get(resource, name)
        except LabError:
            return []
        return [found] if found else []


def short(message: str, limit: int = _MESSAGE) -> str:
    """Cut a message of the API server, which may repeat itself for every object."""
    return message if len(message) <= limit else f"{message[:limit]}…"


def no_conversion(definition: str) -> str:
    """Return the command that switches a definition's conversion webhook off."""
    patch = json.dumps(UNCONVERTED, separators=(",", ":"))
    return f"kubectl patch crd {definition} --type=merge -p '{patch}'"


def deletion(resource: Resource, name: str, namespace: str | None = None) -> str:
    """Return the command that deletes an object."""
    kind = f"{resource.kind.lower()}.{resource.group}" if "." in resource.group else ""
    plain = resource.group.endswith(".k8s.io") or not kind
    place = f" -n {namespace}" if namespace else ""
    return f"kubectl delete {resource.kind.lower() if plain else kind} {name}{place}"


def immutable(error: LabError) -> bool:
    """Whether the API server refused a change of what cannot change once it is there."""
    return isinstance(error, Rejected) and bool(_IMMUTABLE.search(error.message))


def _unconverted(definition: str, message: str) -> Obstacle:
    return Obstacle(
        f"the conversion webhook of CustomResourceDefinition {definition} does not do its work:"
        f" {short(message)}",
        f"Make it answer, or remove it: `{no_conversion(definition)}`",
    )


def _is_dead(service: Object) -> bool:
    if not dig(service, "spec.service"):
        return False
    return not is_true(service, "Available")


def _dead(service: Object) -> Obstacle:
    name = name_of(service)
    where = dig(service, "spec.service", {})
    return Obstacle(
        f"APIService {name} has no backend that answers"
        f" (Service {where.get('namespace')}/{where.get('name')})",
        f"Bring its backend back, or remove it: `{deletion(API_SERVICE, name)}`",
    )
