"""The lab in real headless Chromium, on the embedded cluster."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import chromium
from chromium import Chromium
from labgrader.kube.client import Kube
from labgrader.kube.resources import NAMESPACE
from labgrader.paths import STATE_VARIABLE
from tests.support.serving import Serving

pytestmark = [pytest.mark.cluster, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A browser; where root on Debian could have it, its absence is a failure."""
    if chromium.find() is None:
        reason = "Chromium is not installed; as root on Debian: make test-tools"
        (
            pytest.fail
            if os.geteuid() == 0 and Path("/etc/debian_version").exists()
            else pytest.skip
        )(reason)
    with Chromium() as opened:
        yield opened


@pytest.fixture
def serving(kubeconfig: Path, clean_lab: Kube, cluster_state: Path) -> Iterator[Serving]:
    """A server on the clean cluster, which is the lab's own by its kubeconfig's place."""
    state = {STATE_VARIABLE: str(cluster_state)}
    with Serving("--kubeconfig", str(kubeconfig), env={**os.environ, **state}) as server:
        yield server


def test_a_key_works_and_a_check_turns_green_by_a_real_change(
    browser: Chromium, serving: Serving, kube: Kube
) -> None:
    page = browser.open(serving.address)
    page.until_painted(r"✘ failed")
    page.until_painted(r"Shell")
    assert {address.split("/")[2] for address in page.requests if "//" in address} == {
        serving.place
    }, "nothing is loaded from elsewhere"
    assert [text for text in page.complaints if "WebGL" not in text] == []

    page.forget()
    page.type("?")
    page.until_painted("What the keys do|Keys")
    page.type("\x1b")

    page.forget()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trading-platform"}}
    kube.create(NAMESPACE, namespace)
    page.until_painted(r"✔ passed")
    page.until_painted(r"1/\d+ points")
    assert page.picture().startswith(b"\x89PNG")


def test_a_wrong_token_opens_nothing(browser: Chromium, serving: Serving) -> None:
    wrong = f"http://{serving.place}/?token=wrong"
    page = browser.open(wrong)
    page.until(lambda: wrong in page.statuses, "no answer")
    assert page.statuses[wrong] == 403
    page.until(lambda: page.evaluate("document.readyState") == "complete", "never complete")
    assert page.evaluate("document.body.innerText").count("\n") <= 1
    assert serving.labs() == []


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of another web server of this machine.

    It has a thread for each connection: Chromium opens some that it never uses, and holds them for
    two minutes.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Silent(BaseHTTPRequestHandler):
    """Answers everything with an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def test_a_page_of_another_origin_reaches_no_lab(
    browser: Chromium, serving: Serving, elsewhere: str
) -> None:
    address = json.dumps(f"ws://{serving.place}/ws/{serving.token}?width=80&height=24")
    connect = f"""new Promise(done => {{
      const socket = new WebSocket({address});
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    }})"""
    other = browser.open(elsewhere)
    other.until(lambda: other.statuses.get(elsewhere) == 200, "the other page did not load")
    assert other.evaluate(connect) == "refused"
    page = json.dumps(serving.address)
    assert other.evaluate(f'fetch({page}).then(() => "read", () => "refused")') == "refused"
    assert serving.labs() == []
    own = browser.open(serving.address)
    own.until_painted("Tasks")
    assert own.evaluate(connect) == "open", "the same from the lab's own page"
