"""The backup as it is set up: when, who, what with, and where to."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    CRON_JOB,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
    Context,
    Fact,
    MissingCapability,
    Object,
    check,
    dig,
    grouped,
    unjudged,
)
from labgrader.toolkit.backup_names import uses_date
from labgrader.toolkit.cron import schedule
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.rbac.grants import grants
from labgrader.toolkit.rbac.rules import Account, Action, Table
from labgrader.toolkit.scripts import Script, run_by, unrunnable
from labgrader.toolkit.shell.syntax import shell_of, syntax_error
from labgrader.toolkit.volumes import config_maps, kind_of, lasting, written

READS = {"get", "list", "watch"}
_CALLS = re.compile(r"\b(?:mkdir|cd|test|mv|cp|tar)\b")
_JOB = "spec.jobTemplate.spec."
_A_DATE = re.compile(r"20\d\d-?[01]\d-?[0-3]\d")
_NAMES_NOTHING = re.compile(r"""\s(?:""|'')(?:\s|$)""")


@check()
def backup_job(
    ctx: Context,
    name: str,
    at: Mapping[str, int],
    script: Mapping[str, str],
    reads: Sequence[Mapping[str, str]],
    everyone: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Follows the CronJob to its account, its image, its script and its volume.

    It must fire once a day at two, under an account of its own that may read what is to be backed
    up and may change nothing; its image must be the same next year; and what it writes to must
    outlive the pod.

    Of the scripts that it runs, those that write files are read: a shell must be able to read them
    (`sh -n`, which runs nothing) and to run them (no CR LF line ends), and a place that they write
    to must have the date in its name. What counts as a date is what differs from one night to the
    next: a day, a weekday, seconds since the epoch; not an hour, and not a name that is always the
    same. How the backup is written is yours; the next check runs it.
    """
    job = ctx.require(
        CRON_JOB,
        name,
        ctx.namespace,
        fix=f"kubectl create cronjob {name} -n {ctx.namespace} --schedule='0 2 * * *' --image=…",
    )
    view = _View(ctx, job, name)
    yield from grouped("When it runs", (view.timed(at), view.not_suspended()))
    yield from grouped("Its account", view.account(reads, everyone))
    yield from grouped("Its script", view.scripts(script))
    yield from grouped("Its image and its volume", (view.pinned(), view.kept()))


class _View(Subject):
    """The CronJob, and the words that facts about it share."""

    def __init__(self, ctx: Context, job: Object, name: str) -> None:
        super().__init__(CRON_JOB, name, ctx.namespace)
        self.ctx = ctx
        self.job = job
        self.spec: Object = dig(job, "spec.jobTemplate.spec.template.spec", {})
        self.containers: list[Object] = [
            *dig(self.spec, "initContainers", []),
            *dig(self.spec, "containers", []),
        ]

    def timed(self, at: Mapping[str, int]) -> Fact:
        """State that it fires once a day, at the hour."""
        text = str(dig(self.job, "spec.schedule", ""))
        found = schedule(text)
        ok = (
            found is not None
            and found.daily
            and found.minutes == {at["minute"]}
            and found.hours == {at["hour"]}
        )
        wanted = f"{at['minute']} {at['hour']} * * *"
        return self.fact(
            "it fires every night at two",
            ok,
            "spec.schedule",
            reason=f'The schedule "{text}" is not every day at {at["hour"]}:00 alone',
            expected=wanted,
            actual=text,
            fix=f"{self.edit}, and set schedule: '{wanted}'",
        )

    def not_suspended(self) -> Fact:
        """State that it fires at all, and that the Job which it makes runs a pod."""
        wrong = [
            (path, value)
            for path, value in (
                ("spec.suspend", dig(self.job, "spec.suspend") or False),
                ("spec.jobTemplate.spec.suspend", dig(self.job, _JOB + "suspend") or False),
                ("spec.jobTemplate.spec.parallelism", dig(self.job, _JOB + "parallelism", 1)),
                ("spec.jobTemplate.spec.completions", dig(self.job, _JOB + "completions", 1)),
            )
            if (value if path.endswith("suspend") else not value)
        ]
        path, value = wrong[0] if wrong else ("spec.suspend", False)
        given = f"{path.rpartition('.')[2]}: {str(value).lower()}"
        happens = "it never fires" if path == "spec.suspend" else "the Job it makes runs no pod"
        return self.fact(
            "it is not suspended",
            not wrong,
            path,
            reason=f"It is suspended ({path} is {str(value).lower()}), so {happens}",
            expected="suspend: false",
            actual=given,
            fix=f"{self.edit}, and remove {path}",
        )

    def account(
        self, reads: Sequence[Mapping[str, str]], everyone: Sequence[Mapping[str, Any]]
    ) -> Iterator[Fact]:
        """State that its account is its own, may read enough, and may change nothing."""
        name = str(dig(self.spec, "serviceAccountName") or "default")
        there = self.ctx.get(SERVICE_ACCOUNT, name, self.ctx.namespace) is not None
        yield self.fact(
            "it has an account of its own",
            there and name != "default",
            "serviceAccountName",
            reason=f"It runs as {name}" + ("" if there else ", an account that there is not"),
            expected="a ServiceAccount of its own",
            actual=name,
            fix=self._own_account(),
        )
        who = Account(self.ctx.namespace, name)
        lacking = [told for one in reads if (told := self._lacks(who, one))]
        yield self.fact(
            "it may read what is to be backed up",
            not lacking,
            "serviceAccountName",
            reason=f"{name} may not {lacking[0]}" if lacking else "",
            expected="get or list of everything that is backed up",
            actual="; ".join(lacking) or "it may",
            fix=f"Give {name} a Role and a ClusterRole with get and list, and bind them",
        )
        yield self._harmless(who, Table.of(everyone))

    def _own_account(self) -> str:
        """Return the command that gives it an account of its own."""
        name, where = dig(self.job, "metadata.name"), f"-n {self.ctx.namespace}"
        account = f"kubectl create serviceaccount {name} {where} --dry-run=client -o yaml"
        spec: Object = {"serviceAccountName": name}
        for key in ("spec", "template", "spec", "jobTemplate", "spec"):
            spec = {key: spec}
        patch = f"kubectl patch cronjob {name} {where} --type=merge -p '{json.dumps(spec)}'"
        return f"{account} | kubectl apply -f - && {patch}"

    def _lacks(self, who: Account, one: Mapping[str, str]) -> str:
        """Return what the account may not do of what a backup needs; empty where it may."""
        namespace = self.ctx.namespace if one.get("namespaced") else None
        named = Action("get", one["group"], one["resource"], namespace, one.get("name", ""))
        every = Action("list", one["group"], one["resource"], namespace)
        for action in (named, every) if one.get("name") else (every,):
            spec = {"user": who.user, "groups": list(who.groups), **action.attributes()}
            if self.ctx.access_review(spec):
                return ""
        return str(named if one.get("name") else every)

    def _harmless(self, who: Account, everyone: Table) -> Fact:
        """State that the account can change nothing."""
        held = [one for one in grants(self.ctx, who) if not one.default]
        beyond = [(one, {atom.verb for atom in one.beyond(everyone)} - READS) for one in held]
        wrong = [(one, sorted(verbs)) for one, verbs in beyond if verbs]
        told = "; ".join(f"{', '.join(verbs)} ({one})" for one, verbs in wrong)[:300]
        return self.fact(
            "it may change nothing",
            not wrong,
            "serviceAccountName",
            reason=f"{who.name} may do more than read: {told}",
            expected="get, list and watch alone",
            actual=told or "reads alone",
            fix=f"kubectl edit {wrong[0][0].source.arguments}" if wrong else self.edit,
        )

    def pinned(self) -> Fact:
        """State that every image is the same tomorrow."""
        images = [str(one.get("image", "")) for one in self.containers]
        floating = [one for one in images if _floats(one)]
        return self.fact(
            "its image is pinned",
            not floating,
            "containers.image",
            reason=f"{', '.join(floating)} may be another program tomorrow",
            expected="a tag of a version, or a digest",
            actual=", ".join(images),
            fix=f"{self.edit}, and set image: labgrader/kubectl:1.37",
        )

    def scripts(self, script: Mapping[str, str]) -> Iterator[Fact]:
        """State that its backups are named by the date, and that a shell can run its scripts."""
        found = run_by(self.spec, lambda name: self.ctx.get(CONFIG_MAP, name, self.ctx.namespace))
        if not found:
            yield self.fact(
                "its script is there",
                False,
                "containers.command",
                reason=f"It finds no script: no ConfigMap that it mounts holds {script['key']}",
                expected=f"the ConfigMap {script['name']}, mounted",
                actual=f"ConfigMaps: {', '.join(config_maps(self.spec)) or 'none'}",
            )
            return
        writers = [one for one in found if one.writes] or found
        yield self.dated(writers)
        yield self.runnable(found, script["name"])

    def dated(self, writers: Sequence[Script]) -> Fact:
        """State that a place which is written to has the date in its name."""
        eaten = next(((one, why) for one in writers if (why := _eaten(one.text))), None)
        dated = any(uses_date(one.text, shell_of(one.text)) for one in writers)
        place, why = (eaten[0].place, eaten[1]) if eaten else (writers[0].place, _ALWAYS_SAME)
        return self.fact(
            "its backups have the date in their names",
            dated and not eaten,
            place,
            reason=f"{place}: {why}",
            expected="a directory such as /backups/$(date +%Y%m%d), with the variables as written",
            actual=why if eaten or not dated else "they have",
            fix="Let the script write below a directory such as `/backups/$(date +%Y%m%d-%H%M%S)`;"
            " store it from a file, or with a quoted delimiter: <<'EOF'",
        )

    def runnable(self, scripts: Sequence[Script], config_map: str) -> Fact:
        """State that a shell can read and run its scripts."""
        name = "a shell can read its script"
        try:
            wrong = [
                (one.place, said)
                for one in scripts
                if (said := unrunnable(one.text) or syntax_error(one.text))
            ]
        except MissingCapability as error:
            return unjudged(name, error)
        place, why = wrong[0] if wrong else (scripts[0].place, "")
        return self.fact(
            name,
            not wrong,
            place,
            reason=f"{place} cannot be read by a shell: {why}",
            expected="a script without syntax errors, with LF line ends",
            actual=why or "it can be read",
            fix="Correct the file (`sed -i 's/\\r$//' backup.sh` removes CR), and store it again:"
            f" kubectl create configmap {config_map} -n {self.ctx.namespace} --from-file=backup.sh"
            " --dry-run=client -o yaml | kubectl apply -f -",
        )

    def kept(self) -> Fact:
        """State that it writes to something that outlives the pod."""
        volumes = lasting(self.spec)
        claims = [str(dig(one, "persistentVolumeClaim.claimName", "")) for one in volumes]
        missing = [
            one
            for one in filter(None, claims)
            if self.ctx.get(VOLUME_CLAIM, one, self.ctx.namespace) is None
        ]
        shown = ", ".join(f"{one['name']} ({kind_of(one)})" for one, _ in written(self.spec))
        if missing:
            reason = f"The claim {missing[0]} that it writes to does not exist"
        else:
            reason = f"All that it writes to goes with the pod: {shown or 'no volume at all'}"
        return self.fact(
            "what it writes to lasts",
            bool(volumes) and not missing,
            "volumes",
            reason=reason,
            expected="a PersistentVolumeClaim",
            actual=shown or "no volume",
            fix=f"Create a PersistentVolumeClaim; then {self.edit}, and use it as the volume",
        )


def _floats(image: str) -> bool:
    """Whether an image's name may mean another one tomorrow."""
    if "@sha256:" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest", "stable", "edge", "main", "master", "nightly")


_ALWAYS_SAME = (
    "no place that it writes to has the date in its name, so each night replaces the last backup"
)


def _eaten(text: str) -> str:
    """Say by what one sees that a shell has expanded a script before it was stored."""
    if "$" not in text and "`" not in text and _A_DATE.search(text):
        return "it has no variable at all: the shell has put today's date in its place"
    for command in re.split(r"[\n|;&]", text):
        call = _CALLS.search(command)
        if call and _NAMES_NOTHING.search(command, call.end()):
            shown = command[call.start() :].strip()[:100]
            return f"`{shown}` names nothing: the shell has replaced a variable with nothing"
    return ""
