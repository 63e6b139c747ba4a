"""The main path as a learner takes it: the real program in tmux, and commands that are typed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from labgrader.kube.client import Kube
from labgrader.paths import STATE_VARIABLE, content_root
from tests.support.tmux_servers import Tmux, need_tmux

pytestmark = [pytest.mark.cluster]

TASK_1 = (
    "kubectl create namespace trading-platform",
    f"kubectl apply -f {content_root() / 'solutions' / 'task-1' / '20-crd.yaml'}",
    f"k apply -f {content_root() / 'solutions' / 'task-1' / '30-sample.yaml'}",
)
PROMPT = r"\(lab:tests[^)]*\) \S*[$#] *\n*$"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a prompt that can be waited for."""
    (tmp_path / ".bashrc").write_text("PS1='me$ '\n")
    return tmp_path


@pytest.fixture
def environment(home: Path, cluster_state: Path) -> dict[str, str]:
    """A learner's environment, in which the running cluster is the lab's own."""
    return {
        "HOME": str(home),
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        STATE_VARIABLE: str(cluster_state),
    }


@pytest.fixture
def tmux(environment: dict[str, str]) -> Iterator[Tmux]:
    need_tmux()
    with Tmux(environment) as server:
        yield server


def start(tmux: Tmux, kubeconfig: Path, home: Path, *options: str) -> None:
    """Open the lab; it stands on its main screen then."""
    command = [sys.executable, "-m", "labgrader", "start", "--kubeconfig", str(kubeconfig)]
    tmux.start([*command, "--at-once", *options], home)
    tmux.until(r"✘ task1\s+0/20")


def open_shell(tmux: Tmux) -> None:
    """Go to the learner's shell by its key."""
    tmux.press("!")
    tmux.until(PROMPT)


def type_task_1(tmux: Tmux, pane: str = "0") -> None:
    """Type the commands that solve task 1, and wait for what each answers."""
    for command in TASK_1:
        tmux.type(command, pane)
        tmux.until(rf"{re.escape(command[-12:])} *\n[^\n]*(created|serverside-applied)", pane)


def until_prompt(tmux: Tmux, mark: str, pane: str = "0") -> None:
    """Press Enter until the prompt says so: it is drawn when it is asked for, not before."""
    for _ in range(100):
        tmux.type("", pane)
        with suppress(AssertionError):
            tmux.until(rf"\({mark}\)", pane, seconds=0.5)
            return
    tmux.until(rf"\({mark}\)", pane)


def leave_shell(tmux: Tmux) -> None:
    """Go back to the lab."""
    tmux.type("exit")
    tmux.until("1.1 A namespace")


def quit_lab(tmux: Tmux) -> None:
    """Leave the lab; its pane says that it ended well."""
    tmux.press("q")
    tmux.until(r"(?m)^ended with 0")


def test_task_1_by_typed_commands_turns_green(
    tmux: Tmux, kubeconfig: Path, home: Path, clean_lab: Kube
) -> None:
    start(tmux, kubeconfig, home)
    open_shell(tmux)
    type_task_1(tmux)
    tmux.type("k get ta")  # the lab's namespace is the default one
    tmux.until(r"sample-momentum-algo +momentum")
    tmux.type("kubectl api-res\t")
    tmux.until(r"tradingalgorithms +ta?\S* +fintech.io/v1 +true")
    tmux.type("labgrader check task1 --plain | tail -n 1")  # on this cluster, which is the lab's
    tmux.until(r"20 of 20 points")
    leave_shell(tmux)
    shown = tmux.until(r"✔ task1\s+20/20")
    assert re.search(r"✔ passed 1/1 The namespace trading-platform", shown)
    quit_lab(tmux)


def test_from_the_welcome_to_the_report(
    tmux: Tmux, kubeconfig: Path, home: Path, clean_lab: Kube
) -> None:
    command = [sys.executable, "-m", "labgrader", "start", "--kubeconfig", str(kubeconfig)]
    tmux.start(command, home)
    tmux.until("✔ ready")
    tmux.press("Enter")
    tmux.until(r"✘ task1\s+0/20")
    tmux.press("t")  # it comes by itself the first time
    tmux.until("The lab in five steps: 1 of 5")
    tmux.press("q")
    tmux.press("s")
    tmux.until(r"/ 06:00 running")
    tmux.press("!")
    tmux.until(r"\(lab:tests 0\d:\d\d left\)")
    type_task_1(tmux)
    until_prompt(tmux, "lab:tests task1 done")
    leave_shell(tmux)
    tmux.until(r"✔ task1\s+20/20")
    tmux.until(r"task1 done: 20/20 points. s goes on")
    tmux.press("f")
    tmux.until("End this session")
    tmux.press("y")
    tmux.until(r"20 of 100 points")
    tmux.press("s")
    tmux.until("Saved: ")
    (page,) = home.glob("report-*.html")
    assert "20 of 20 points" in page.read_text()
    tmux.press("q")
    tmux.until("1.1 A namespace")
    quit_lab(tmux)
    tmux.until(r"Your session: 20 of 100 points, \d+:\d\d; its report: `labgrader session report`")


def test_split_inside_tmux_puts_the_shell_beside_the_lab(
    tmux: Tmux, kubeconfig: Path, home: Path, clean_lab: Kube
) -> None:
    start(tmux, kubeconfig, home, "--split")
    tmux.until(PROMPT, pane="1")
    left, right = tmux.do("list-panes", "-F", "#{pane_width} #{pane_active}").splitlines()
    assert (left, right) == ("71 1", "48 0")
    tmux.press("s")
    tmux.until(r"/ 06:00 running")
    until_prompt(tmux, r"lab:tests 0\d:\d\d left", pane="1")
    type_task_1(tmux, pane="1")
    tmux.until(r"✔ task1\s+20/20")
    until_prompt(tmux, "lab:tests task1 done", pane="1")


def test_split_outside_of_tmux_opens_one_with_both(
    tmux: Tmux, kubeconfig: Path, home: Path, clean_lab: Kube
) -> None:
    start_split_outside(tmux, kubeconfig, home)
    tmux.press("q")  # the left pane is the chosen one; then the shell is alone
    tmux.until(r"(?m)^\(lab:tests[^)]*\) me\$")
    tmux.type("exit")
    tmux.until("over 0")


def test_a_split_window_ends_with_its_terminal(
    tmux: Tmux, kubeconfig: Path, home: Path, clean_lab: Kube
) -> None:
    start_split_outside(tmux, kubeconfig, home)
    mine = [one for one in psutil.process_iter() if str(kubeconfig) in cmdline(one)]
    assert len(mine) >= 3, "tmux, the lab, the shell"
    tmux.do("kill-server")
    assert psutil.wait_procs(mine, 30)[1] == []


def cmdline(process: psutil.Process) -> list[str]:
    """Return a process's arguments, none where it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def start_split_outside(tmux: Tmux, kubeconfig: Path, home: Path) -> None:
    """Open lab and shell from a shell that is in no tmux; both are on the screen then."""
    # tmux is only the terminal here: what is typed into does not know that it is inside of one.
    tmux.start(["env", "-u", "TMUX", "-u", "TMUX_PANE", "bash"], home)
    tmux.until(r"me\$ *\n*$")
    program = f"{sys.executable} -m labgrader"
    tmux.type(f"{program} start --split --at-once --kubeconfig {kubeconfig}; echo over $?")
    tmux.until(r"✘ task1\s+0/20")
    tmux.until(r"│\(lab:tests[^)]*\) me\$")
