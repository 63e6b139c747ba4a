"""The root command: loads a command's module only when it is called; errors become one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module

import rich_click as click
from click.exceptions import Abort, Exit

from labgrader import __version__
from labgrader.cli import output
from labgrader.cli.consent import Canceled
from labgrader.cli.guard import guarded
from labgrader.errors import ExitCode, LabError
from labgrader.report.clean import one_line
from labgrader.util.machine import machine_error
from labgrader.util.suggestion import near

COMMANDS = {
    "author": "labgrader.cli.author:author",
    "check": "labgrader.cli.check:check",
    "checklist": "labgrader.cli.checklist:checklist",
    "cluster": "labgrader.cli.cluster:cluster",
    "demo": "labgrader.cli.demo:demo",
    "doctor": "labgrader.cli.doctor:doctor",
    "drill": "labgrader.cli.drill:drill",
    "explain": "labgrader.cli.tasks:explain",
    "hint": "labgrader.cli.tasks:hint",
    "labs": "labgrader.cli.labs:labs",
    "lesson": "labgrader.cli.lesson:lesson",
    "map": "labgrader.cli.map:map_",
    "operator": "labgrader.cli.run_operator:operator",
    "image": "labgrader.cli.image:image",
    "quiz": "labgrader.cli.quiz:quiz",
    "reset": "labgrader.cli.reset:reset",
    "serve": "labgrader.cli.serve:serve",
    "session": "labgrader.cli.session:session",
    "solution": "labgrader.cli.solution:solution",
    "solve": "labgrader.cli.solve:solve",
    "start": "labgrader.cli.start:start",
    "tasks": "labgrader.cli.tasks:tasks",
}


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            meant = near(cmd_name, COMMANDS)
            if meant and ctx is not None:
                ctx.fail(f"There is no command {cmd_name!r}. Did you mean {meant}?")
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return guarded(command, cmd_name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="labgrader", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--lab", metavar="ID", help="An installed lab, for whatever command follows.")
def root(debug: bool, lab: str | None) -> None:
    """Grade and learn Kubernetes labs on a live cluster.

    Without a command it opens the lab, as `labgrader start` does.
    """
    del debug, lab  # commands ask for it: see `options.lab_option`


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    output.prepare_streams()
    debug = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"]
    only_lab = rest[:1] == ["--lab"] and len(rest) == 2
    code = _run([*rest, "start"] if only_lab or not rest else rest, debug=debug)
    try:
        output.flush()
    except LabError as error:
        told = _tell(error, error.exit_code, debug=debug)
        return code if code in (ExitCode.INTERRUPTED, ExitCode.USAGE) else told
    return code


def _run(arguments: Sequence[str], *, debug: bool) -> int:
    try:
        code = root.main(args=list(arguments), prog_name="labgrader", standalone_mode=False)
    except Exit as error:
        return int(error.exit_code)
    except click.ClickException as error:
        _say(_usage(error))
        return ExitCode.USAGE
    except Canceled:
        click.echo("Canceled.", err=True)
        return ExitCode.INTERRUPTED
    except (KeyboardInterrupt, Abort):
        _say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        output.silence()
        return ExitCode.OK
    except LabError as error:
        return _tell(error, error.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last place: a fault of ours, said in one line
        return _tell(_fault(error), ExitCode.FAULT, debug=debug)
    return int(code) if isinstance(code, int) else ExitCode.OK


def _fault(error: Exception) -> LabError:
    """Return what to say of an error that nobody expected: what the machine lacks, or our fault."""
    lacking = machine_error(error) if isinstance(error, OSError) else None
    found = lacking or LabError(
        f"Unexpected {type(error).__name__}: {error}",
        "This is a fault of labgrader: run again with --debug and report it",
    )
    found.__cause__ = error
    return found


def _usage(error: click.ClickException) -> str:
    """Return what is wrong with a command line, what may have been meant, and where help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "labgrader"
    message = error.format_message()
    told = message if message.rstrip().endswith((".", "?", ")")) else f"{message}."
    value, known = _choice(error)
    meant = near(value, known) if value else ""
    return f"{told}{f' Did you mean {meant}?' if meant else ''} See `{path} --help`."


def _choice(error: click.ClickException) -> tuple[str, list[str]]:
    """Return the value that an option with fixed values got, and these; empty for other errors."""
    parameter = getattr(error, "param", None)
    kind = getattr(parameter, "type", None)
    found = re.search(r"^'([^']*)' is not one of", getattr(error, "message", ""))
    if not isinstance(kind, click.Choice) or found is None:
        return "", []
    return found[1], [str(one) for one in kind.choices]


def _tell(error: LabError, code: ExitCode, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    _say(str(error))
    return code


def _say(text: str) -> None:
    click.echo(f"labgrader: {one_line(text)}", err=True)
