"""The learner's shell on a real terminal: their own files, completion, and a prompt that counts."""

import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from labgrader.kube.waiting import wait_until
from tests.support.terminals import Terminal

DEADLINE = 1_000_000
LINE = "line"
FRESH = DEADLINE + 1_000_000
SLEEP = "sh -c 'echo go; exec sleep 1000'"
OPEN = """\
import os
from pathlib import Path
from labgrader.shell import subshell
subshell.TICK_SECONDS = 0.01
kubeconfig, line = Path({kubeconfig!r}), Path({line!r})
place = subshell.Place(kubeconfig, None, "trading-platform")
subshell.run(place, os.environ, lambda: line.read_text() if line.exists() else "")
"""
KUBECTL = """\
#!/bin/sh
if [ "$1" = completion ]; then
  printf '__start_kubectl() { COMPREPLY=(completed); }; complete -F __start_kubectl kubectl\\n'
else
  echo "kubectl got $*"
fi
"""
CONTEXT = """\
contexts: [{name: lab, context: {cluster: c, user: u}}]
current-context: lab
"""


@pytest.fixture
def home(tmp_path):
    """A learner's home, and a cluster's folder in it with a kubectl."""
    tools = tmp_path / "lab" / "bin"
    tools.mkdir(parents=True)
    (tools / "kubectl").write_text(KUBECTL)
    (tools / "kubectl").chmod(0o700)
    (tmp_path / "lab" / "kubeconfig").write_text(CONTEXT)
    # Without this folder fish reads all manual pages in the background, minutes beyond the test.
    (tmp_path / ".local/share/fish/generated_completions").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def lab_shell(home):
    """Return what opens the shell: ``with lab_shell("bash", "0 0 0 task1") as terminal``."""

    def start(name, line=""):
        if line:
            tell(home, line)
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not installed here")
        code = OPEN.format(kubeconfig=str(home / "lab" / "kubeconfig"), line=str(home / LINE))
        env = {"HOME": str(home), "SHELL": program, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return Terminal([sys.executable, "-c", code], env, cwd=str(home))

    return start


def tell(home, line):
    """Have the prompt count by a line from soon on."""
    new = home / f"{LINE}.new"
    new.write_text(f"{line}\n")
    new.replace(home / LINE)  # in one step: half a line is read as none


def until_prompt(terminal, pattern):
    """Press Enter until the prompt says so: it is drawn when it is asked for, not before."""
    for _ in range(200):
        terminal.type("")
        if terminal.until(r"\n(\(lab.*)[$#] $").group(1).startswith(pattern):
            return
    raise AssertionError(f"no prompt began with {pattern!r}")


def at(moment):
    """Return a line that stops the shell's clock at a moment."""
    return f"unset EPOCHSECONDS; EPOCHSECONDS={moment}"


def test_bash_counts_down_and_goes_on_when_the_time_is_over(lab_shell):
    with lab_shell("bash", f"{FRESH} {DEADLINE} 1") as terminal:
        terminal.until(r"\(lab\) ")  # by the real time of day that line is old
        terminal.type(at(DEADLINE - 252))
        terminal.until(r"\n\(lab 04:12 left\) [^(]*[$#] $")
        terminal.type("PATH=; " + at(DEADLINE - 4500))
        terminal.until(r"\n\(lab 75:00 left\) [^(]*[$#] $")  # no program is run for it
        terminal.type(at(DEADLINE + 42))
        terminal.until(r"\n\(lab 00:42 over\) [^(]*[$#] $")
        terminal.type("exit")
        assert terminal.ended() == 0


def test_bash_counts_up_where_there_is_no_deadline(lab_shell):
    with lab_shell("bash", f"{FRESH} 0 1000") as terminal:
        terminal.until(r"\(lab\) ")
        terminal.type(at(1061))
        terminal.until(r"\n\(lab 01:01 elapsed\) ")
        terminal.type(at(900))  # a clock that was set back
        terminal.until(r"\n\(lab 00:00 elapsed\) ")


def test_bash_follows_what_the_lab_writes_meanwhile(lab_shell, home):
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) ")
        terminal.type(at(2000))
        terminal.until(r"\n\(lab\) [^(]*[$#] $")
        tell(home, "2015 2060 1940 ")
        until_prompt(terminal, "(lab 01:00 left) ")
        tell(home, "0 0 0 task1")
        until_prompt(terminal, "(lab task1 done) ")
        tell(home, "0 0 0 $(touch${IFS}no)`touch no`")
        until_prompt(terminal, "(lab touchIFSnotouchno done) ")
        assert not (home / "no").exists()
        (home / LINE).unlink()
        until_prompt(terminal, "(lab) ")


@pytest.mark.parametrize("line", ["", "2015", "x y z", "2015 2060", "2015 a[$(touch${IFS}no)] 3"])
def test_a_broken_line_leaves_the_prompt_without_a_time(lab_shell, home, line):
    tell(home, line)
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) ")
        terminal.type(at(2000))
        terminal.until(r"\n\(lab\) [^(]*[$#] $")
        assert "error" not in terminal.text
        assert not (home / "no").exists()


def test_bash_keeps_the_learners_own_files_and_prompt(lab_shell, home):
    (home / ".bashrc").write_text(
        "export KUBECONFIG=/mine PATH=/usr/bin:/bin\nset -u\nmine() { PS1='mine> '; }\n"
        "PROMPT_COMMAND='mine;'\nalias hello='echo hello to you'\n"
    )
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) mine> $")
        terminal.type("hello")
        terminal.until(r"\nhello to you\n\(lab\) mine> $")
        terminal.type("k get pods; echo ${KUBECONFIG##*:}")
        terminal.until(rf"\nkubectl got get pods\n{home}/lab/kubeconfig\n")


def test_bash_takes_a_list_of_prompt_commands(lab_shell, home):
    (home / ".bashrc").write_text("PROMPT_COMMAND=(true 'PS1=\"two> \"')\n")
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) two> $")
        terminal.type("false")
        terminal.until(r"\n\(lab\) two> $")


def test_bash_completes_kubectl_and_k(lab_shell):
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) ")
        for command in ("kubectl", "k"):
            terminal.type(f"{command} \t", end="")
            terminal.until(f"{command} completed $")
            terminal.type("")
            terminal.until("kubectl got completed")


def test_zsh_counts_completes_and_keeps_the_learners_own_files(lab_shell, home):
    (home / ".zshenv").write_text("MINE=kept\n")
    (home / ".zshrc").write_text("PROMPT='mine> '; HISTFILE=${ZDOTDIR:-$HOME}/.zsh_history\n")
    with lab_shell("zsh", f"{FRESH} {DEADLINE} 1") as terminal:
        terminal.until(r"\(lab\) mine> ")
        terminal.type(f"zmodload -u zsh/datetime; EPOCHSECONDS={DEADLINE - 252}")
        terminal.until(r"\(lab 04:12 left\) mine> ")
        tell(home, "0 0 0 task2")
        for _ in range(100):
            terminal.type("")
            if "done" in terminal.until(r"\(lab (.*)\) mine> ").group(1):
                break
        terminal.until(r"\(lab task2 done\) mine> ")
        terminal.type('echo $MINE $HISTFILE "${ZDOTDIR-}"; k get pods')
        terminal.until(rf"\nkept {home}/.zsh_history \nkubectl got get pods\n")


@pytest.mark.parametrize("name", ["sh", "fish"])
def test_other_shells_have_cluster_and_namespace(lab_shell, home, name):
    with lab_shell(name) as terminal:
        terminal.until(r"[$#>] ")
        terminal.type(
            "cat (string split : $KUBECONFIG)" if name == "fish" else "cat ${KUBECONFIG%%:*}"
        )
        terminal.until("namespace: trading-platform")
        terminal.type("kubectl get pods")
        terminal.until("kubectl got get pods")


def folder_of(terminal):
    """Return the temporary folder behind a shell."""
    terminal.until(r"\(lab\) ")
    terminal.type("echo at ${KUBECONFIG%%:*}")
    folder = Path(terminal.until(r"\nat (\S+)\n").group(1)).parent
    assert folder.is_dir()
    return folder


def test_a_terminal_that_closes_leaves_no_file_behind(lab_shell):
    with lab_shell("bash") as terminal:
        folder = folder_of(terminal)
        terminal.type(SLEEP)
        terminal.until(r"\ngo\n")
    assert terminal.process.returncode == -signal.SIGHUP
    assert not folder.exists()


def test_a_hang_up_ends_the_shell_and_what_runs_in_it(lab_shell):
    with lab_shell("bash") as terminal:
        folder = folder_of(terminal)
        terminal.type(SLEEP)
        terminal.until(r"\ngo\n")
        lab = psutil.Process(terminal.process.pid)
        # What the prompt ran may be there a moment longer.
        assert wait_until(lambda: len(lab.children(recursive=True)) == 2, 30)
        started = lab.children(recursive=True)
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.ended() == -signal.SIGHUP
        assert psutil.wait_procs(started, 30)[1] == []
        assert not folder.exists()


def test_ctrl_c_belongs_to_what_runs_in_the_shell(lab_shell):
    with lab_shell("bash") as terminal:
        terminal.until(r"\(lab\) ")
        terminal.type(SLEEP)
        terminal.until(r"\ngo\n")
        terminal.type("\x03", end="")
        terminal.until(r"\(lab\) ")
        terminal.type("exit 3")
        assert terminal.ended() == 0
