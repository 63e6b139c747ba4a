"""Runs the commands of a runbook: those that only read; of others the object is looked up.

They are tried as somebody types them who was just woken: without a namespace of their own, unless
the runbook says how to choose one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labgrader.errors import TimedOut
from labgrader.kube.kubectl_command import Kind, Plan, plan
from labgrader.kube.kubectl_flags import HELP
from labgrader.kube.protocols import Said
from labgrader.toolkit.runbook.parser import STANDS_FOR, Command
from labgrader.util import threads

WORKERS = 4
NOTHING = "No resources found"
_DEFAULT = "default"
_ALWAYS = ("default", "kube-system", "kube-public", "kube-node-lease")
_CHOOSES = ("config", "set-context")
_NOT_NOW = (
    *("Metrics API not available", "metrics not available"),
    *("is waiting to start", "timed out waiting for the condition"),
)
"""What kubectl says where a call is right, and what it asks for cannot be had at the moment."""


Run = Callable[[Sequence[str]], Said]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What became of a command. ``works`` None: it was not tried, and ``why`` says why not."""

    command: Command
    kind: Kind
    works: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Tries commands on one cluster.

    Args:
        run: runs kubectl with arguments that only read.
        namespace: the lab's own.
        chosen: the namespace that a command without ``-n`` means.
        containers: whether logs and figures of pods can be had here.
    """

    run: Run
    namespace: str
    chosen: str = _DEFAULT
    containers: bool = True

    def attempts(self, commands: Sequence[Command]) -> list[CommandResult]:
        """Try them all, a few at a time; in their order."""
        found: dict[int, CommandResult] = {}

        def attempt(at: int) -> None:
            found[at] = self.attempt(commands[at])

        threads.parallel_for(attempt, range(len(commands)), WORKERS)
        return [found[at] for at in range(len(commands))]

    def attempt(self, command: Command) -> CommandResult:
        """Try one command."""
        planned = plan(command.words)
        if planned.kind is Kind.UNKNOWN:
            return CommandResult(
                command, planned.kind, False, f"kubectl has no `{planned.target[0]}`"
            )
        why = command.broken or planned.fault or self._refused(planned, command)
        if why:
            return CommandResult(command, planned.kind, False, why)
        if planned.kind is Kind.LEFT or command.substitutes:
            return CommandResult(command, planned.kind, None, "it was not tried")
        if planned.runs_in and not self.containers:
            return self._without_containers(command, planned)
        arguments = self._filled(planned.arguments, planned)
        if arguments is None:
            return CommandResult(command, planned.kind, None, "there is nothing to try it on")
        return self._judge(command, planned, arguments)

    def _refused(self, planned: Plan, command: Command) -> str:
        """Say why kubectl would not take a call, or has no place for it; empty where it would.

        Nothing is changed: kubectl gets ``--help`` or ``--dry-run=client`` along with it.
        """
        named = planned.named
        if named and planned.kind is not Kind.LEFT and not self._has_namespace(named):
            return f"the namespace {named} does not exist"
        if not planned.proof or (command.substitutes and planned.proof[-1] != HELP):
            return ""
        arguments = self._filled(planned.proof, planned)
        if arguments is None:
            return ""
        if not planned.namespaced and arguments[-1] != HELP:
            arguments = [*arguments[:-1], "-n", self.chosen, arguments[-1]]
        said = self.run(arguments)
        if said.code is None:
            raise TimedOut(f"kubectl {arguments[0]} did not end in time", "Grade again")
        return _first_line(said) if said.code != 0 else ""

    def _has_namespace(self, name: str) -> bool:
        """Whether there is a namespace; one that is not known here counts as one."""
        if name in (self.namespace, *_ALWAYS) or STANDS_FOR in name or "$" in name:
            return True
        return "NotFound" not in self.run(["get", "namespace", name, "-o", "name"]).err

    def _judge(self, command: Command, planned: Plan, arguments: Sequence[str]) -> CommandResult:
        said = self._run(arguments, planned)
        late = said.code is None and planned.runs_in  # a log of pods that there are none of
        if late or any(one in said.err for one in _NOT_NOW):
            return CommandResult(command, planned.kind, None, "it cannot be had at the moment")
        if said.code is None:
            raise TimedOut(f"kubectl {arguments[0]} did not end in time", "Grade again")
        why = _fault(said, planned, arguments)
        if why and NOTHING in said.err and self._had_pods(planned, arguments):
            return CommandResult(
                command, planned.kind, True
            )  # none at the moment, but there would be
        if why and not planned.namespaced:
            there = self.run([*arguments, "-n", self.namespace])
            if not _fault(there, planned, arguments):
                why = f"without `-n {self.namespace}` it looks into {self.chosen}: {why}"
        return CommandResult(command, planned.kind, not why, why)

    def _had_pods(self, planned: Plan, arguments: Sequence[str]) -> bool:
        """Whether a selector fits pods that somebody would make: their ReplicaSets say so."""
        words = (*planned.target, "pods")
        if not planned.selects or words[0] not in ("pod", "pods", "po"):
            return False
        where = plan(["delete", "replicasets", *arguments]).arguments
        kept = [word for word in where if word not in planned.target]
        return bool(self._run(["get", "replicasets", *_flags(kept)], planned).out.strip())

    def _run(self, arguments: Sequence[str], planned: Plan) -> Said:
        return self.run(arguments if planned.namespaced else [*arguments, "-n", self.chosen])

    def _without_containers(self, command: Command, planned: Plan) -> CommandResult:
        """Look at what a log or a figure would be of, where there is none to be had."""
        if command.words[0] == "top" or not (planned.target or planned.selects):
            return CommandResult(command, planned.kind, None, "no container runs here")
        words = [word for word in command.words[1:] if word not in planned.target]
        target = planned.target or ("pods",)
        kept = [word for word in plan(["delete", *target, *words]).arguments if word]
        looked = Plan(Kind.LOOKUP, tuple(kept), target, planned.namespaced, planned.selects)
        arguments = self._filled(looked.arguments, looked)
        if arguments is None:
            return CommandResult(command, planned.kind, None, "there is nothing to try it on")
        return self._judge(command, looked, arguments)

    def _filled(self, arguments: Sequence[str], planned: Plan) -> list[str] | None:
        """Put the name of something that is there in a placeholder's place; None without any."""
        if not any(STANDS_FOR in word for word in arguments):
            return list(arguments)
        before = ["", *arguments[:-1]]
        space = [
            self.namespace if word == STANDS_FOR and flag in ("-n", "--namespace") else word
            for flag, word in zip(before, arguments, strict=True)
        ]
        if not any(STANDS_FOR in word for word in space):
            return space
        if not planned.target:
            return None
        kind = planned.target[0].split("/")[0]
        found = self.run(["get", kind, "-n", self.namespace, "-o", "name"])
        names = [line.rpartition("/")[2] for line in found.out.split() if "/" in line]
        if found.code == 0 and not names:
            return None
        name = names[0] if names else STANDS_FOR
        return [word.replace(STANDS_FOR, name) for word in space]


def _flags(words: Sequence[str]) -> list[str]:
    """Return the words from the first flag on, which say where and which."""
    first = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    return list(words[first:])


def _first_line(said: Said) -> str:
    """Return what kubectl says is wrong, without the help that follows."""
    lines = [line.strip() for line in said.err.splitlines() if line.strip()]
    return (lines[0] if lines else "it fails without a word")[:200]


def _fault(said: Said, planned: Plan, arguments: Sequence[str]) -> str:
    """Say why a call has not worked; empty where it has."""
    heard = " ".join(said.err.split())
    asks = tuple(arguments[:2]) == ("auth", "can-i")
    if asks and said.out.split()[:1] in (["yes"], ["no"]):  # "no - RBAC: …" says why
        return ""
    if said.code != 0:
        return heard[:200] or "it fails without a word"
    if NOTHING in heard and (planned.selects or not planned.namespaced):
        return heard[:200]
    if planned.kind is Kind.LOOKUP and not said.out.strip():
        return "what it is about is not there"
    return ""


def chosen_namespace(commands: Sequence[Command]) -> str:
    """Return the namespace that a runbook tells its reader to choose first; else the default."""
    for command in commands:
        if command.words[:2] == _CHOOSES:
            for at, word in enumerate(command.words):
                flag, _, value = word.partition("=")
                if flag == "--namespace":
                    return value or " ".join(command.words[at + 1 : at + 2])
    return _DEFAULT
