"""The rule that ``ctx`` is a check's only door: no clock, program, socket or file of its own.

Through ``ctx`` a check has a deadline, its answers are kept for live grading, and secrets are taken
out. The rule finds what is done by mistake; it is no sandbox (docs/writing-a-check.md).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labgrader.author.content import Content
from labgrader.author.reading import Finding
from labgrader.content.check_files import ALLOWED, forbidden_imports


class Door(NamedTuple):
    """One way around ``ctx``: the names that lead there, what they do, and what to use instead."""

    names: re.Pattern[str]
    does: str
    fix: str


def _door(names: str, does: str, fix: str) -> Door:
    return Door(re.compile(rf"(?:{names})(?:\.|$)", re.VERBOSE), does, fix)


DOORS = (
    _door(
        r"""time\.(?:(?:time|monotonic|perf_counter|process_time|thread_time)(?:_ns)?|clock_\w+
          |localtime|gmtime|ctime|asctime|strftime)
          |datetime\.datetime\.(?:now|utcnow|today)|datetime\.date\.today""",
        "reads the clock of this machine",
        "Use ctx.server_time(), or ctx.remaining() to measure how long something takes",
    ),
    _door(
        r"time\.sleep|sched",
        "waits",
        "Use ctx.changes_within(), or until() of a ctx.temporary_object()",
    ),
    _door(
        r"""subprocess|pty|ctypes|signal
          |os\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*|fork\w*|kill\w*|startfile)""",
        "runs or controls a program on this machine",
        "Use ctx.execute() for a command in a container, ctx.kubectl() for one that only reads",
    ),
    _door(
        r"""socket|ssl|select|selectors|socketserver|http\.(?:client|server)
          |urllib\.(?:request|robotparser)|urllib3|requests|httpx|aiohttp|websockets?|kubernetes
          |ftplib|smtplib|imaplib|poplib|telnetlib|xmlrpc|paramiko""",
        "opens a connection",
        "Use ctx.http_get() for a pod or a Service, ctx.get() and ctx.get_raw() for the API server",
    ),
    _door(
        r"threading|_thread|multiprocessing|concurrent|asyncio",
        "runs code beside the check",
        "Do one after the other: labgrader runs the checks in parallel and ends them in time",
    ),
    _door(
        r"""builtins\.(?:open|input)|io\.(?:open|open_code|FileIO)|shutil|tempfile|glob|fileinput
          |linecache|sqlite3|dbm|shelve|pathlib\.(?:Path|PosixPath|WindowsPath)
          |os\.(?:open|fdopen|read|write|listdir|scandir|walk|fwalk|l?stat|access|remove|unlink
          |rename|renames|replace|mkdir|makedirs|rmdir|removedirs|link|symlink|readlink|truncate
          |chmod|chown|chdir|getcwd|environb?|getenvb?|putenv)
          |(?:os\.path|posixpath)\.(?:l?exists|isfile|isdir|islink|ismount|getsize|get.time
          |realpath|abspath|expanduser|expandvars|samefile)""",
        "reads or writes files of this machine",
        "Use ctx.get() for objects, ctx.execute() for files in a container, and `with:` of the"
        " criterion for values",
    ),
    _door(
        r"""importlib|runpy|pkgutil|builtins\.(?:eval|exec|compile|__import__|breakpoint)
          |(?:time|datetime|os|os\.path|posixpath|io|pathlib|http|urllib|builtins)\.\*""",
        "runs code that this rule cannot see",
        "Write the code, or an import statement with names, into the file",
    ),
)

_BUILTINS = {"open", "input", "eval", "exec", "compile", "__import__", "breakpoint"}


def only_door(content: Content) -> Iterator[Finding]:
    """A check reaches the world through ``ctx`` and nothing else."""
    for path, tree in content.sources.trees.items():
        scan = _Scan(path, _bound(tree))
        scan.visit(tree)
        yield from scan.findings
        if path.parent == content.sources.folder and not path.stem.startswith("_"):
            continue  # loading it has said what it imports of labgrader
        for line, name in forbidden_imports(path.read_text(encoding="utf-8", errors="replace")):
            fix = f"Import {' and '.join(ALLOWED)} only"
            yield Finding(path, line, "door", f"{name} is not for checks", fix)


class _Scan(ast.NodeVisitor):
    """Follows the names that a file imports, and collects those that lead around ``ctx``."""

    def __init__(self, path: Path, bound: set[str]) -> None:
        self.findings: list[Finding] = []
        self._path = path
        self._meant = {name: f"builtins.{name}" for name in _BUILTINS - bound}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.split(".")[0]
            self._import(node, alias.name, alias.asname or whole, whole)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None:
            return
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            self._import(node, name, alias.asname or alias.name, name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._report(node, self._dotted(node)):
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._report(node, self._dotted(node))

    def _import(self, node: ast.stmt, imported: str, local: str, meant: str) -> None:
        """Note what a local name means; what is reported here is not reported at each use."""
        if not self._report(node, imported):
            self._meant[local] = meant

    def _dotted(self, node: ast.expr) -> str:
        """Return the full name that an expression means; empty where it is none of a module."""
        if isinstance(node, ast.Name):
            return self._meant.get(node.id, "")
        if isinstance(node, ast.Attribute):
            inner = self._dotted(node.value)
            return f"{inner}.{node.attr}" if inner else ""
        return ""

    def _report(self, node: ast.expr | ast.stmt, name: str) -> bool:
        door = next((one for one in DOORS if one.names.match(name)), None)
        if door:
            shown = name.removeprefix("builtins.")
            what = f"{shown} {door.does}, and a check asks only through ctx"
            self.findings.append(Finding(self._path, node.lineno, "door", what, door.fix))
        return door is not None


def _bound(tree: ast.Module) -> set[str]:
    """Return the names that a file gives itself: with them it means no builtin."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


RULES = (only_door,)
