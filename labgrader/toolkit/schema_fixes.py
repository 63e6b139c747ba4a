"""Makes commands that fix the schema of a CustomResourceDefinition. Pure.

Every function takes the definition as it is, a version, and the path of a field below ``spec`` such
as ``riskLimits.maxPositionSize``; it returns an empty string where the schema does not declare what
the command would have to change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from labgrader.kube.obstacles import BINDING, DENIED, POLICY, deletion
from labgrader.kube.resources import Object, Resource, dig, name_of

_ROOT = "schema/openAPIV3Schema/properties/spec"
_NAMED = re.compile(r"spec(?:\.([\w.]+))?")
_LOOSER = (
    ("greater than or equal to", "minimum"),
    ("less than or equal to", "maximum"),
    ("less than", "maximum"),
    ("greater than", "minimum"),
    ("should match", "pattern"),
    ("should have at least", "minItems"),
    ("should have at most", "maxItems"),
    ("at least", "minLength"),
    ("may not be longer", "maxLength"),
    ("Too long", "maxLength"),
    ("Unsupported value", "enum"),
)

Patch = list[dict[str, Any]]


def admitting(crd: Object | None, resource: Resource, said: str) -> str:
    """Return the fix for a refusal of something valid, from the API server's own words."""
    if policy := POLICY.search(said):
        return (
            f"Change the ValidatingAdmissionPolicy {policy['policy']}, or remove its binding:"
            f" `{deletion(BINDING, policy['binding'])}`"
        )
    if webhook := DENIED.search(said):
        return f"Change the webhook {webhook[1]}: it must let valid resources through"
    if "unknown field" in said:
        return "Declare the field in openAPIV3Schema: a field that the schema lacks is dropped"
    fix = _loosening(crd, resource.version, said)
    return fix or f"Loosen the limit that the message names: kubectl explain {resource.plural}.spec"


def refusing(
    crd: Object | None, resource: Resource, probe: Mapping[str, Any], defaulted: bool
) -> str:
    """Return the fix for a value that is admitted and must not be.

    Args:
        probe: ``path`` and, where the value is wrong, the ``schema`` that refuses it (at the path
            ``at``, if that is another); ``remove`` where the field is left out.
        defaulted: the field was left out, and a default was filled in.
    """
    path, version = probe["path"], resource.version
    where = f"spec.{path} in openAPIV3Schema"
    if defaulted:
        told = f"Remove the default of {where}, or of the object that holds it"
        return removing(crd, version, path, "default") or told
    if probe.get("remove"):
        told = f"Add {path.rpartition('.')[2]} to the required fields beside {where}"
        return requiring(crd, version, path) or told
    schema = probe.get("schema", {})
    command = setting(crd, version, probe.get("at", path), schema)
    return command or f"Limit {where}: {json.dumps(schema)}"


def schema_of(crd: Object | None, version: str, path: str) -> tuple[str, Object] | None:
    """Return the JSON pointer and the schema of a field; None where it is not declared."""
    versions: list[Object] = dig(crd, "spec.versions", [])
    index = next((n for n, one in enumerate(versions) if one.get("name") == version), None)
    if index is None:
        return None
    pointer = f"/spec/versions/{index}/{_ROOT}"
    found: Any = dig(versions[index], _ROOT.replace("/", "."))
    for key in filter(None, path.split(".")):
        found = found.get("properties", {}).get(key) if isinstance(found, Mapping) else None
        pointer += f"/properties/{key}"
    return (pointer, dict(found)) if isinstance(found, Mapping) else None


def setting(crd: Object | None, version: str, path: str, wanted: Mapping[str, Any]) -> str:
    """Return the command that sets keywords of a field's schema, such as ``{minimum: 1}``."""
    found = schema_of(crd, version, path)
    if found is None:
        return ""
    pointer, schema = found
    patch: Patch = []
    for key, value in wanted.items():
        if key == "x-kubernetes-validations" and schema.get(key):
            patch += [{"op": "add", "path": f"{pointer}/{key}/-", "value": one} for one in value]
        else:
            patch.append({"op": "add", "path": f"{pointer}/{key}", "value": value})
    return _command(crd, patch)


def flagging(crd: Object, version: str, flag: str) -> str:
    """Return the command that sets ``served`` or ``storage`` of a version; only one is stored."""
    names = [str(one.get("name")) for one in dig(crd, "spec.versions", [])]
    if version not in names:
        return f"Add {version} with {flag}: true to spec.versions of the CRD {name_of(crd)}"
    wanted = [name == version for name in names] if flag == "storage" else [True]
    places = range(len(names)) if flag == "storage" else [names.index(version)]
    patch: Patch = [
        {"op": "add", "path": f"/spec/versions/{place}/{flag}", "value": value}
        for place, value in zip(places, wanted, strict=True)
    ]
    return _command(crd, patch)


def removing(crd: Object | None, version: str, path: str, key: str) -> str:
    """Return the command that removes a keyword such as ``default`` from a field's schema."""
    found = schema_of(crd, version, path)
    if found is None or key not in found[1]:
        return ""
    return _command(crd, [{"op": "remove", "path": f"{found[0]}/{key}"}])


def requiring(crd: Object | None, version: str, path: str) -> str:
    """Return the command that makes a field required."""
    above, _, name = path.rpartition(".")
    found = schema_of(crd, version, above)
    if found is None:
        return ""
    pointer, schema = found
    if schema.get("required"):
        return _command(crd, [{"op": "add", "path": f"{pointer}/required/-", "value": name}])
    return _command(crd, [{"op": "add", "path": f"{pointer}/required", "value": [name]}])


def _loosening(crd: Object | None, version: str, message: str) -> str:
    """Return the fix for the API server's refusal of something valid, from its own words."""
    for named in _NAMED.finditer(message):
        path, said = named[1] or "", message[named.end() :]
        if said.startswith(": Required value"):
            return _not_requiring(crd, version, path)
        key = next((key for words, key in _LOOSER if words in said), "")
        if key:
            return f"Change {key} of spec.{path} in the schema of the CRD: it refuses a valid value"
        if said.startswith(": Invalid value") or "must be of type" in said:
            return f"Correct the type of spec.{path} in the schema of the CRD"
    return ""


def _not_requiring(crd: Object | None, version: str, path: str) -> str:
    above, _, name = path.rpartition(".")
    where = f"spec.{above}.required" if above else "spec.required"
    told = f"Remove {name} from {where}"
    found = schema_of(crd, version, above)
    listed = found[1].get("required", []) if found else []
    if found is None or name not in listed:
        return f"{told} in the schema of the CRD"
    place = f"{found[0]}/required/{listed.index(name)}"
    return f"{told}: {_command(crd, [{'op': 'remove', 'path': place}])}"


def _command(crd: Object | None, patch: Patch) -> str:
    text = json.dumps(patch).replace("'", "\\u0027")
    return f"kubectl patch crd {name_of(crd or {})} --type=json -p '{text}'"
