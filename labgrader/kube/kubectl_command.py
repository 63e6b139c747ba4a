"""Parses a kubectl command line: whether it only reads, and which objects it is about. Pure.

Nothing but reads is ever run. Of what changes something, the object it names is looked up instead;
whether kubectl would take it at all, ``kubectl_flags`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from labgrader.kube.kubectl_flags import HELP, fault, needed_proof

_READS = {
    *("get", "describe", "logs", "log", "top", "explain", "events"),
    *("api-resources", "api-versions", "version", "cluster-info"),
}
_READ_PAIRS = {
    ("auth", "can-i"),
    ("auth", "whoami"),
    ("rollout", "status"),
    ("rollout", "history"),
}
_SCALED = {
    *("deployment", "deployments", "deploy", "replicaset", "replicasets", "rs"),
    *("statefulset", "statefulsets", "sts"),
}
_OF_PODS = {"logs", "log", "exec", "attach", "port-forward", "debug"}
_OF_NODES = {"cordon", "uncordon", "drain"}
_OF_ANY = {
    *("delete", "patch", "scale", "annotate", "label", "edit", "wait", "expose", "autoscale"),
    *_OF_PODS,
    *_OF_NODES,
}
_PAIRS = {"rollout", "set", "top", "auth"}
"""Commands whose first word says little without the second."""

_WITHOUT_TARGET = {
    *("apply", "create", "replace", "run", "config", "cp", "taint", "kustomize", "proxy"),
    *("diff", "completion", "plugin", "certificate", "alpha", "options", "auth", "help"),
}

_WITH_VALUE = {
    *("-n", "--namespace", "-l", "--selector", "-o", "--output", "-p", "--patch", "--type"),
    *("-c", "--container", "--replicas", "--timeout", "--tail", "--since", "--since-time"),
    *("-f", "--filename", "--sort-by", "--field-selector", "--grace-period", "--for", "--as"),
    *("--as-group", "--subresource", "--patch-file", "--limit-bytes", "--request-timeout"),
    *("--context", "--kubeconfig", "--cluster", "--user", "-s", "--server", "--token", "-k"),
    *("--chunk-size", "--current-replicas", "--image", "--revision", "--to-revision", "-v"),
    *("--raw", "-L", "--label-columns", "--max", "--min", "--cpu-percent", "--port", "--name"),
    *("--api-group", "--address", "--target", "--template", "--types", "--max-log-requests"),
    *("--pod-running-timeout", "--resource-version", "--dry-run", "--field-manager", "--verbs"),
}
_BOOLEAN_WITH_OPTIONAL = {"--dry-run"}
_ELSEWHERE = {
    *("--context", "--kubeconfig", "--cluster", "--user", "-s", "--server", "--token", "--as"),
    *("--as-group", "--as-uid", "--raw", "-k", "--kustomize", "--certificate-authority"),
    *("--client-key", "--client-certificate", "--insecure-skip-tls-verify", "--cache-dir"),
    *("--profile", "--profile-output", "--tls-server-name", "--username", "--password"),
    *("--kuberc", "--template", "--as-user-extra", "--output-directory"),
}
"""Flags by which a call leads to another cluster, another person, or a file: it is not run then."""

_BOOLEAN_LETTERS = "AwRhitq"
"""Short flags without a value, of the commands that read; in `logs` also f and p."""

_EVERYWHERE = ("-A", "--all-namespaces")
_ENDLESS = {"-w", "--watch", "--watch-only", "-v", "--v", "--vmodule"}
"""Left out where a call is run: it must end, and must not be chatty."""


class Kind(Enum):
    """What is done about a call."""

    READ = "it only reads, and is run"
    LOOKUP = "what it would change is looked up"
    LEFT = "it is left alone"
    UNKNOWN = "kubectl has no such command"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about a call.

    ``arguments`` are those to run kubectl with; ``target`` is the type and the names that it is
    about, where it names any; ``runs_in`` says that it must reach a container or its log. ``fault``
    says what is wrong with the call itself, ``proof`` are arguments by which kubectl tells whether
    it would take it, and ``named`` is the namespace that it names.
    """

    kind: Kind
    arguments: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    namespaced: bool = False
    selects: bool = False
    runs_in: bool = False
    fault: str = ""
    proof: tuple[str, ...] = ()
    named: str = ""


def plan(words: Sequence[str]) -> Plan:
    """Say what to do about a call; ``words`` come after ``kubectl``."""
    words = list(_spread(words))
    positional, flags = _sorted(words)
    if not positional:
        return Plan(Kind.LEFT)
    found = _planned(words, positional, flags)
    proof: tuple[str, ...] = ()
    why = ""
    if positional[0] not in _READS or positional[0] in ("logs", "log", "top"):
        proof, why = needed_proof(positional, words), fault(positional, words)
        if proof and _leads_away(words, flags):  # not even to try it without a change
            proof = (*proof[:-1], HELP)
    return replace(found, proof=proof, fault=why, named=_namespace(words))


def _leads_away(words: Sequence[str], flags: Sequence[str]) -> bool:
    """Whether a call is about another cluster or person, or reads a file of this machine."""
    names = {flag.partition("=")[0] for flag in flags}
    return bool(names & _ELSEWHERE) or any("file" in form for form in _forms(words))


def _namespace(words: Sequence[str]) -> str:
    """Return the namespace that a call names last; empty where it names none."""
    found = ""
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if word == "--":
            break
        if flag in ("-n", "--namespace"):
            found = value if equals else " ".join(words[at + 1 : at + 2])
    return found


def _planned(words: list[str], positional: list[str], flags: Sequence[str]) -> Plan:
    verb, second = positional[0], positional[1] if len(positional) > 1 else ""
    names = {flag.partition("=")[0] for flag in flags}
    given = bool(names & {"-n", "--namespace", *_EVERYWHERE})
    selects = bool(names & {"-l", "--selector", "--field-selector"})
    asks = (verb, second) == ("auth", "can-i")  # for somebody else as well: that is what it is for
    elsewhere = names & (_ELSEWHERE - ({"--as", "--as-group"} if asks else set()))
    about = tuple(positional[2:] if verb in _PAIRS else positional[1:])
    if elsewhere or _reads_file(verb, names) or any("file" in form for form in _forms(words)):
        return Plan(Kind.LEFT)
    if verb in _READS or (verb, second) in _READ_PAIRS:
        run = tuple(_ending(words, verb))
        reaches = verb in ("logs", "log", "top")
        return Plan(Kind.READ, run, _of(verb, about), given, selects, reaches)
    if verb in _OF_ANY or verb in ("rollout", "set"):
        target = _of(verb, about)
        where = tuple(_where(words))
        wanted = ("get", *target, *where, "-o", "name")
        if verb == "scale" and target and target[0].partition("/")[0] not in _SCALED:
            wanted = (*wanted, "--subresource=scale")  # what has none cannot be scaled
        return Plan(Kind.LOOKUP if target else Kind.LEFT, wanted, target, given, selects)
    return Plan(Kind.LEFT if verb in _WITHOUT_TARGET else Kind.UNKNOWN, target=(verb,))


def _spread(words: Sequence[str]) -> Iterator[str]:
    """Part short flags that are written together, and with their values, as kubectl itself does.

    `-shttp://elsewhere` leads as far away as `--server` does.
    """
    without_value = _BOOLEAN_LETTERS + ("fp" if _is_logs(words) else "")
    own = True
    for word in words:
        own = own and word != "--"
        if not own or not word.startswith("-") or word.startswith("--") or len(word) < 3:
            yield word
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            valued = letter not in without_value
            if letters.startswith("=") and not valued:  # -f=true
                yield f"-{letter}{letters}"
                break
            yield f"-{letter}"
            if valued and letters:
                yield letters.removeprefix("=")
                break


def _forms(words: Sequence[str]) -> Iterator[str]:
    """Yield the kinds of output that are asked for: some are read from a file of this machine."""
    for at, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag in ("-o", "--output"):
            yield (value or " ".join(words[at + 1 : at + 2])).partition("=")[0]


def _sorted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell positional arguments from flags; what follows ``--`` is another program's."""
    positional: list[str] = []
    flags: list[str] = []
    skip = False
    for at, word in enumerate(words):
        if word == "--":
            break
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            flags.append(word)
            skip = _takes_next(words, at)
        else:
            positional.append(word)
    return positional, flags


def _takes_next(words: Sequence[str], at: int) -> bool:
    word = words[at]
    if "=" in word or word in _BOOLEAN_WITH_OPTIONAL:
        return False
    if word == "-f" and _is_logs(words):  # there it means to follow
        return False
    return word in _WITH_VALUE


def _is_logs(words: Sequence[str]) -> bool:
    return any(word in ("logs", "log") for word in words)


def _reads_file(verb: str, names: set[str]) -> bool:
    return verb not in ("logs", "log") and bool(names & {"-f", "--filename"})


def _of(verb: str, about: Sequence[str]) -> tuple[str, ...]:
    """Return type and names, as ``kubectl get`` takes them."""
    if verb in ("auth", "explain", "api-resources", "version") or not about:
        return ()
    if verb in _OF_PODS:
        return (about[0],) if "/" in about[0] else ("pods", about[0])
    if verb in _OF_NODES:
        return ("nodes", about[0])
    if verb in ("label", "annotate", "set", "patch", "taint"):
        return tuple(word for word in about if "=" not in word and not word.endswith("-"))
    return tuple(about)


def _where(words: Sequence[str]) -> Iterator[str]:
    """Yield the flags that say where and which."""
    wanted = ("-n", "--namespace", "-l", "--selector", "--field-selector")
    for at, word in enumerate(words):
        if word in wanted and at + 1 < len(words):
            yield from (word, words[at + 1])
        elif word in _EVERYWHERE or ("=" in word and word.partition("=")[0] in wanted):
            yield word


def _ending(words: Sequence[str], verb: str) -> Iterator[str]:
    """Yield the words of a call so that it ends, and says no more than it must."""
    logs = verb in ("logs", "log")
    skip = False
    for at, word in enumerate(words):
        follows = logs and word in ("-f", "--follow", "--follow=true", "-f=true")
        if skip:
            skip = False
        elif follows or word.partition("=")[0] in _ENDLESS:
            skip = word == "-v"
        elif word == "--":
            return
        else:
            yield word
            if _takes_next(words, at) and at + 1 < len(words):
                yield words[at + 1]
                skip = True
    if logs:
        yield "--tail=1"
    if words[:2] and tuple(words[:2]) == ("rollout", "status"):
        yield "--watch=false"
