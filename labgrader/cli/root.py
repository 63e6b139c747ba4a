"""The root command: loads a command's module only when it is called; errors become one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import rich_click as click
from click.exceptions import Abort, Exit

from labgrader import __version__
from labgrader.cli.consent import Canceled
from labgrader.model.errors import ExitCode, LabError
from labgrader.model.machine import machine_error
from labgrader.report.clean import one_line

COMMANDS = {
    "author": "labgrader.cli.author:author",
    "check": "labgrader.cli.check:check",
    "checklist": "labgrader.cli.checklist:checklist",
    "cluster": "labgrader.cli.cluster:cluster",
    "demo": "labgrader.cli.demo:demo",
    "doctor": "labgrader.cli.doctor:doctor",
    "drill": "labgrader.cli.drill:drill",
    "explain": "labgrader.cli.teach:explain",
    "hint": "labgrader.cli.teach:hint",
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
    "tasks": "labgrader.cli.teach:tasks",
}


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="labgrader", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def root(debug: bool) -> None:
    """Grade and learn the Kubernetes operator lab on a live cluster.

    Without a command it opens the lab, as `labgrader start` does.
    """
    del debug


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    debug = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"]
    try:
        code = root.main(args=rest or ["start"], prog_name="labgrader", standalone_mode=False)
    except Exit as error:
        return int(error.exit_code)
    except click.ClickException as error:
        _say(f"{error.format_message()} See `labgrader --help`.")
        return ExitCode.USAGE
    except Canceled:
        click.echo("Canceled.", err=True)
        return ExitCode.INTERRUPTED
    except (KeyboardInterrupt, Abort):
        _say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except LabError as error:
        return _tell(error, error.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last place: a fault of ours, said in one line
        lacking = machine_error(error) if isinstance(error, OSError) else None
        if lacking is not None:
            lacking.__cause__ = error
            return _tell(lacking, lacking.exit_code, debug=debug)
        unexpected = LabError(
            f"Unexpected {type(error).__name__}: {error}",
            "This is a fault of labgrader: run again with --debug and report it",
        )
        unexpected.__cause__ = error
        return _tell(unexpected, ExitCode.FAILED, debug=debug)
    return int(code) if isinstance(code, int) else ExitCode.OK


def _tell(error: LabError, code: ExitCode, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    _say(str(error))
    return code


def _say(text: str) -> None:
    click.echo(f"labgrader: {one_line(text)}", err=True)
