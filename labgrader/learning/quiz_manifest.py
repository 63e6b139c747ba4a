"""Judges a manifest as quiz answer, by a dry run on the API server; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labgrader.errors import ClusterError, LabError, Rejected
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.model.quiz import Look, Mark, Marked, Question, Sign
from labgrader.util.bounded_yaml import NotReadable, stored_yaml

_NOT_FOUND, _TAKEN, _INVALID = 404, 409, 422


def judge_manifest(question: Question, text: str, cluster: Cluster) -> Marked:
    """Send the manifest as a creation in a dry run, and look at what comes back.

    What the cluster cannot say (no such kind, a name that is taken, no rights) is ``unjudged``.
    """
    try:
        sent = stored_yaml(text)
    except NotReadable as error:
        return Marked(Mark.WRONG, f"This is no YAML: {error}")
    wanted = stored_yaml(question.solution)
    named = ("apiVersion", "kind", "metadata.name")
    if not isinstance(sent, dict) or not all(isinstance(dig(sent, at), str) for at in named):
        return Marked(Mark.WRONG, f"A manifest has {', '.join(named)}")
    if [sent["apiVersion"], sent["kind"]] != [wanted["apiVersion"], wanted["kind"]]:
        asked = f"{wanted['kind']} ({wanted['apiVersion']})"
        return Marked(Mark.WRONG, f"This is a {sent['kind']}, and a {asked} is asked for")
    try:
        returned = _create(sent, cluster)
    except Rejected as error:
        if error.status in (_NOT_FOUND, _TAKEN):
            return Marked(Mark.UNJUDGED, f"The cluster cannot try it: {error.message}")
        return Marked(Mark.WRONG, f"The API server refuses it: {error.message}")
    except ClusterError as error:
        return Marked(Mark.UNJUDGED, str(error))
    wrong = [look.otherwise for look in question.returned if not holds(look, returned)]
    return Marked(Mark.WRONG, wrong[0]) if wrong else Marked(Mark.RIGHT)


def holds(look: Look, found: Mapping[str, Any]) -> bool:
    """Whether something stands at the path, and keeps the schema."""
    from jsonschema import Draft202012Validator

    value = dig(found, look.at)
    return value is not None and Draft202012Validator(look.schema).is_valid(value)


def fits(sign: Sign, answer: Object | LabError) -> bool:
    """Whether an answer of the API server (an object, or a refusal) looks as the sign says."""
    if isinstance(answer, LabError):
        told = sign.says.lower() in answer.message.lower()
        status = answer.status if isinstance(answer, Rejected) else None
        return not sign.accepted and told and sign.status in (None, status)
    if sign.look is not None and not holds(sign.look, answer):
        return False
    return sign.accepted and not (sign.absent and dig(answer, sign.absent) is not None)


def _create(sent: Object, cluster: Cluster) -> Object:
    resource = RestMapper(cluster).find(sent["apiVersion"], sent["kind"])
    if resource is None:
        kind = f"{sent['kind']} in {sent['apiVersion']}"
        raise Rejected(f"it serves no kind {kind}", status=_NOT_FOUND)
    named = str(dig(sent, "metadata.namespace", "default"))
    if not named.replace("-", "").isalnum():  # it becomes a part of the address
        raise Rejected(f"{named!r} is no name of a namespace", status=_INVALID)
    return cluster.create(resource, sent, named if resource.namespaced else None, dry_run=True)
