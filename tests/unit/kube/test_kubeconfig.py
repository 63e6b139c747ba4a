"""Bad kubeconfigs: one line each, and never a connection without credentials."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from labgrader.clusters import target as targets
from labgrader.errors import Forbidden, LabError, UsageError
from labgrader.kube.kubeconfig import connect
from tests.support.fault_server import make_kubeconfig


def write(folder: Path, text: str) -> Path:
    file = folder / "kubeconfig"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c: [", "not valid YAML (line 1)"),
        ("just words", "no contexts"),
        ("", "no contexts"),
        ("contexts: []", "no contexts"),
        (make_kubeconfig("http://a").replace("current-context: odd", ""), "no current context"),
        ("\x00", "not valid YAML"),
    ],
)
def test_what_is_no_kubeconfig(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect(write(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            connect(path)


def test_an_unknown_context_names_the_known(tmp_path: Path) -> None:
    file = write(tmp_path, make_kubeconfig("http://127.0.0.1:1"))
    with pytest.raises(UsageError, match="it has: odd"):
        connect(file, "other")


def test_dangling_references(tmp_path: Path) -> None:
    data = yaml.safe_load(make_kubeconfig("http://127.0.0.1:1"))
    data["clusters"] = None
    with pytest.raises(UsageError, match="no cluster"):
        connect(write(tmp_path, yaml.safe_dump(data)))


def test_certificates_that_are_none(tmp_path: Path) -> None:
    user = {"client-certificate-data": "bm90IGEgY2VydA==", "client-key-data": "bm8="}
    with pytest.raises(UsageError, match="certificates"):
        connect(write(tmp_path, make_kubeconfig("https://127.0.0.1:1", user)))


def plugin(folder: Path, script: str) -> dict[str, object]:
    command = folder / "plugin"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(command), "interactiveMode": "Never"}}


CREDENTIAL = (
    'echo \'{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",'
    ' "status": {"token": "from-plugin"}}\''
)


def test_an_exec_plugin_that_works(tmp_path: Path) -> None:
    user = plugin(tmp_path, CREDENTIAL)
    connection = connect(write(tmp_path, make_kubeconfig("https://127.0.0.1:1", user)))
    assert connection.headers() == [("Authorization", "Bearer from-plugin")]


@pytest.mark.parametrize("script", ["exit 1", "echo garbage", "echo '{}'"])
def test_an_exec_plugin_that_fails_is_refused(tmp_path: Path, script: str) -> None:
    user = plugin(tmp_path, script)
    with pytest.raises(Forbidden, match="No credentials"):
        connect(write(tmp_path, make_kubeconfig("https://127.0.0.1:1", user)))


def test_an_exec_plugin_that_is_not_installed(tmp_path: Path) -> None:
    user = plugin(tmp_path, "")
    (tmp_path / "plugin").unlink()
    with pytest.raises(Forbidden, match="No credentials"):
        connect(write(tmp_path, make_kubeconfig("https://127.0.0.1:1", user)))


def test_loopback_never_goes_through_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    here = connect(write(tmp_path, make_kubeconfig("http://127.0.0.1:1")))
    there = connect(write(tmp_path, make_kubeconfig("https://192.0.2.1:6443")))
    assert here.proxy is None
    assert there.proxy == "http://proxy.invalid:3128"


class TestChoice:
    """Which cluster is meant."""

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="No cluster is chosen"):
            targets.choose(environ={"HOME": str(tmp_path)})

    def test_what_is_current_at_home_is_never_taken(self, tmp_path: Path) -> None:
        home = tmp_path / ".kube" / "config"
        home.parent.mkdir()
        home.write_text(make_kubeconfig("http://127.0.0.1:1"))
        with pytest.raises(UsageError, match="No cluster is chosen"):
            targets.choose(environ={"HOME": str(tmp_path)})
        named = targets.choose(context="odd", environ={"HOME": str(tmp_path)})
        assert (named.provider, named.owned, named.kubeconfig) == ("existing", False, home)

    def test_the_labs_own(self, tmp_path: Path) -> None:
        own = targets.own_kubeconfig("default")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(make_kubeconfig("http://127.0.0.1:1"))
        chosen = targets.choose(environ={"HOME": str(tmp_path)})
        own.unlink()
        assert (chosen.provider, chosen.owned) == ("embedded", True)

    def test_kubeconfig_variable(self, tmp_path: Path) -> None:
        file = write(tmp_path, make_kubeconfig("http://127.0.0.1:1"))
        chosen = targets.choose(environ={"KUBECONFIG": f"{tmp_path}/no:{file}"})
        assert (chosen.kubeconfig, chosen.owned) == (file, False)
        with pytest.raises(UsageError, match="does not exist"):
            targets.choose(environ={"KUBECONFIG": f"{tmp_path}/no"})

    def test_several_files_follow_the_rule_of_kubectl(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        first.write_text("current-context: two\n")
        data = yaml.safe_load(make_kubeconfig("http://127.0.0.1:1"))
        data["contexts"].append({"name": "two", "context": data["contexts"][0]["context"]})
        second.write_text(yaml.safe_dump(data))
        chosen = targets.choose(environ={"KUBECONFIG": f"{first}:{second}"})
        assert (chosen.kubeconfig, chosen.context) == (second, "two")
        with pytest.raises(UsageError, match="no context 'three' \\(it has: odd, two\\)"):
            targets.choose(context="three", environ={"KUBECONFIG": f"{first}:{second}"})

    def test_a_file_in_front_may_change_the_namespace(self, tmp_path: Path) -> None:
        """As the lab's own shell has it: then the file behind it is the one that is meant."""
        front, own = tmp_path / "front", targets.own_kubeconfig("default")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(make_kubeconfig("http://127.0.0.1:1"))
        (entry,) = yaml.safe_load(own.read_text())["contexts"]
        entry["context"]["namespace"] = "elsewhere"
        name = entry["name"]
        front.write_text(yaml.safe_dump({"current-context": name, "contexts": [entry]}))
        try:
            chosen = targets.choose(environ={"KUBECONFIG": f"{front}:{own}"})
            assert (chosen.kubeconfig, chosen.context) == (own, name)
            assert (chosen.provider, chosen.owned) == ("embedded", True)
        finally:
            own.unlink()

    @pytest.mark.parametrize("kind", ["cluster", "user"])
    def test_a_context_that_leads_elsewhere_is_not_overlooked(
        self, tmp_path: Path, kind: str
    ) -> None:
        """The first file says which cluster and which user; the second has another meaning."""
        front, own = tmp_path / "front", targets.own_kubeconfig("default")
        own.parent.mkdir(parents=True, exist_ok=True)
        data = yaml.safe_load(make_kubeconfig("http://127.0.0.1:1"))
        data[f"{kind}s"].append({**data[f"{kind}s"][0], "name": "another"})
        own.write_text(yaml.safe_dump(data))
        entry = data["contexts"][0]
        entry["context"][kind] = "another"
        front.write_text(yaml.safe_dump({"contexts": [entry]}))
        files = f"{front}:{own}:{front}"
        chosen = targets.choose(context=entry["name"], environ={"KUBECONFIG": files})
        own.unlink()
        assert (chosen.owned, chosen.files) == (False, (front, own, front))

    def test_one_file_for_each_kind_of_entry(self, tmp_path: Path) -> None:
        data = yaml.safe_load(make_kubeconfig("http://127.0.0.1:1"))
        files = []
        for kind in ("current-context", "contexts", "clusters", "users"):
            files.append(tmp_path / kind)
            files[-1].write_text(yaml.safe_dump({kind: data[kind]}))
        chosen = targets.choose(environ={"KUBECONFIG": ":".join(map(str, files))})
        assert (chosen.context, chosen.sources, chosen.options) == (
            "odd",
            tuple(files),
            ["--context=odd"],
        )
        assert connect(chosen.sources).headers() == [("Authorization", "Bearer t")]

    def test_consent_is_remembered_per_server(self, tmp_path: Path) -> None:
        file = write(tmp_path, make_kubeconfig("http://127.0.0.1:1"))
        chosen = targets.choose(str(file))
        assert not targets.has_consent(chosen, "http://127.0.0.1:1")
        targets.remember_consent("http://127.0.0.1:1", "odd")
        assert targets.has_consent(chosen, "http://127.0.0.1:1")
        assert not targets.has_consent(chosen, "http://127.0.0.1:2")
        targets.forget_consent("http://127.0.0.1:1")
        assert not targets.has_consent(chosen, "http://127.0.0.1:1")


def test_an_unwritable_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(blocker / "state"))
    with pytest.raises(LabError, match="state folder"):
        targets.remember_consent("http://127.0.0.1:1", "odd")
    file = write(tmp_path, make_kubeconfig("http://127.0.0.1:1"))
    assert targets.choose(str(file)).provider == "existing", "who only looks needs no state"


@pytest.mark.parametrize("mode", [0o702, 0o777, 0o1777])
def test_a_state_folder_that_others_may_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """Its kubeconfig may be theirs, and name a program of theirs."""
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    own = targets.own_kubeconfig("default")
    own.parent.mkdir(parents=True)
    own.write_text(make_kubeconfig("http://127.0.0.1:1"))
    (tmp_path / "state").chmod(0o700)
    assert targets.choose(environ={}).owned
    (tmp_path / "state").chmod(mode)
    with pytest.raises(UsageError, match="chmod go-w"):
        targets.choose(environ={})


def test_a_state_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: (tmp_path / "state").stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        targets.choose(environ={})
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("labgrader.paths.behind_sudo", lambda: (os.getuid(), 0))
    with pytest.raises(UsageError, match="No cluster is chosen"):
        targets.choose(environ={})
