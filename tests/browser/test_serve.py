"""`labgrader serve` without a browser: who comes in, what is loaded, and how everything ends."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import websocket

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.waiting import wait_until
from tests.support.serving import Serving, kubeconfig_of_nothing, painted, painted_to_the_end


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(kubeconfig_of_nothing(tmp_path_factory.mktemp("nothing")))


@pytest.fixture(scope="module")
def server(module_state: Path, nothing: str) -> Iterator[Serving]:
    with Serving("--kubeconfig", nothing) as started:
        yield started


@pytest.fixture
def serving(server: Serving) -> Iterator[Serving]:
    """The server of this file, which nobody visits before and after a test."""
    yield server
    server.empty()


def one_plain_line(status: int, text: str, headers: dict[str, str]) -> bool:
    return status == 403 and text.count("\n") == 1 and "text/plain" in headers["Content-Type"]


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=%C3%A9", "/ws/wrong"])
def test_without_the_token_nobody_comes_in(serving: Serving, path: str) -> None:
    assert one_plain_line(*serving.ask(path))


@pytest.mark.parametrize("token", ["wrong", "", "%F0%9F%98%80"])
def test_the_websocket_asks_for_the_token(serving: Serving, token: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        serving.visit(token)
    assert refusal.value.status_code in (403, 404)
    assert serving.labs() == []


@pytest.mark.parametrize(
    "options",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"suppress_origin": True},
        {"host": "evil.example"},
    ],
)
def test_another_page_cannot_use_the_websocket(
    serving: Serving, options: dict[str, object]
) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        serving.visit(**options)
    assert refusal.value.status_code == 403
    assert serving.labs() == []


def test_another_name_and_another_origin_are_refused(serving: Serving) -> None:
    path = f"/?token={serving.token}"
    assert one_plain_line(*serving.ask(path, Host="evil.example"))
    assert one_plain_line(*serving.ask(path, Host="127.0.0.1:1"))
    assert one_plain_line(*serving.ask(path, Origin="http://evil.example"))
    assert serving.ask(path)[0] == 200


def test_downloads_ask_for_the_cookie_which_opens_nothing_else(serving: Serving) -> None:
    _, _, headers = serving.ask(f"/?token={serving.token}")
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/download/"} <= set(cookie.split("; "))
    assert serving.token not in cookie
    shown = cookie.split(";")[0]
    assert one_plain_line(*serving.ask("/download/some"))
    assert one_plain_line(*serving.ask("/download/some", Cookie=shown + "x"))
    assert serving.ask("/download/some", Cookie=shown)[0] == 404
    assert serving.ask("/", Cookie=shown)[0] == 403


def test_the_page_loads_nothing_from_elsewhere(serving: Serving) -> None:
    _, page, headers = serving.ask(f"/?token={serving.token}")
    foreign = [url for url in re.findall(r"https?://[^\s\"'<]+", page) if serving.place not in url]
    assert foreign == []
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert headers["Referrer-Policy"] == "no-referrer"
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert serving.ask(path)[0] == 200, path


def test_each_visitor_has_a_lab_of_their_own_and_takes_it_along(serving: Serving) -> None:
    first = serving.visit()
    painted(first, "Tasks")
    (own,) = serving.labs()
    second = serving.visit()
    painted(second, "Tasks")
    (other,) = set(serving.labs()) - {own}
    second.close()
    other.wait(30)
    assert own.is_running()
    first.send(json.dumps(["stdin", "q"]))
    painted_to_the_end(first)  # a lab that is left closes its page
    own.wait(30)


def test_a_key_and_nonsense_reach_the_lab_or_nobody(serving: Serving) -> None:
    visitor = serving.visit()
    painted(visitor, "Tasks")
    for nonsense in ("{", "[]", "7", '["stdin", 7]', '["resize", {"width": "x"}]', '["?", 1]'):
        visitor.send(nonsense)
    visitor.send(json.dumps(["resize", {"width": 10**9, "height": -5}]))
    visitor.send(json.dumps(["resize", {"width": 100, "height": 30}]))
    visitor.send(json.dumps(["stdin", "?"]))
    painted(visitor, "Keys")
    visitor.close()


def test_no_shell_unless_it_is_allowed(serving: Serving) -> None:
    visitor = serving.visit()
    painted(visitor, "Shell")
    visitor.send(json.dumps(["stdin", "!"]))
    painted(visitor, "A shell in the browser is off")
    assert [lab.children() for lab in serving.labs()] == [[]]
    visitor.close()


def test_the_allowed_shell_is_a_real_terminal(nothing: str) -> None:
    with Serving("--kubeconfig", nothing, "--allow-shell") as serving:
        visitor = serving.visit()
        painted(visitor, "Shell")
        visitor.send(json.dumps(["stdin", "!"]))
        painted(visitor, "(lab) ")
        visitor.send(json.dumps(["resize", {"width": 91, "height": 31}]))
        visitor.send(json.dumps(["stdin", "sh -c 'echo go; exec sleep 1000'\r"]))
        painted(visitor, "go\r\n")
        visitor.send(json.dumps(["stdin", "\x03"]))  # job control: only the sleep ends
        painted(visitor, "(lab) ")
        visitor.send(json.dumps(["stdin", "stty size; exit\r"]))
        assert "31 91\r\n" in painted(visitor, "Tasks")  # both may come at once
        visitor.close()


def test_more_visitors_than_allowed_are_told(nothing: str) -> None:
    with Serving("--kubeconfig", nothing, "--sessions", "1") as serving:
        visitor = serving.visit()
        painted(visitor, "Tasks")
        second = serving.visit()
        assert b"No more than 1 at once" in second.recv()
        assert second.recv() == ""
        visitor.close()
        second.close()


def test_a_lab_that_cannot_open_says_why_on_the_page(nothing: str, tmp_path: Path) -> None:
    with Serving("--kubeconfig", nothing, "--", "--nonsense") as serving:
        visitor = serving.visit()
        painted(visitor, "No such option '--nonsense'")
        assert visitor.recv() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_everything_ends_with_the_server(nothing: str, tmp_path: Path, number: int) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with Serving("--kubeconfig", nothing, "--allow-shell", env=env) as serving:
        in_the_lab, in_the_shell = serving.visit(), serving.visit()
        painted(in_the_lab, "Shell")
        painted(in_the_shell, "Shell")
        in_the_shell.send(json.dumps(["stdin", "!"]))
        painted(in_the_shell, "(lab) ")
        in_the_shell.send(json.dumps(["stdin", "sh -c 'echo go; exec sleep 1000'\r"]))
        painted(in_the_shell, "go\r\n")
        started = serving.labs()
        assert len(started) >= 4  # two labs, a shell, what runs in it
        assert len(list(tmp_path.glob("labgrader-shell-*"))) == 1
        serving.process.send_signal(number)
        code = serving.process.wait(30)
        assert code == (-number if number == signal.SIGKILL else ExitCode.OK)
        assert psutil.wait_procs(started, 30)[1] == []
        assert list(tmp_path.iterdir()) == []


def test_a_lab_that_has_not_opened_yet_ends_with_the_server_too(nothing: str) -> None:
    with Serving("--kubeconfig", nothing) as serving:
        visitor = serving.visit()
        assert wait_until(lambda: bool(serving.labs()), 30)
        started = serving.labs()
        serving.process.kill()
        assert psutil.wait_procs(started, 30)[1] == []
        visitor.close()


def test_a_file_of_the_lab_is_downloaded_once(serving: Serving) -> None:
    visitor = serving.visit()
    painted(visitor, "Shell")
    visitor.send(json.dumps(["stdin", "\x10"]))  # the palette
    painted(visitor, "Search")
    visitor.send(json.dumps(["stdin", "screenshot?"]))
    painted(visitor, "No matches found")
    visitor.send(json.dumps(["stdin", "\x7f"]))
    painted(visitor, "Save an SVG")
    for frame in range(2000):  # the palette takes Enter once it has searched, and paints meanwhile
        if isinstance(said := visitor.recv(), str):
            break
        if frame % 10 == 0:
            visitor.send(json.dumps(["stdin", "\r"]))
    what, key = json.loads(said)
    assert what == "deliver_file_start"
    cookie = serving.ask(f"/?token={serving.token}")[2]["Set-Cookie"].split(";")[0]
    assert serving.ask(f"/download/{key}")[0] == 403
    status, text, headers = serving.ask(f"/download/{key}", Cookie=cookie)
    assert (status, text[:4]) == (200, "<svg")
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert serving.ask(f"/download/{key}", Cookie=cookie)[0] == 404
    visitor.close()


def test_without_the_extra_it_says_what_to_install(
    nothing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    assert root.run(["serve", "--kubeconfig", nothing]) == ExitCode.FAULT
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pip install 'labgrader[serve]'" in err


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--host", "0.0.0.0"), ExitCode.USAGE, "this machine only, not on 0.0.0.0"),
        (("--host", "::"), ExitCode.USAGE, "this machine only"),
        (("--port", "99999"), ExitCode.USAGE, "99999"),
        (("--kubeconfig", "/nonexistent"), ExitCode.USAGE, "cannot be read"),
        (("--content", "/nonexistent"), ExitCode.USAGE, "/nonexistent"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    nothing: str,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: ExitCode,
    told: str,
) -> None:
    assert root.run(["serve", "--kubeconfig", nothing, *options]) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


def test_a_port_that_is_taken_is_one_line(
    serving: Serving, nothing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    port = serving.place.rsplit(":", 1)[1]
    assert root.run(["serve", "--kubeconfig", nothing, "--port", port]) == ExitCode.FAULT
    assert f"Port {port} of 127.0.0.1 cannot be used" in capsys.readouterr().err
