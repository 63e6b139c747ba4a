"""Validates flags and patches of kubectl commands that change something. Pure.

kubectl itself knows best, and is asked by a call that changes nothing: with ``--help`` it reads all
flags and runs nothing, with ``--dry-run=client`` it reads and sends nothing. Starting it takes a
tenth of a second, so calls whose flags stand in a table here are not asked about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from labgrader.util.bounded_yaml import NotReadable, stored_yaml

HELP, DRY = "--help", "--dry-run=client"

_ANYWHERE = {"-n", "--namespace", "-o", "--output", "--request-timeout", "--dry-run"}
_CHOOSING = {"-l", "--selector", "--all", "--field-selector"}
_KNOWN: Mapping[str, set[str]] = {
    "patch": {"-p", "--patch", "--type", "--subresource", "--patch-file", "-f", "--filename"},
    "rollout": {"-l", "--selector", "--to-revision", "--revision", "--timeout", "-w", "--watch"},
    "scale": {"--replicas", "--current-replicas", "--timeout", *_CHOOSING} - {"--field-selector"},
    "delete": {
        *("--force", "--grace-period", "--now", "--wait", "--ignore-not-found", "--cascade"),
        *("--timeout", "-f", "--filename", "-R", *_CHOOSING),
    },
    "edit": {"-f", "--filename"},
    "exec": {"-c", "--container", "-i", "-t", "--stdin", "--tty"},
    "port-forward": {"--address"},
    "wait": {"--for", "--timeout", *_CHOOSING, "-f", "--filename"},
    "apply": {"-f", "--filename", "-k", "--kustomize", "-R", "--server-side", "--force-conflicts"},
    "replace": {"-f", "--filename", "--force"},
    "cordon": {"-l", "--selector"},
    "uncordon": {"-l", "--selector"},
    "cp": {"-c", "--container"},
    "logs": {
        *("-c", "--container", "-f", "--follow", "--tail", "--since", "--since-time", "-p"),
        *("--previous", "--all-containers", "--prefix", "--timestamps", "-l", "--selector"),
        *("--max-log-requests", "--limit-bytes"),
    },
    "top": {
        *("--containers", "--sort-by", "-l", "--selector", "-A", "--all-namespaces", "--sum"),
        *("--no-headers", "--field-selector"),
    },
    **{verb: set() for verb in ("attach", "debug", "drain", "run", "set", "label", "annotate")},
    **{verb: set() for verb in ("expose", "autoscale", "create", "taint")},
}
"""Flags of the verbs that kubectl may be asked about; others are not asked about at all."""

_TRIED = {"label", "annotate", "set", "expose", "autoscale", "create"}
"""What only kubectl itself can judge, and can judge without changing anything."""

_CREATED = {
    *("configmap", "cm", "secret", "job", "cronjob", "cj", "deployment", "deploy", "namespace"),
    *("ns", "service", "svc", "role", "rolebinding", "clusterrole", "clusterrolebinding"),
    *("ingress", "ing"),
    *("serviceaccount", "sa", "quota", "priorityclass", "poddisruptionbudget", "pdb"),
}
"""What `create` makes without a file. Another word could be the name of a program (a plugin)."""

_READS_FILES = ("--from-file", "--from-env-file", "--cert", "--key", "-f", "--filename")
_VERBS_OF_JSON = {"add", "remove", "replace", "move", "copy", "test"}
_TYPES = ("strategic", "merge", "json")


def needed_proof(positional: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """Return arguments by which kubectl tells whether it takes a call; empty where that is plain.

    Args:
        positional: the words of the call that are no flags.
        words: all of them, short flags parted.
    """
    verb = positional[0]
    own = list(words[: words.index("--")] if "--" in words else words)
    names = {word.partition("=")[0] for word in own if word.startswith("-") and word != "-"}
    if verb not in _KNOWN or (verb == "create" and set(positional[1:2]) - _CREATED):
        return ()
    tries = verb in _TRIED and not any(name in _READS_FILES for name in names)
    if tries and not (verb == "set" and positional[1:2] == ["last-applied"]):
        return (*own, DRY)
    strategic = verb == "patch" and patch_type(own) == "strategic"
    if strategic and not names & {"--patch-file", "-f", "--filename"}:
        return (*own, DRY)
    return (*own, HELP) if names - _ANYWHERE - _KNOWN[verb] else ()


def _value(words: Sequence[str], *flags: str) -> str | None:
    """Return the value of a flag; None where it is not given, or has none."""
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in flags:
            return value if equals else next(iter(words[at + 1 : at + 2]), None)
    return None


def patch_type(words: Sequence[str]) -> str:
    """Return the type of a patch."""
    return _value(words, "--type") or "strategic"


_SECOND_WORDS: Mapping[str, set[str]] = {
    "rollout": {"history", "pause", "restart", "resume", "status", "undo"},
    "set": {"env", "image", "resources", "selector", "serviceaccount", "sa", "subject"},
    "top": {"node", "nodes", "no", "pod", "pods", "po"},
}
_ROLLED_OUT = {
    *("deployment", "deployments", "deploy", "daemonset", "daemonsets", "ds"),
    *("statefulset", "statefulsets", "sts"),
}


def _of_form(positional: Sequence[str], words: Sequence[str]) -> str:
    """Say what a call lacks that its command cannot do without."""
    verb, second = positional[0], " ".join(positional[1:2])
    if second not in _SECOND_WORDS.get(verb, {second}):
        return f"`kubectl {verb}` has no command `{second}`" if second else f"`{verb}` of what?"
    kind = " ".join(positional[2:3]).partition("/")[0].partition(".")[0].lower()
    if verb == "rollout" and kind and kind not in _ROLLED_OUT and "/" in " ".join(positional[2:3]):
        return f"`rollout {second}` is for Deployments, not for {kind}"
    if verb == "exec" and "--" not in words:
        return "`exec` needs -- and a command after it"
    if verb == "port-forward" and len(positional) < 3:
        return "`port-forward` needs a port"
    return ""


def fault(positional: Sequence[str], words: Sequence[str]) -> str:
    """Say what is wrong with a call by itself, whatever the cluster is; empty where nothing is."""
    verb = positional[0]
    lacking = _of_form(positional, words)
    if lacking:
        return lacking
    if verb == "scale":
        replicas = _value(words, "--replicas")
        if replicas is None or not re.fullmatch(r"\d+", replicas):
            return "`scale` needs --replicas with a number"
    if verb == "wait" and _value(words, "--for") is None:
        return "`wait` needs --for"
    names = {word.partition("=")[0] for word in words}
    if verb == "patch" and not names & {"--patch-file"}:
        return _of_patch(words)
    return ""


def _of_patch(words: Sequence[str]) -> str:
    """Say what is wrong with a patch; kubectl takes YAML as well as JSON."""
    kind, text = patch_type(words), _value(words, "-p", "--patch")
    if kind not in _TYPES:
        return f"--type={kind[:40]} is not one of {', '.join(_TYPES)}"
    if not text:
        return "`patch` needs -p with the patch"
    try:
        patch = json.loads(text)
    except (ValueError, RecursionError):
        try:
            patch = stored_yaml(text)
        except NotReadable as error:
            return f"the patch is not valid JSON or YAML ({str(error)[:120]})"
    if kind != "json":
        return "" if isinstance(patch, Mapping) else "the patch is not a JSON object"
    if not isinstance(patch, list):
        return "a patch of --type=json is a list of operations"
    return next((why for one in patch if (why := _of_operation(one))), "")


def _of_operation(one: object) -> str:
    if not isinstance(one, Mapping) or one.get("op") not in _VERBS_OF_JSON:
        return f"an operation of the patch has no op of {', '.join(sorted(_VERBS_OF_JSON))}"
    path = one.get("path")
    if not isinstance(path, str) or (path and not path.startswith("/")):
        return "an operation of the patch has no path that begins with /"
    if one["op"] in ("add", "replace", "test") and "value" not in one:
        return f"the operation {one['op']} {path[:80]} of the patch has no value"
    return ""
