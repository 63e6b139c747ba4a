"""`author lint`: ``ctx`` is a check's only door."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.author.lint import lint
from labgrader.author.new_lab import new_lab
from labgrader.author.reading import Finding
from labgrader.paths import content_root


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    new_lab(tmp_path, "hello")
    return tmp_path / "hello" / "labgrader_lab_hello"


def doors(lab: Path, code: str, name: str = "_shared/helper.py") -> list[Finding]:
    """Return what the rule finds in a file with this code."""
    path = lab / "checks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    return [finding for finding in lint(lab)[0] if finding.rule == "door"]


CLOCK, PROGRAM, SOCKET, FILE = "ctx.server_time()", "ctx.execute()", "ctx.http_get()", "ctx.get()"
CLOSED = [
    ("import time\ntime.time()", 2, CLOCK),
    ("import time as t\n\nx = [t.monotonic]", 3, "ctx.remaining()"),
    ("from time import monotonic_ns as now\nnow()", 1, CLOCK),
    ("import time\ntime.sleep(1)", 2, "until()"),
    ("from time import *", 1, "with names"),
    ("import datetime\ndatetime.datetime.now(datetime.UTC)", 2, CLOCK),
    ("import datetime as dt\ndt.date.today()", 2, CLOCK),
    ("from datetime import datetime\nlater = datetime.utcnow", 2, CLOCK),
    ("from datetime import datetime as D\nD.today().isoformat()", 2, CLOCK),
    ("import subprocess", 1, PROGRAM),
    ("from subprocess import run", 1, PROGRAM),
    ("import os\nos.system('ls')", 2, PROGRAM),
    ("from os import popen", 1, PROGRAM),
    ("import os\nos.execvp('ls', [])", 2, PROGRAM),
    ("import os\nos.spawnl(0, 'ls')", 2, PROGRAM),
    ("import os.path\nos.path.exists('x')", 2, FILE),
    ("import os\nhome = os.environ['HOME']", 2, FILE),
    ("def f():\n    import socket", 2, SOCKET),
    ("import http.client", 1, SOCKET),
    ("from http import client", 1, SOCKET),
    ("import urllib.request as r", 1, SOCKET),
    ("import urllib\nurllib.request.urlopen('x')", 2, SOCKET),
    ("import requests", 1, SOCKET),
    ("from kubernetes import client", 1, SOCKET),
    ("import threading", 1, "in parallel"),
    ("from concurrent.futures import ThreadPoolExecutor", 1, "in parallel"),
    ("text = open('x').read()", 1, FILE),
    ("import io\nio.open('x')", 2, FILE),
    ("import pathlib\npathlib.Path('x').read_text()", 2, FILE),
    ("from pathlib import Path\nPath('x').write_text('y')", 1, FILE),
    ("import shutil", 1, FILE),
    ("import importlib\nimportlib.import_module('time')", 1, "import statement"),
    ("__import__('time')", 1, "import statement"),
    ("import builtins\nbuiltins.open('x')", 2, FILE),
    ("from labgrader.kube.client import Kube", 1, "labgrader.api and labgrader.toolkit"),
]


@pytest.mark.parametrize(("code", "line", "fix"), CLOSED)
def test_another_door_is_found_with_its_line_and_the_fix(
    lab: Path, code: str, line: int, fix: str
) -> None:
    [finding] = doors(lab, code)
    assert finding.line == line
    assert finding.path == lab / "checks" / "_shared" / "helper.py"
    assert fix in finding.fix, finding


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import UTC, datetime, timedelta\ndatetime.fromisoformat('x')",
        "import time\ntime.strptime('9', '%H')",
        "from urllib.parse import urlsplit",
        "import os.path\nos.path.join('a', 'b')",
        "from pathlib import PurePosixPath",
        "import re\nre.compile('x')",
        "import io\nio.StringIO()",
        "def f(ctx, open):\n    return open(1), ctx.open('x')",
        "time = {'time': 1}\nx = time['time']",
        "class A:\n    def sleep(self):\n        return self.time.sleep()",
        "from .helper import time\ntime.time()",
        "from http import HTTPStatus",
        "from labgrader.api import Context\nfrom labgrader.toolkit.facts import Subject",
    ],
)
def test_what_only_computes_is_allowed(lab: Path, code: str) -> None:
    assert doors(lab, code) == []


def test_a_check_file_itself_and_every_use(lab: Path) -> None:
    path = lab / "checks" / "greeting.py"
    code = "import time\n" + path.read_text() + "\n\nlater = time.time()\nnever = time.time()\n"
    found = doors(lab, code, "greeting.py")
    assert [finding.line for finding in found] == [code.count("\n") - 1, code.count("\n")]


def test_the_shipped_lab_has_no_other_door() -> None:
    assert [str(finding) for finding in lint(content_root())[0]] == []
