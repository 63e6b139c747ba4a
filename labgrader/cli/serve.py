"""``labgrader serve``: the lab in the browser, on loopback."""

from __future__ import annotations

import sys

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.options import workbench_options
from labgrader.cli.start import on_a_cluster
from labgrader.errors import LabError, UsageError

LOCAL = ("127.0.0.1", "localhost")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: a free one (default).")
@click.option("--host", default=LOCAL[0], show_default=True, help="This machine only.")
@click.option("--allow-shell", is_flag=True, help="Let `!` open your shell in the browser.")
@click.option(
    "--sessions",
    type=click.IntRange(1, 50),
    default=4,
    show_default=True,
    help="How many labs may be open at once.",
)
@click.option("--name", default="default", show_default=True, help="Which of the lab's clusters.")
@click.argument("start_options", nargs=-1, type=click.UNPROCESSED)
@workbench_options
def serve(
    workbench: Workbench,
    start_options: tuple[str, ...],
    port: int,
    host: str,
    sessions: int,
    name: str,
    *,
    allow_shell: bool,
) -> None:
    """Show the lab in the browser of this machine, until Ctrl-C.

    Prints the address to open; whoever has it can use the lab. Each tab is a lab of its own, on the
    same cluster. What stands after `--` goes to `labgrader start`.
    """
    if host not in LOCAL:
        raise UsageError(
            f"labgrader serves on this machine only, not on {host}",
            "From another one: ssh -L PORT:127.0.0.1:PORT, and open the printed address there",
        )
    _need_extra()
    from labgrader.serve.guard import Guard
    from labgrader.serve.server import Server, listen, run
    from labgrader.tui.shell import DENIED

    workbench = on_a_cluster(workbench, name)
    _ = workbench.catalog, workbench.cluster  # what is wrong with them is said here, not in a page
    door = listen(port)
    guard = Guard(door.getsockname()[1])
    command = [sys.executable, "-m", "labgrader", "start", *_chosen(workbench), *start_options]
    server = Server(guard, command, {} if allow_shell else {DENIED: "1"}, sessions)
    click.echo(f"Open {guard.address}")
    click.echo("Ctrl-C ends it, and every lab that is open in a browser.", err=True)
    sys.stdout.flush()
    run(server, door)


def _chosen(workbench: Workbench) -> list[str]:
    """Return the options that choose the same cluster and lab again."""
    return [*workbench.target.options, *workbench.choice.lab_options]


def _need_extra() -> None:
    try:
        import aiohttp  # noqa: F401
        import textual_serve  # noqa: F401
    except ImportError as error:
        raise LabError(
            "The lab in the browser needs packages that are not installed",
            "pip install 'labgrader[serve]'",
        ) from error
