"""The learner's shell."""

import os
import signal
import subprocess
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from labgrader.clusters.target import Target
from labgrader.errors import LabError, UsageError
from labgrader.learning.sessions.prompt_clock import line_now
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.state import SILENCE_SECONDS
from labgrader.paths import STATE_VARIABLE
from labgrader.shell import subshell as lower
from labgrader.tui import shell
from labgrader.tui.app import LabApp, run_app
from labgrader.tui.launch import Launch


@pytest.fixture
def cluster_folder(workbench, tmp_path):
    """Let the workbench's kubeconfig be in a cluster's folder."""
    folder = tmp_path / "lab"
    folder.mkdir()
    workbench.target = replace(workbench.target, kubeconfig=folder / "kubeconfig")
    return folder


CATALOG_OF_NOTHING = SimpleNamespace(lab=SimpleNamespace(id="lab", namespace="trading-platform"))
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: lab
contexts:
- {name: lab, context: {cluster: c, user: u, namespace: elsewhere}}
- {name: other, context: {cluster: d, user: v}}
"""


def front_of(env):
    """Return the kubeconfig that the shell reads first, and check that the real one follows."""
    first, second = env["KUBECONFIG"].split(os.pathsep)
    return yaml.safe_load(Path(first).read_text("utf-8")), second


def opened(workbench, environ):
    return lower.opened(shell.place(workbench), environ)


@pytest.mark.parametrize("context", [None, "other"])
def test_the_shell_points_at_the_cluster_and_the_labs_namespace(workbench, cluster_folder, context):
    file = cluster_folder / "kubeconfig"
    file.write_text(KUBECONFIG)
    workbench.target = replace(workbench.target, context=context)
    with opened(workbench, {"PATH": "/usr/bin", "X": "1", "SHELL": "/bin/sh"}) as it:
        assert it.environ["X"] == "1"
        assert it.environ["PATH"].startswith("/usr/bin" + os.pathsep)
        front, second = front_of(it.environ)
    cluster, user = ("d", "v") if context else ("c", "u")
    entry = {"cluster": cluster, "user": user, "namespace": "trading-platform"}
    wanted = context or "lab"
    assert front["current-context"] == wanted
    assert front["contexts"] == [{"name": wanted, "context": entry}]
    assert (second, file.read_text()) == (str(file), KUBECONFIG)


def test_the_clusters_own_tools_come_first_and_labgrader_last(workbench, cluster_folder):
    (cluster_folder / "bin").mkdir()
    with opened(workbench, {"PATH": "/usr/bin"}) as it:
        first, theirs, last = it.environ["PATH"].split(os.pathsep)
        assert (first, theirs) == (str(cluster_folder / "bin"), "/usr/bin")
        assert [each.name for each in Path(last).iterdir()] == ["labgrader"]
        command = [Path(last) / "labgrader", "--version"]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        assert told.stdout.startswith("labgrader ")


def test_a_labgrader_of_the_learners_own_stays_theirs(workbench, cluster_folder):
    (cluster_folder / "labgrader").write_text("#!/bin/sh\n")
    (cluster_folder / "labgrader").chmod(0o700)
    with opened(workbench, {"PATH": str(cluster_folder)}) as it:
        assert it.environ["PATH"] == str(cluster_folder)


def test_a_chosen_context_wins_even_where_its_file_cannot_be_read(workbench, cluster_folder):
    workbench.target = replace(workbench.target, context="kind-lab")
    with opened(workbench, {}) as it:
        front, _ = front_of(it.environ)
        folder = Path(it.environ["KUBECONFIG"].split(os.pathsep)[0]).parent
        assert front["current-context"] == "kind-lab"
    assert not folder.exists()


def test_the_shell_keeps_its_proxy_but_not_for_the_lab(workbench, cluster_folder):
    with opened(workbench, {"HTTPS_PROXY": "http://p", "no_proxy": "intranet"}) as it:
        env = it.environ
    assert env["HTTPS_PROXY"] == "http://p"
    assert env["NO_PROXY"] == env["no_proxy"]
    assert {"intranet", "127.0.0.1", "localhost", ".svc"} <= set(env["NO_PROXY"].split(","))
    assert "LABGRADER_CLUSTER" not in env, "`down` would end the learner's shell"


def test_where_shells_are_denied_the_way_to_allow_them_is_told(workbench, cluster_folder):
    with pytest.raises(LabError, match=r"serve --allow-shell.*export KUBECONFIG=.*/kubeconfig"):
        shell.run(workbench, {shell.DENIED: "1", "SHELL": "/bin/true"})


def test_the_shell_runs_and_the_interrupt_handler_is_as_before(workbench, cluster_folder, capfd):
    script = cluster_folder / "shell"
    script.write_text("#!/bin/sh\nkill -INT $PPID\necho at $KUBECONFIG\n", encoding="utf-8")
    script.chmod(0o700)
    before = signal.getsignal(signal.SIGINT)
    shell.run(workbench, {"SHELL": str(script), "PATH": os.defpath})
    assert signal.getsignal(signal.SIGINT) is before
    assert f":{cluster_folder / 'kubeconfig'}\n" in capfd.readouterr().out


def test_a_shell_that_does_not_start_says_so(workbench, cluster_folder):
    with pytest.raises(LabError, match="does not start"):
        shell.run(workbench, {"SHELL": str(cluster_folder / "none")})


def test_the_prompts_line_follows_the_session_on_this_cluster(
    workbench, cluster_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    monkeypatch.setattr(lower, "TICK_SECONDS", 0.01)
    told = tmp_path / "told"
    script = cluster_folder / "shell"
    # Its first line is there before it starts; then it waits for another one.
    script.write_text(
        "#!/bin/sh\nclock=${KUBECONFIG%%/context*}/clock\n"
        f'cat "$clock" >{told}\nuntil grep -q task1 "$clock"; do sleep 0.05; done\n'
        f'cat "$clock" >>{told}\n'
    )
    script.chmod(0o700)
    all_sessions, lab = Sessions(), workbench.catalog.lab
    all_sessions.start("s", lab.id, workbench.connection.context)
    session_recorder = SessionRecorder(all_sessions, "s")

    def finish():
        while not told.exists() or not told.read_text():
            time.sleep(0.01)
        session_recorder.work_on("task1")
        session_recorder.pause(done="task1")

    threading.Thread(target=finish, daemon=True).start()
    shell.run(workbench, {"SHELL": str(script), "PATH": os.environ["PATH"]})
    first, last = told.read_text().splitlines()
    fresh, deadline, started = (int(word) for word in first.split())
    assert deadline - started == lab.budget_seconds
    assert fresh - started >= SILENCE_SECONDS - 1
    assert last == "0 0 0 task1"


def test_sessions_elsewhere_and_what_cannot_be_read_leave_the_prompt_without_a_time(
    workbench, tmp_path, monkeypatch
):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    all_sessions, lab = Sessions(), workbench.catalog.lab
    assert line_now(all_sessions, lab, "here") == ""
    all_sessions.start("s", lab.id, "elsewhere")
    assert line_now(all_sessions, lab, "here") == ""
    assert line_now(all_sessions, lab, "elsewhere") != ""
    assert line_now(all_sessions, replace(lab, id="another"), "elsewhere") == ""
    (tmp_path / "sessions.sqlite3").write_bytes(b"no database" * 100)
    assert line_now(all_sessions, lab, "elsewhere") == ""


def test_a_kubeconfig_that_cannot_be_read_is_no_reason_not_to_open(cluster_folder, tmp_path):
    script = cluster_folder / "shell"
    script.write_text(f"#!/bin/sh\necho ran >{tmp_path}/ran\n")
    script.chmod(0o700)
    bench = NoCluster()
    bench.target = Target("existing", cluster_folder / "none", None)
    bench.catalog = CATALOG_OF_NOTHING
    shell.run(bench, {"SHELL": str(script), "PATH": os.environ["PATH"]})
    assert (tmp_path / "ran").read_text() == "ran\n"


async def test_the_key_lends_the_terminal(play, workbench, monkeypatch):
    asked = []
    monkeypatch.setattr(shell, "run", asked.append)
    async with play() as p:
        monkeypatch.setattr(p.app, "suspend", nullcontext)
        await p.press("!", "ctrl+t")
        assert asked == [workbench, workbench]
        assert p.toasts() == []


async def test_a_broken_shell_leaves_the_lab_open(play, monkeypatch):
    def broken(workbench):
        raise LabError("The shell [x] does not start")

    monkeypatch.setattr(shell, "run", broken)
    async with play() as p:
        monkeypatch.setattr(p.app, "suspend", nullcontext)
        await p.press("!")
        assert p.toasts() == ["The shell [x] does not start"]


async def test_where_no_shell_is_possible_the_way_out_is_told(play):
    async with play() as p:  # a driver without a terminal cannot be suspended
        await p.press("!")
        assert "export KUBECONFIG=/state/clusters/default/kubeconfig" in p.toasts()[0]


class NoCluster:
    catalog = None

    @property
    def connection(self):
        raise UsageError("No cluster is chosen")


def test_a_missing_cluster_comes_out_before_the_screen(monkeypatch):
    monkeypatch.setattr(LabApp, "run", lambda self: pytest.fail("it ran"))
    with pytest.raises(UsageError, match="No cluster is chosen"):
        run_app(Launch(NoCluster(), None))


@pytest.mark.parametrize(("code", "exit_code"), [(None, 0), (0, 0), (1, 1)])
def test_the_exit_code_is_the_apps(launch, monkeypatch, code, exit_code):
    monkeypatch.setattr(LabApp, "run", lambda self: setattr(self, "_return_code", code))
    assert run_app(launch) == exit_code
