"""What `pip install labgrader[embedded]` gives: wheels, an empty environment, a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labgrader.author.new_lab import new_lab
from labgrader.author.pack import pack
from tests.support.isolation import PERSON_HOME

ROOT = Path(__file__).parent.parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
MEGABYTE = 1_000_000

LOADS = """
from labgrader.content import catalog
from labgrader.paths import content_root
print(len(catalog.load(content_root()).faults), "faults")
"""

pytestmark = [pytest.mark.cluster]


def run(*command: str | Path, **variables: str) -> str:
    """Run a command outside the checkout and return what it prints; fail with its last lines."""
    environment = {**os.environ, **variables}
    if command[0] == UV:  # a person's settings say where packages come from
        environment["HOME"] = str(PERSON_HOME)
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


MINIMAL = ROOT / "tests" / "labs" / "minimal"


def checkout(goal: Path) -> Path:
    """Copy what git knows of the checkout, as it is now."""
    names = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (goal / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, goal / name)
    return goal


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels; labgrader's is made from its sdist, as a release is."""
    folder = tmp_path_factory.mktemp("wheels")
    source = checkout(tmp_path_factory.mktemp("source") / "checkout")
    hashed = pinned_backend(source, folder / "backend.txt")
    run(UV, "build", "--quiet", "--out-dir", folder, *hashed, source)
    data = ROOT / "embedded" / "wheel" / "src" / "labgrader_kube" / "_data"
    shutil.copytree(data, source / data.relative_to(ROOT))
    wheel = source / "embedded" / "wheel"
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, *hashed, wheel)
    return folder


def pinned_backend(source: Path, pinned: Path) -> tuple[str | Path, ...]:
    """Return the options that pin what builds a wheel, as the lock file says."""
    locked = ("export", "-q", "--locked", "--only-group", "build", "--project", source)
    run(UV, *locked, "-o", pinned)
    return ("--build-constraints", pinned, "--require-hashes")


def test_the_wheel_of_kubernetes_only_packs(wheels: Path) -> None:
    (wheel,) = wheels.glob("labgrader_kube-*.whl")
    assert "py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl")
    assert wheel.stat().st_size < 100 * MEGABYTE
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo("labgrader_kube/_data/bin/labgrader-kube")
        assert (info.external_attr >> 16) & 0o111, "the binary can be executed"


def test_the_wheel_of_labgrader_holds_the_content(wheels: Path) -> None:
    (wheel,) = wheels.glob("labgrader-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert "labgrader/_content/tasks/lab.yaml" in names
    assert any(name.startswith("labgrader/_content/checks/") for name in names)
    assert "labgrader/_content/checks/_shared/alert_scenarios.py" in names
    assert any(name.startswith("labgrader/_content/solutions/task-1/") for name in names)
    assert not {name.split("/")[0] for name in names} & {"tasks", "checks", "tests"}


def test_the_wheels_hold_the_license(wheels: Path) -> None:
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith("dist-info/licenses/LICENSE"))
            assert b"Apache License" in archive.read(name)


def test_installed_from_wheels_it_runs_a_cluster(wheels: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, venv)
    install = [UV, "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
    run(*install, "--find-links", wheels, "labgrader[embedded]")
    command = venv / "bin" / "labgrader"
    state = {"LABGRADER_STATE_DIR": str(tmp_path / "state")}
    assert "task1" in run(command, "tasks", **state)
    assert run(venv / "bin" / "python", "-c", LOADS) == "0 faults\n"
    new_lab(tmp_path, "hello")  # its manifest says which labgrader it needs
    wheel, _ = pack(tmp_path / "hello", tmp_path / "dist")
    run(*install, "--no-deps", wheel)
    assert "Hello (10 points), from labgrader-lab-hello 0.1" in run(command, "labs", **state)
    try:
        run(command, "cluster", "up", "--name", "wheel", **state)
        kubeconfig = run(command, "cluster", "kubeconfig", "--name", "wheel", **state).strip()
        assert "gradable" in run(command, "doctor", "--kubeconfig", kubeconfig, **state)
    finally:
        run(command, "cluster", "down", "--name", "wheel", "--purge", **state)


def test_without_the_lab_that_ships_any_other_lab_can_be_played(
    wheels: Path, tmp_path: Path
) -> None:
    """The product knows no lab: the demo and an exam of another one hold on a wheel without any."""
    source = checkout(tmp_path / "checkout")
    hashed = pinned_backend(source, tmp_path / "backend.txt")
    for part in ("tasks", "checks", "solutions"):
        shutil.rmtree(source / part)
    project = source / "pyproject.toml"
    kept = [line for line in project.read_text().splitlines() if "labgrader/_content/" not in line]
    project.write_text("\n".join(kept))
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "bare", *hashed, source)
    venv = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, venv)
    (wheel,) = (tmp_path / "bare").glob("labgrader-*.whl")
    install = [UV, "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
    run(*install, "--find-links", wheels, f"labgrader[embedded] @ {wheel.as_uri()}")
    command = venv / "bin" / "labgrader"
    state = {"LABGRADER_STATE_DIR": str(tmp_path / "state")}
    nothing = subprocess.run(
        [command, "tasks"], capture_output=True, text=True, check=False, env={**os.environ, **state}
    )
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert "No lab is installed" in nothing.stderr
    state["LABGRADER_CONTENT"] = str(MINIMAL)
    try:
        told = run(command, "demo", "--nodes", "simulated", "--keep", **state)
        assert "7 of 7 points" in told
        assert "The story holds" in told
        kubeconfig = run(command, "cluster", "kubeconfig", "--name", "demo", **state).strip()
        on = ("--kubeconfig", kubeconfig)
        run(command, "session", "start", "--name", "sitting", "--exam", "--yes", *on, **state)
        kubectl = (tmp_path / "state" / "clusters" / "demo" / "bin" / "kubectl", *on)
        solution = MINIMAL / "solutions" / "task-1"
        for name in ("10-namespace", "20-definition"):
            run(*kubectl, "apply", "-f", solution / f"{name}.yaml")
        run(*kubectl, "wait", "crd", "--all", "--for=condition=Established", "--timeout=20s")
        run(*kubectl, "apply", "-f", solution / "30-ticket.yaml")
        urgent = '{"spec":{"priority":2}}'
        run(*kubectl, "patch", "ticket", "lathe", "-n", "workshop", "--type=merge", "-p", urgent)
        run(command, "session", "end", "--yes", *on, **state)
        assert "7 of 7 points" in run(command, "session", "report", "sitting", *on, **state)
    finally:
        run(command, "cluster", "down", "--name", "demo", "--purge", **state)
