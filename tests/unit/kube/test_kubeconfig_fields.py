"""Fields of a kubeconfig that cannot be used are refused by name; rights are sent as meant."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.errors import ExitCode, Forbidden, UsageError
from labgrader.kube.kubeconfig import Connection, connect
from tests.support.fault_server import make_kubeconfig

HTTPS = "https://127.0.0.1:1"
TOKEN = {"token": "t"}


def opened(folder: Path, user: Any = None, url: Any = HTTPS, **cluster: Any) -> Connection:
    data = yaml.safe_load(make_kubeconfig("http://x", {"token": "t"}, **cluster))
    data["clusters"][0]["cluster"]["server"] = url
    data["users"][0]["user"] = user if user is not None else TOKEN
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(data))
    return connect(file)


@pytest.mark.parametrize(
    ("user", "url", "cluster", "said"),
    [
        ([{"token": "t"}], HTTPS, {}, "user of 'u' is a list"),
        ({"token": 7}, HTTPS, {}, "token must be a string"),
        ({"token": "two\nlines"}, HTTPS, {}, "characters that no token has"),
        ({"token": "höher"}, HTTPS, {}, "characters that no token has"),
        ({"auth-provider": {"name": "gcp"}}, HTTPS, {}, "auth-provider 'gcp' is not supported"),
        (
            {"client-certificate-data": "!"},
            HTTPS,
            {},
            "client-certificate-data is not valid base64",
        ),
        ({"client-key-data": 7}, HTTPS, {}, "client-key-data must be a string"),
        ({"client-key-data": "bm8="}, HTTPS, {}, "a client-key and no client-certificate"),
        (
            {"client-certificate": "nowhere"},
            HTTPS,
            {},
            "client-certificate .*nowhere cannot be read",
        ),
        ({"exec": {"command": "x", "apiVersion": "v1"}}, HTTPS, {}, "exec.apiVersion 'v1'"),
        ({"exec": ["x"]}, HTTPS, {}, "exec must be a map"),
        ({"as": 7}, HTTPS, {}, "as must be a string"),
        ({"as": "a\r\nImpersonate-Group: system:masters"}, HTTPS, {}, "control characters"),
        ({"as-groups": ["a"]}, HTTPS, {}, "need as"),
        ({"as": "a", "as-groups": "b"}, HTTPS, {}, "as-groups must be a list of strings"),
        ({"as": "a", "as-user-extra": ["b"]}, HTTPS, {}, "as-user-extra must be a map"),
        ({"as": "a", "as-user-extra": {"k": "b"}}, HTTPS, {}, "as-user-extra k must be a list"),
        (TOKEN, "https://", {}, "is not an address"),
        (TOKEN, "https://127.0.0.1:99999", {}, "is not an address"),
        (TOKEN, "https://127.0.0.1:abc", {}, "is not an address"),
        (TOKEN, "https://a b", {}, "is not an address"),
        (TOKEN, "ftp://127.0.0.1", {}, "begins with ftp"),
        (TOKEN, "unix:///run/x", {}, "is not an address"),
        (TOKEN, 7, {}, "server must be a string"),
        (TOKEN, "", {}, "names no server"),
        (TOKEN, HTTPS, {"proxy-url": "ssh://h"}, "begins with ssh"),
        (TOKEN, HTTPS, {"proxy-url": 7}, "proxy-url must be a string"),
        (TOKEN, HTTPS, {"proxy-url": "http://"}, "is not an address"),
        (TOKEN, HTTPS, {"certificate-authority-data": "bm8="}, "no usable certificate"),
        (TOKEN, HTTPS, {"certificate-authority-data": 7}, "must be a string"),
        (TOKEN, HTTPS, {"certificate-authority": "."}, "is not a file"),
        (TOKEN, HTTPS, {"insecure-skip-tls-verify": "yes"}, "must be true or false"),
        (
            TOKEN,
            HTTPS,
            {"insecure-skip-tls-verify": True, "certificate-authority-data": "bm8="},
            "names a certificate authority and insecure-skip-tls-verify",
        ),
    ],
)
def test_what_is_refused(
    tmp_path: Path, user: Any, url: Any, cluster: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        opened(tmp_path, user, url, **cluster)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("kind", ["contexts", "clusters", "users"])
@pytest.mark.parametrize("entries", ["a string", {"a": "map"}, [7], [{"name": 7}], [{}]])
def test_lists_that_are_none(tmp_path: Path, kind: str, entries: Any) -> None:
    data = {**yaml.safe_load(make_kubeconfig(HTTPS)), kind: entries}
    (tmp_path / "k").write_text(yaml.safe_dump(data))
    with pytest.raises(UsageError, match=kind):
        connect(tmp_path / "k")


def test_the_same_name_twice(tmp_path: Path) -> None:
    data = yaml.safe_load(make_kubeconfig(HTTPS))
    data["users"] *= 2
    (tmp_path / "k").write_text(yaml.safe_dump(data))
    with pytest.raises(UsageError, match="two users named 'u'"):
        connect(tmp_path / "k")


@pytest.mark.parametrize("key", ["tokenFile", "client-certificate"])
def test_a_pipe_keeps_nobody_waiting(tmp_path: Path, key: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    user = {key: str(tmp_path / "pipe"), "client-key-data": "bm8="}
    if key == "tokenFile":
        with pytest.raises(Forbidden, match="is not a file"):
            opened(tmp_path, {key: user[key]}).headers()
    else:
        with pytest.raises(UsageError, match="is not a file"):
            opened(tmp_path, user)
    with pytest.raises(UsageError, match="is not a file"):
        connect(tmp_path / "pipe")


def test_what_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    entry = "- {name: a, context: {cluster: c, user: u}}\n"
    (tmp_path / "k").write_text("contexts:\n" + entry * 250_000)
    with pytest.raises(UsageError, match="--minify --flatten"):
        connect(tmp_path / "k")


def test_impersonation_goes_out_whole(tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": "jörg",
        "as-uid": "7",
        "as-groups": ["a", "b, c"],
        "as-user-extra": {"example.org/Scopes of it": ["x", "y"]},
    }
    extra = "Impersonate-Extra-example.org%2FScopes%20of%20it"
    assert opened(tmp_path, user).headers() == [
        ("Authorization", "Bearer t"),
        ("Impersonate-User", "jörg".encode().decode("latin-1")),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b, c"),
        (extra, "x"),
        (extra, "y"),
    ]


def test_the_token_file_wins_over_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fresh\n")
    connection = opened(tmp_path, {"token": "stale", "tokenFile": "token"})
    assert connection.headers() == [("Authorization", "Bearer fresh")]


def test_a_token_file_that_holds_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\x00\x01")
    with pytest.raises(UsageError, match="holds no token"):
        opened(tmp_path, {"tokenFile": "token"})


def test_a_protected_key_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    (tmp_path / "cert").write_text("x")
    user = {"client-certificate": "cert", "client-key": "key"}
    with pytest.raises(UsageError, match="protected by a passphrase"):
        opened(tmp_path, user)


@pytest.mark.parametrize(
    ("server", "user", "cluster", "expected"),
    [
        ("127.0.0.1:8080", {}, {}, "http://127.0.0.1:8080"),
        ("127.0.0.1:6443", {}, {"insecure-skip-tls-verify": True}, "https://127.0.0.1:6443"),
        ("https://h/", {}, {}, "https://h"),
        ("https://h/k8s/c/", {}, {}, "https://h/k8s/c"),
    ],
)
def test_addresses(
    tmp_path: Path, server: str, user: Any, cluster: dict[str, Any], expected: str
) -> None:
    assert opened(tmp_path, user, server, **cluster).host == expected


@pytest.mark.parametrize("form", ["bom", "crlf", "json", "json with tabs"])
def test_how_the_file_is_written_does_not_matter(tmp_path: Path, form: str) -> None:
    import json

    text = make_kubeconfig(HTTPS)
    data = yaml.safe_load(text)
    written = {
        "bom": "\ufeff" + text,
        "crlf": text.replace("\n", "\r\n"),
        "json": json.dumps(data),
        "json with tabs": json.dumps(data, indent="\t"),
    }
    (tmp_path / "k").write_bytes(written[form].encode())
    assert connect(tmp_path / "k").host == HTTPS


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    (folder / "helper").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "helper").chmod(0o700)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "./helper", **more}}


def credential(**status: str) -> str:
    import json

    body = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": status,
    }
    return f"echo '{json.dumps(body)}'"


def test_a_plugin_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labgrader.kube.exec_plugin.LIMIT_SECONDS", 0.2)
    with pytest.raises(Forbidden, match="did not end within"):
        opened(tmp_path, plugin(tmp_path, "sleep 60", interactiveMode="Never"))


def test_what_a_plugin_says_is_passed_on(tmp_path: Path) -> None:
    script = f"echo 'open the door' >&2; {credential(token='a')}"
    file = tmp_path / "kubeconfig"
    file.write_text(make_kubeconfig(HTTPS, plugin(tmp_path, script)))
    heard: list[str] = []
    assert connect(file, tell=heard.append).headers() == [("Authorization", "Bearer a")]
    assert heard == ["helper: open the door"]


def test_a_plugin_that_is_missing_shows_its_hint(tmp_path: Path) -> None:
    user = plugin(tmp_path, "", installHint="Install it\nfrom the shop")
    user["exec"]["command"] = "not-there-at-all"
    with pytest.raises(Forbidden, match="not installed: Install it from the shop"):
        opened(tmp_path, user)


def test_a_plugin_is_asked_again_when_its_token_expires(tmp_path: Path) -> None:
    script = f"date +%s%N >> {tmp_path}/runs; "
    opened(tmp_path, plugin(tmp_path, script + credential(token="a"))).headers()
    assert len((tmp_path / "runs").read_text().splitlines()) == 1
    expired = credential(token="a", expirationTimestamp="2020-01-01T00:00:00Z")
    opened(tmp_path, plugin(tmp_path, script + expired)).headers()
    assert len((tmp_path / "runs").read_text().splitlines()) == 3


def test_a_plugin_learns_of_the_cluster_where_it_asks(tmp_path: Path) -> None:
    script = f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info; ' + credential(token="a")
    user = plugin(tmp_path, script, provideClusterInfo=True, env=[{"name": "A", "value": "b"}])
    opened(tmp_path, user, **{"insecure-skip-tls-verify": True})
    info = yaml.safe_load((tmp_path / "info").read_text())
    assert info["spec"]["cluster"] == {"server": HTTPS, "insecure-skip-tls-verify": True}
    assert info["spec"]["interactive"] is False


def test_what_a_plugin_started_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setattr("labgrader.kube.exec_plugin.LIMIT_SECONDS", 2.0)
    script = f"sleep 321 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(Forbidden, match="did not end within"):
        opened(tmp_path, plugin(tmp_path, script, interactiveMode="Never"))
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie":
            break
        time.sleep(0.05)
    else:
        pytest.fail("what the plug-in started is still running")
