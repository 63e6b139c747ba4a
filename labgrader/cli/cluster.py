"""``labgrader cluster …``: the lab's own cluster. Thin: providers do the work."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.audit import audit
from labgrader.cli.options import content_option, workbench_options
from labgrader.cli.prepare import prepare, unprepare
from labgrader.content.installed_labs import choose_lab
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.clusters.provider import ClusterStatus, Provider
    from labgrader.model.manifest import Manifest

NAME_OPTION = click.option(
    "--name", default="default", show_default=True, help="Which of the clusters side by side."
)
PROVIDER_OPTION = click.option(
    "--provider",
    "kind",
    type=click.Choice(["embedded", "kind"]),
    default="embedded",
    show_default=True,
    help="What runs the cluster: labgrader itself, or kind (needs Docker).",
)
FORMAT_OPTION = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def cluster() -> None:
    """Start, stop and look at the lab's own cluster; prepare one of your own."""


cluster.add_command(audit)
cluster.add_command(prepare)
cluster.add_command(unprepare)


@cluster.command()
@PROVIDER_OPTION
@click.option(
    "--nodes",
    type=click.Choice(["simulated", "real", "auto"]),
    default="auto",
    show_default=True,
    help="Simulated nodes need no root, but run no containers; auto keeps what the cluster has.",
)
@NAME_OPTION
@content_option
def up(kind: str, nodes: str, name: str, content: str | None) -> None:
    """Start the cluster, or find it running; return when it is ready.

    It records what is done to the objects of all installed labs, and of the one in --content.
    """
    begun = time.monotonic()
    labs = [choose_lab(content, None).manifest] if content else []
    status = _provider(kind, name, nodes, labs).up(_progress)
    seconds = time.monotonic() - begun
    click.echo(f"Ready in {seconds:.1f} s: {status.server} ({status.server_version})", err=True)
    option = "" if name == "default" else f" --name {name}"
    path = str(status.kubeconfig or "")
    if os.pathsep in path:  # KUBECONFIG would be two files
        click.echo(f"Next: use --kubeconfig '{path}' (KUBECONFIG cannot hold it)", err=True)
    else:
        click.echo(f"Next: export KUBECONFIG=$(labgrader cluster kubeconfig{option})", err=True)


@cluster.command()
@PROVIDER_OPTION
@NAME_OPTION
@click.option("--purge", is_flag=True, help="Remove its data, keys and kubeconfig too.")
def down(kind: str, name: str, *, purge: bool) -> None:
    """Stop the cluster; its data stays for the next `up`, unless --purge is given."""
    _provider(kind, name).down(purge=purge, progress=_progress)


@cluster.command()
@PROVIDER_OPTION
@NAME_OPTION
@FORMAT_OPTION
def status(kind: str, name: str, form: str) -> None:
    """Show the cluster and its components; exit with 1 unless it runs."""
    found = _provider(kind, name).status()
    click.echo(_plain(_fields(found)) if form == "json" else _as_text(found))
    if form == "text" and kind == "embedded" and found.nodes == "simulated":
        click.echo(f"  real nodes  {_real_nodes(found.state)}")
    if found.state != "running":
        raise SystemExit(1)


@cluster.command("list")
@FORMAT_OPTION
def list_(form: str) -> None:
    """List the lab's own clusters on this machine: state, nodes, URL, context.

    The one marked with * is what commands use without --context and --kubeconfig.
    """
    from labgrader.clusters import listing

    chosen = listing.current()
    found = [(one, (one.provider, one.name) == chosen) for one in listing.clusters()]
    if form == "json":
        click.echo(_plain([{**_fields(one), "current": current} for one, current in found]))
        return
    for one, current in found:
        click.echo(one_line(_row(one, current=current)))
    if not found:
        click.echo("no clusters; start one with `labgrader cluster up`")


@cluster.command()
@PROVIDER_OPTION
@NAME_OPTION
def kubeconfig(kind: str, name: str) -> None:
    """Print the path of the cluster's kubeconfig, and nothing else."""
    click.echo(_provider(kind, name).kubeconfig())


@cluster.command()
@PROVIDER_OPTION
@NAME_OPTION
@workbench_options
def shell(workbench: Workbench, kind: str, name: str) -> None:
    """Open your shell with kubectl on the lab's cluster and in its namespace, as `!` in the lab.

    With --kubeconfig or --context: on a cluster of your own.
    """
    from labgrader.tui.shell import run

    if not (workbench.choice.kubeconfig or workbench.choice.context):
        own = str(_provider(kind, name).kubeconfig())
        workbench = Workbench(workbench.choice.at(own))
    run(workbench)


@cluster.command()
@click.argument("component", required=False)
@NAME_OPTION
@click.option("--follow", is_flag=True, help="Wait for more until Ctrl-C.")
@click.option(
    "--tail", type=click.IntRange(min=0), default=50, show_default=True, help="Lines to begin with."
)
def logs(component: str | None, name: str, tail: int, *, follow: bool) -> None:
    """Print a component's log (the embedded cluster's), or name the components that have one."""
    from labgrader.clusters.embedded import logs as stored

    if component is None:
        for known in stored.components(name):
            click.echo(known)
        return
    path = stored.path(name, component)
    for chunk in stored.follow(path, tail) if follow else [stored.tail(path, tail)]:
        click.echo(chunk, nl=False)


def _provider(kind: str, name: str, nodes: str = "auto", labs: Sequence[Manifest] = ()) -> Provider:
    from labgrader.clusters.providers import get_provider

    return get_provider(kind, name, nodes, labs)


def _real_nodes(state: str) -> str:
    from labgrader.clusters.embedded.nodes import requirements

    obstacles = requirements.find()
    if obstacles:
        return f"not possible here: {obstacles}. {obstacles.next_step}"
    other = "" if state == "absent" else ", in a cluster of its own (--name)"
    return f"possible: `cluster up --nodes real`{other}"


def _progress(component: str, message: str) -> None:
    click.echo(f"{component}: {message}", err=True)


def _row(one: ClusterStatus, *, current: bool) -> str:
    """Return a cluster as one line of a list."""
    nodes = f", {one.nodes} nodes" if one.nodes else ""
    where = "".join(f", {part}" for part in (one.server, one.context) if part)
    note = f" ({one.note})" if one.note else ""
    return f"{'*' if current else '-'} {one.provider}/{one.name}: {one.state}{nodes}{where}{note}"


def _fields(found: ClusterStatus) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def _plain(value: object) -> str:
    import json

    def plain(value: object) -> str:
        return str(value) if isinstance(value, Path) else repr(value)

    return json.dumps(value, indent=2, default=plain)


def _as_text(found: ClusterStatus) -> str:
    lines = [f"{found.name}: {found.state} ({found.provider}, {found.nodes} nodes)"]
    if found.server:
        lines.append(f"  server      {found.server} {found.server_version}".rstrip())
    if found.kubeconfig:
        lines.append(f"  kubeconfig  {found.kubeconfig}")
    for part in found.components:
        size = f"{part.pss_bytes // 2**20:4d} MB" if part.pss_bytes is not None else "      "
        again = f"  restarted {part.restarts}x, last: {part.last_exit}" if part.restarts else ""
        lines.append(f"  {part.name:<24} {part.state:<12} {part.pid or '-':<8} {size}{again}")
    if found.note:
        lines.append(f"  note: {found.note}")
    return "\n".join(lines)
