"""``labgrader cluster audit``: what the API server would write down by the learner's policy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.options import workbench_options
from labgrader.errors import LabError, Rejected, UsageError
from labgrader.kube.resources import CONFIG_MAP, POD, SECRET, Object, Resource, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.clusters.embedded.audit_server import AuditEntry, AuditServer
    from labgrader.kube.client import Kube

SAMPLE = "audit-sample"
_WORDS = {
    "Metadata": "who did it, and nothing of the content",
    "Request": "who did it, and what was sent",
    "RequestResponse": "who did it, what was sent, and what came back",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that is done to see whether it is written down; nothing is stored by it."""

    verb: str
    resource: Resource
    do: Callable[[Kube, str], object]


def _creates(resource: Resource, body: Mapping[str, object]) -> Attempt:
    whole: Object = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": SAMPLE},
        **body,
    }
    return Attempt(
        "create",
        resource,
        lambda client, where: client.create(resource, whole, where, dry_run=True),
    )


def _lists(resource: Resource) -> Attempt:
    return Attempt("list", resource, lambda client, where: client.list(resource, where))


def _attempts(workbench: Workbench) -> list[Attempt]:
    """Return what is tried; the API server logs a request whether or not it grants it."""
    kinds = RestMapper(workbench.cluster)
    own = []
    for sample in workbench.pack.manifest.samples:
        version, kind = str(sample["apiVersion"]), str(sample["kind"])
        group, _, name = version.rpartition("/")
        guess = Resource(group, name, f"{kind.lower()}s", kind)  # it may not be served yet
        own.append(_creates(kinds.find(version, kind) or guess, sample))
    return [
        *own,
        _creates(SECRET, {"stringData": {"token": "not-a-secret"}}),
        _lists(SECRET),
        _creates(CONFIG_MAP, {"data": {}}),
        _lists(POD),
    ]


@click.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The policy; otherwise the one in the lab's ConfigMap.",
)
@click.option("--follow", is_flag=True, help="Go on, and show what you do by it, until Ctrl-C.")
@workbench_options
def audit(workbench: Workbench, file: Path | None, *, follow: bool) -> None:
    """Put an audit policy in force beside the lab's own cluster, and show what it writes down.

    A second API server over the same objects is started with the policy. Sample requests are sent
    to it by dry-run; with --follow your own as well.
    """
    if workbench.target.provider != "embedded":
        raise UsageError(
            "Only the lab's own cluster can be given a policy",
            "`labgrader cluster up` starts it; leave out --kubeconfig and --context",
        )
    from labgrader.clusters.embedded.audit_server import AuditServer, settled
    from labgrader.clusters.embedded.layout import ClusterLayout

    root = workbench.target.kubeconfig.resolve().parent
    policy = file.read_text(encoding="utf-8") if file else _stored(workbench)
    click.echo("Starting an API server with this policy ...", err=True)
    with AuditServer(ClusterLayout(root.name, root), policy) as server:
        where, attempts = workbench.catalog.lab.namespace, _attempts(workbench)
        with contextlib.closing(server.client()) as client:
            for attempt in attempts:
                with contextlib.suppress(Rejected):
                    attempt.do(client, where)
        _show(where, attempts, settled(server))
        if follow:
            _follow(server)


def _stored(workbench: Workbench) -> str:
    """Return the text of the policy in the learner's ConfigMap."""
    place = workbench.pack.manifest.policy
    if place is None:
        raise UsageError("This lab has no audit policy", "Name a file with --file")
    namespace = workbench.catalog.lab.namespace
    label = CONFIG_MAP.describe(place.name, namespace)
    texts = dig(workbench.cluster.get(CONFIG_MAP, place.name, namespace), "data", {})
    if place.key not in texts:
        raise LabError(f"{label} with the key {place.key} is not there", "Create it, or use --file")
    return str(texts[place.key])


def _show(where: str, attempts: Sequence[Attempt], entries: list[AuditEntry]) -> None:
    """Say for everything that was tried what was written down."""
    found = {(one.verb, one.resource): one for one in entries}
    for tried in attempts:
        entry = found.get((tried.verb, tried.resource.plural))
        told = f"{entry.level}: {_WORDS[entry.level]}" if entry else "nothing"
        click.echo(f"{f'{tried.verb} {tried.resource.plural} in {where}':<45} {told}")


def _follow(server: AuditServer) -> None:
    click.echo(
        f"\nIn another terminal: export KUBECONFIG={server.kubeconfig}\n"
        "What you do there is done to the lab's cluster, and shown here. Ctrl-C ends it.",
        err=True,
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            for one in server.entries():
                place = f" in {one.namespace}" if one.namespace else ""
                what = f"{one.verb} {one.resource} {one.name}".rstrip()
                click.echo(one_line(f"{one.user}: {what}{place}: {one.level}"))
            time.sleep(0.2)
