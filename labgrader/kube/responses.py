"""Classifies HTTP responses: answers of an API server, refusals, and everything else.

Between labgrader and the API server there may be gateways and proxies, which answer with pages,
empty objects and statuses of their own. An object is an object of its kind and name, a list has
``items``, "not found" and every refusal is a ``Status``. All else is ``Unreachable``. See
docs/adr/0022-responses.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from labgrader.errors import (
    Forbidden,
    LabError,
    QuotaExceeded,
    Rejected,
    TimedOut,
    Unreachable,
    WebhookFailed,
)
from labgrader.kube.resources import Object, Resource, dig, name_of

LOOK = "Look at it with `labgrader cluster status`; start the lab's own with `labgrader cluster up`"
IN_BETWEEN = "Is the server's address right, and is there a gateway or proxy that answers for it?"

_RBAC = re.compile(r'^(\S+( "[^"]*")? is )?forbidden: User ".*" cannot \S+ (resource|path) "')
"""What the authorizer says. Admission says "forbidden" as well, and may quote anything."""

_QUOTA = re.compile(r'^\S+ "[^"]*" is forbidden: (exceeded|failed) quota: (?P<name>[^,:]+)')
_LIMIT_RANGE = re.compile(
    r'^\S+ "[^"]*" is forbidden: \[?((minimum|maximum) \S+ usage per|\S+ max limit to request)'
)
_WEBHOOK = re.compile(r'failed calling webhook "(?P<name>[^"]+)"')
_CONVERSION = re.compile(r"conversion webhook for (?P<name>\S+?),? ")

_EVENTS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")


@dataclass(frozen=True, slots=True)
class Response:
    """One response, read to its end.

    Args:
        request: method and path, for messages.
        marked: whether it repeats the request's ``Audit-ID``, as every API server does and a page
            of a gateway does not.
    """

    request: str
    status: int
    data: bytes
    content_type: str = ""
    date: str = ""
    marked: bool = False

    @property
    def shown(self) -> str:
        """What came, in a few words."""
        failure = failure_of(self)
        if failure:
            return f"{self.status} and a Status of reason {failure.get('reason') or 'none'}"
        if not self.data.strip():
            return f"{self.status} and nothing else"
        kind = self.content_type.partition(";")[0] or "an unknown content type"
        text = " ".join(self.data[:120].decode("utf-8", "replace").split())
        return f"{self.status} with {kind}: {''.join(c for c in text if c.isprintable())[:80]}"


def unexpected(response: Response, instead: str) -> Unreachable:
    """Return the error for a response that no API server gives, and say what came."""
    plain = b"HTTP request to an HTTPS server" in response.data
    return Unreachable(
        f"{response.request} was answered with {response.shown}, which is not {instead}",
        "The server speaks TLS: its address begins with https://" if plain else IN_BETWEEN,
    )


def parsed(response: Response) -> object:
    """Return the JSON value; None where it is not JSON, or nested too deeply to be read."""
    try:
        return json.loads(response.data)
    except (ValueError, RecursionError):
        return None


def failure_of(response: Response) -> Object:
    """Return the ``Status`` of a refusal; empty where the response is something else."""
    if response.status < 400:
        return {}
    body = parsed(response)
    if not isinstance(body, dict) or (body.get("kind"), body.get("apiVersion")) != ("Status", "v1"):
        return {}
    agrees = body.get("code", response.status) == response.status
    return body if agrees and body.get("status", "Failure") == "Failure" else {}


def is_not_found(response: Response) -> bool:
    """Whether an API server says that an object is not there."""
    return response.status == 404 and failure_of(response).get("reason") == "NotFound"


def document(response: Response, kind: str) -> Object:
    """Return a JSON object of ``kind``."""
    body = parsed(response)
    if not 200 <= response.status < 300 or not isinstance(body, dict) or body.get("kind") != kind:
        raise unexpected(response, f"a {kind}")
    return body


def object_of(
    response: Response, resource: Resource, name: str = "", *, kind: str | None = None
) -> Object:
    """Return an object of a resource.

    Args:
        name: the one that was asked for; empty where the server chooses it.
        kind: where it differs from the resource's, as a subresource's may.
    """
    found = parsed(response)
    if (
        200 <= response.status < 300
        and isinstance(found, dict)
        and _is_kind(found, resource, kind)
        and (kind or found.get("apiVersion") == resource.api_version)
        and isinstance(found.get("metadata", {}), dict)
        and name in ("", name_of(found))
    ):
        return found
    raise unexpected(response, f"a {kind or resource.kind} {name}".rstrip())


def _is_kind(found: Object, resource: Resource, kind: str | None) -> bool:
    """Whether an object is of the resource's kind; a custom one may have been given another."""
    custom = "." in resource.group and not resource.group.endswith(".k8s.io")
    told = found.get("kind")
    if custom and kind is None:
        return isinstance(told, str) and told not in ("", "Status")
    return told == (kind or resource.kind)


def review_of(response: Response, resource: Resource) -> Object:
    """Return an answered review: an access review says whether it is allowed."""
    found = object_of(response, resource)
    told = found.get("status")
    access = resource.kind.endswith("AccessReview")
    if not isinstance(told, dict) or (access and not isinstance(told.get("allowed"), bool)):
        raise unexpected(response, f"an answered {resource.kind}")
    return found


def list_of(response: Response, resource: Resource) -> Object:
    """Return a list of a resource; its kind may be any, as definitions choose it."""
    found = parsed(response)
    right = (
        200 <= response.status < 300
        and isinstance(found, dict)
        and found.get("apiVersion") == resource.api_version
        and str(found.get("kind") or "Status") != "Status"
        and isinstance(found.get("metadata"), dict)
        and "items" in found
    )
    items = (found.get("items") or []) if isinstance(found, dict) else None
    if not right or not isinstance(items, list) or not all(_has_name(one) for one in items):
        raise unexpected(response, f"a list of {resource.plural}")
    return {**found, "items": items}  # type: ignore[dict-item]


def _has_name(item: object) -> bool:
    return isinstance(item, dict) and isinstance(dig(item, "metadata.name"), str)


def watch_event(response: Response) -> Object:
    """Return one event of a watch: a type, and an object with a kind."""
    event = parsed(response)
    if (
        isinstance(event, dict)
        and event.get("type") in _EVENTS
        and isinstance(dig(event, "object.kind"), str)
    ):
        return event
    raise unexpected(response, "a watch event")


def deleted(response: Response, resource: Resource, name: str) -> None:
    """Raise where a deletion was not confirmed: by a ``Status``, or by the object that waits."""
    body = parsed(response)
    if 200 <= response.status < 300 and isinstance(body, dict):
        if body.get("kind") == "Status" and body.get("status") == "Success":
            return
        if body.get("kind") == resource.kind and name_of(body) == name:
            return
    raise unexpected(response, "a deletion")


def version_of(response: Response) -> str:
    """Return the ``gitVersion`` of an API server."""
    found = parsed(response)
    version = found.get("gitVersion") if isinstance(found, dict) else None
    if response.status != 200 or not isinstance(version, str):
        raise unexpected(response, "the version of an API server")
    return version


def refusal(response: Response) -> LabError:
    """Return the error for a response that is not a success.

    A ``Rejected`` is the API server's own judgement, in its own words, on one line. What another
    part of the cluster keeps from being judged, a webhook that fails or a quota, is none.
    """
    body = failure_of(response)
    if not body:
        if response.status in (429, 502, 503, 504):
            return Unreachable(f"The API server is not able to answer now: {response.shown}", LOOK)
        return unexpected(response, "an answer of a Kubernetes API server")
    message = " ".join(str(body.get("message") or "it gives no reason").split())
    status, reason = response.status, str(body.get("reason") or "")
    if status == 401:
        return Forbidden(
            "The API server does not accept these credentials (401)",
            "They may have expired: get a fresh kubeconfig",
        )
    if status == 403 and (obstacle := _forbidden(message)):
        return obstacle
    if status == 504 and reason == "Timeout":
        return TimedOut(f"The API server ran out of time: {message}", LOOK)
    if status >= 500 and (failed := _webhook(message)):
        return failed
    if status == 429 or status >= 500:
        return Unreachable(f"The API server is not able to answer now ({status}): {message}", LOOK)
    causes = dig(body, "details.causes", ())
    fields = tuple(
        str(one.get("field", ""))
        for one in (causes if isinstance(causes, list) else ())
        if isinstance(one, Mapping)
    )
    return Rejected(message, status=status, reason=reason, fields=fields)


def _forbidden(message: str) -> LabError | None:
    """Return who is in the way; None for a judgement about the object."""
    if _RBAC.match(message):
        return Forbidden(message, "Use credentials that may do this")
    quota = _QUOTA.match(message)
    if quota:
        name = quota["name"].strip()
        return QuotaExceeded(
            f"The ResourceQuota {name} has no room for what labgrader would create: {message}",
            f"Raise the ResourceQuota {name}, or remove what is not needed",
        )
    if _LIMIT_RANGE.match(message):
        return QuotaExceeded(
            f"A LimitRange does not allow what labgrader would create: {message}",
            "Look at it with kubectl get limitrange, and allow a little more",
        )
    return None


def _webhook(message: str) -> WebhookFailed | None:
    """Return which webhook failed; None where none did."""
    admission = _WEBHOOK.search(message)
    if admission:
        return WebhookFailed(
            admission["name"],
            message,
            "Make it answer, or delete its webhook configuration:"
            " kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        )
    conversion = _CONVERSION.search(message)
    if conversion:
        return WebhookFailed(
            conversion["name"],
            message,
            "Make the conversion webhook answer, or set spec.conversion.strategy of its"
            " CustomResourceDefinition to None",
        )
    return None
