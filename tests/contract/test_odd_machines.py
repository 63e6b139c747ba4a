"""Machines that lack something: each says so in one line with a next step, at once."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.clusters.embedded import preflight
from labgrader.errors import ExitCode, LabError
from labgrader.tui.background import in_thread
from labgrader.util.machine import machine_error

ROOT = Path(__file__).parent.parent.parent
PREFLIGHT = "from labgrader.clusters.embedded import preflight; preflight.require()"
INOTIFY = (
    "from labgrader.clusters.embedded.nodes import requirements as r; print(r._inotify_trouble())"
)
FULL = 'mount -t tmpfs -o size=64k tmpfs "$1" && ! head -c 200000 /dev/zero 2>&1 > "$1/fill"'

WITH_CERTIFICATE = """\
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: c, user: {client-certificate-data: eA==, client-key-data: eA==}}]
contexts: [{name: c, context: {cluster: c, user: c}}]
"""


def python(code: str, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def in_namespaces(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root of namespaces of its own."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "--net"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("this machine allows no namespaces of one's own (unshare)")
    command = [*unshare, "sh", "-c", script, "sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def test_few_open_files_are_said_before_a_cluster_starts() -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)); {PREFLIGHT}"
    said = python(limit).stderr.splitlines()[-1]
    assert "may open only 128 files here, and the cluster needs 256" in said
    assert "ulimit -Hn 256" in said


def test_a_hard_limit_that_is_high_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.resource, "getrlimit", lambda which: (128, 4096))
    assert preflight.open_files() == 4096
    monkeypatch.setattr(preflight.resource, "getrlimit", lambda w: (1, resource.RLIM_INFINITY))
    assert preflight.open_files() > 10**6


def test_without_loopback_no_cluster_is_tried() -> None:
    done = in_namespaces('exec "$0" -c "$1"'.replace("$0", sys.executable), PREFLIGHT)
    said = done.stderr.splitlines()[-1]
    assert "loopback address 127.0.0.1 cannot be used: Network is unreachable" in said
    assert "ip link set lo up" in said


def test_without_ipv6_nothing_is_missing() -> None:
    off = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ! ip -6 addr "
    done = in_namespaces(f'{off}| grep -q . && exec {sys.executable} -c "$1"', PREFLIGHT)
    assert (done.returncode, done.stderr) == (0, "")


def test_used_up_inotify_instances_are_in_the_way_of_real_nodes() -> None:
    limit = "echo 8 > /proc/sys/user/max_inotify_instances"
    done = in_namespaces(f'{limit} && exec {sys.executable} -c "$1"', INOTIFY)
    assert "inotify instances are nearly all in use" in one_line(done.stdout), done.stderr
    assert "raise it with sysctl" in done.stdout


@pytest.mark.parametrize("command", [("session", "start", "--name", "x"), ("check",), ("map",)])
def test_without_a_temporary_folder_one_line_says_so(
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(WITH_CERTIFICATE)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = root.run([*command, "--kubeconfig", str(file)])
    said = one_line(capsys.readouterr().err)
    assert code == ExitCode.FAULT
    assert "No temporary file can be written" in said
    assert "set TMPDIR" in said


def test_a_full_state_folder_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    file = tmp_path / "kubeconfig"
    file.write_text(WITH_CERTIFICATE.replace("client-certificate-data: eA==, ", ""))
    start = f"labgrader session start --kubeconfig {file}"
    script = f'{FULL} && LABGRADER_STATE_DIR="$1" exec {sys.executable} -m {start}'
    done = in_namespaces(script, str(state))
    assert done.returncode not in (ExitCode.OK, ExitCode.UNJUDGED)
    assert "full" in one_line(done.stderr)
    assert "No space left" in done.stdout, "it was not full: the test shows nothing"


PYTEST = f"exec {sys.executable} -m pytest -p no:cacheprovider --co {ROOT}/tests/unit"


@pytest.mark.parametrize(
    ("before", "part"),
    [
        ("ulimit -n 128", "may open only 128 files"),
        ("true", "`ip link set lo up`"),
        (f'ip link set lo up && export TMPDIR="$1" && {FULL}', "less than 300 MB free"),
    ],
)
def test_a_test_run_ends_before_it_begins(before: str, part: str, tmp_path: Path) -> None:
    done = in_namespaces(f"{before} && cd {ROOT} && {PYTEST}", str(tmp_path))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    said = one_line(done.stderr.strip() + "\n")
    assert said.startswith("Exit: no test can run here: ")
    assert part in said


@pytest.mark.parametrize(
    ("number", "part"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "ulimit -n"),
    ],
)
async def test_what_a_machine_lacks_is_no_fault_of_labgrader(
    number: int, part: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking() -> None:
        raise OSError(number, os.strerror(number), "/some/file")

    with pytest.raises(LabError, match=part) as error:
        await in_thread(lacking)
    assert "fault of labgrader" not in str(error.value)
    monkeypatch.setattr(root.root, "main", lambda **_: lacking())
    assert root.run(["tasks"]) == ExitCode.FAULT
    assert part in one_line(capsys.readouterr().err)


def test_other_errors_of_files_are_not_explained_away() -> None:
    assert machine_error(PermissionError(errno.EACCES, "Permission denied", "/some/file")) is None
