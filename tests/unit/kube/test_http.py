"""What every kind of bad answer means. No answer of a server may look like another's fault."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labgrader.errors import (
    Forbidden,
    LabError,
    QuotaExceeded,
    Rejected,
    TimedOut,
    Unreachable,
    WebhookFailed,
)
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.kube.resources import NAMESPACE
from tests.support.fault_server import Answer, OddServer, make_kubeconfig, ok, status

X = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "x"}}


def page(name: str, token: str = "") -> dict[str, object]:
    """Return a page of a list with one namespace."""
    items = [{"metadata": {"name": name}}]
    return {
        "kind": "NamespaceList",
        "apiVersion": "v1",
        "metadata": {"continue": token},
        "items": items,
    }


Serve = Callable[[Callable[[str, str], Answer | None]], tuple[OddServer, Kube]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    opened: list[tuple[OddServer, Kube]] = []

    def start(answer: Callable[[str, str], Answer | None]) -> tuple[OddServer, Kube]:
        server = OddServer(answer)
        file = tmp_path / f"kubeconfig-{len(opened)}"
        file.write_text(server.kubeconfig())
        opened.append((server, Kube(connect(file))))
        return opened[-1]

    yield start
    for server, kube in opened:
        kube.close()
        server.close()


RBAC = 'namespaces "x" is forbidden: User "bob" cannot get resource "namespaces"'
QUOTA = (
    'configmaps "x" is forbidden: exceeded quota: compute, requested: a=1, used: a=1, limited: a=1'
)
LIMIT_RANGE = 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
POLICY = (
    "namespaces \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request:"
    ' User "bob" cannot get resource "namespaces"'
)
CONVERSION = "conversion webhook for example.io/v1, Kind=Thing failed: no service"
WEBHOOK = 'Internal error occurred: failed calling webhook "v.example": no endpoints available'


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (status(401, "Unauthorized"), Forbidden),
        (status(403, RBAC, "Forbidden"), Forbidden),
        ((403, {}, b"<html>blocked by a proxy</html>"), Unreachable),
        (status(403, QUOTA, "Forbidden"), QuotaExceeded),
        (status(403, LIMIT_RANGE, "Forbidden"), QuotaExceeded),
        (status(403, POLICY, "Forbidden"), Rejected),
        (status(400, 'admission webhook "v" denied the request: no', "BadRequest"), Rejected),
        (status(422, "spec.x: Invalid value", "Invalid"), Rejected),
        (status(409, "already exists", "AlreadyExists"), Rejected),
        (status(500, WEBHOOK, "InternalError"), WebhookFailed),
        (status(500, CONVERSION, "InternalError"), WebhookFailed),
        ((500, {}, b"<html>webhook down</html>"), Unreachable),
        (status(500, "etcdserver: leader changed", "InternalError"), Unreachable),
        (status(503, "apiserver not ready", "ServiceUnavailable"), Unreachable),
        ((502, {}, b"Bad Gateway"), Unreachable),
        (status(504, "request timed out", "Timeout"), TimedOut),
        ((504, {}, b"Gateway Time-out"), Unreachable),
        ((200, {}, b"<html>a captive portal</html>"), Unreachable),
        ((200, {}, b"[1, 2]"), Unreachable),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), Unreachable),
    ],
)
def test_meaning_of_answers(serve: Serve, answer: Answer, expected: type[LabError]) -> None:
    _, kube = serve(lambda method, path: answer)
    with pytest.raises(LabError) as caught:
        kube.create(NAMESPACE, {"metadata": {"name": "x"}}, dry_run=True)
    assert type(caught.value) is expected, caught.value
    assert "\n" not in str(caught.value)


def test_the_fields_that_the_server_names_are_kept(serve: Serve) -> None:
    details = {"causes": [{"field": "spec.a", "message": "bad"}, {"field": "spec.b"}]}
    _, kube = serve(lambda method, path: status(422, "bad", "Invalid", details=details))
    with pytest.raises(Rejected) as caught:
        kube.create(NAMESPACE, {"metadata": {"name": "x"}})
    assert caught.value.fields == ("spec.a", "spec.b")
    assert caught.value.reason == "Invalid"


def test_not_found_is_an_answer(serve: Serve) -> None:
    _, kube = serve(lambda method, path: status(404, "not found", "NotFound"))
    assert kube.get(NAMESPACE, "x") is None
    assert kube.list(NAMESPACE) is None
    assert kube.document("/apis/x/v1", "APIResourceList") is None
    assert kube.text("/logs") is None
    assert kube.delete(NAMESPACE, "x") is False
    assert list(kube.watch(NAMESPACE)) == []
    with pytest.raises(Rejected):
        kube.create(NAMESPACE, {"metadata": {"name": "x"}})


def test_too_many_requests_are_repeated_as_asked(serve: Serve) -> None:
    answers = [
        (429, {"Retry-After": "0"}, b""),
        (429, {"Retry-After": "nonsense"}, b""),
        ok(X),
    ]
    server, kube = serve(lambda method, path: answers.pop(0))
    assert kube.get(NAMESPACE, "x", timeout=10) == X
    assert len(server.seen) == 3


def test_too_many_requests_for_too_long_is_no_judgement(serve: Serve) -> None:
    _, kube = serve(lambda method, path: (429, {"Retry-After": "60"}, b""))
    with pytest.raises(Unreachable, match="429"):
        kube.get(NAMESPACE, "x", timeout=0.5)


def test_a_dropped_read_is_sent_once_more(serve: Serve) -> None:
    answers: list[Answer | None] = [None, ok(X)]
    server, kube = serve(lambda method, path: answers.pop(0))
    assert kube.get(NAMESPACE, "x") is not None
    assert len(server.seen) == 2


def test_a_dropped_write_is_never_repeated(serve: Serve) -> None:
    server, kube = serve(lambda method, path: None)
    with pytest.raises(Unreachable):
        kube.create(NAMESPACE, {"metadata": {"name": "x"}})
    assert len(server.seen) == 1


def test_an_answer_that_is_cut_off_is_no_answer(serve: Serve) -> None:
    _, kube = serve(lambda method, path: (200, {"Content-Length": "500"}, b'{"metadata": {'))
    with pytest.raises(Unreachable):
        kube.get(NAMESPACE, "x")


def test_a_hanging_server_times_out(serve: Serve) -> None:
    release = threading.Event()

    def hang(method: str, path: str) -> Answer:
        release.wait()
        return ok({})

    _, kube = serve(hang)
    with pytest.raises(TimedOut):
        kube.get(NAMESPACE, "x", timeout=0.2)
    release.set()


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "k").write_text(make_kubeconfig(url))
        kube = Kube(connect(tmp_path / "k"))
        with pytest.raises(Unreachable, match="refused"):
            kube.get(NAMESPACE, "x")
        kube.close()


def test_tls_with_somebody_else(serve: Serve, tmp_path: Path) -> None:
    server, _ = serve(lambda method, path: ok({}))
    (tmp_path / "k").write_text(make_kubeconfig(server.url.replace("http://", "https://")))
    kube = Kube(connect(tmp_path / "k"))
    with pytest.raises(Unreachable, match="TLS"):
        kube.get(NAMESPACE, "x")
    kube.close()


def test_lists_are_read_page_by_page(serve: Serve) -> None:
    def pages(method: str, path: str) -> Answer:
        first = "continue=" not in path
        name, token = ("a", "next") if first else ("b", "")
        return ok(page(name, token))

    server, kube = serve(pages)
    found = kube.list(NAMESPACE)
    assert [item["metadata"]["name"] for item in found or ()] == ["a", "b"]
    assert len(server.seen) == 2


def test_a_list_that_grew_too_old_is_read_anew_in_one_piece(serve: Serve) -> None:
    def pages(method: str, path: str) -> Answer:
        if "continue=" in path:
            return status(410, "too old", "Expired")
        token = "next" if "limit=" in path else ""
        return ok(page("a", token))

    _, kube = serve(pages)
    assert [item["metadata"]["name"] for item in kube.list(NAMESPACE) or ()] == ["a"]


def test_credentials_go_out_with_every_request(serve: Serve, tmp_path: Path) -> None:
    server, _ = serve(lambda method, path: ok({}))
    token = tmp_path / "token"
    file = tmp_path / "with-token-file"
    file.write_text(server.kubeconfig({"tokenFile": str(token)}))
    connection = connect(file)
    token.write_text("first\n")
    assert connection.headers() == [("Authorization", "Bearer first")]
    token.write_text("second\n")
    assert connection.headers() == [("Authorization", "Bearer second")]
    token.unlink()
    with pytest.raises(Forbidden):
        connection.headers()


def test_an_api_server_behind_a_path_is_asked_there(tmp_path: Path) -> None:
    server = OddServer(lambda method, path: ok(X))
    file = tmp_path / "kubeconfig"
    file.write_text(make_kubeconfig(f"{server.url}/k8s/clusters/one/"))
    kube = Kube(connect(file))
    try:
        assert kube.get(NAMESPACE, "x")
    finally:
        kube.close()
        server.close()
    assert server.seen == [("GET", "/k8s/clusters/one/api/v1/namespaces/x")]


def test_a_wrong_path_is_not_a_cluster_without_anything(serve: Serve) -> None:
    """An API server answers any path that it does not serve with the same plain 404."""
    plain = (404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")
    _, kube = serve(lambda method, path: plain)
    for call in (
        lambda: kube.get(NAMESPACE, "x"),
        lambda: kube.list(NAMESPACE),
        lambda: kube.delete(NAMESPACE, "x"),
        lambda: kube.document("/apis/x/v1", "APIResourceList"),
        lambda: list(kube.watch(NAMESPACE)),
        lambda: kube.create(NAMESPACE, {"metadata": {"name": "x"}}),
    ):
        with pytest.raises(Unreachable, match="Is the server's address right"):
            call()


def test_plain_http_to_a_port_that_speaks_tls_says_so(serve: Serve) -> None:
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    _, kube = serve(lambda method, path: (400, {}, said))
    with pytest.raises(Unreachable, match="begins with https://"):
        kube.get(NAMESPACE, "x")


def test_warnings_of_a_response_are_kept_also_of_a_refusal(serve: Serve) -> None:
    said = '299 - "would violate PodSecurity \\"restricted:latest\\"", 299 - "and old"'
    code, headers, body = status(403, "no", "Forbidden")
    _, kube = serve(lambda method, path: (code, {**headers, "Warning": said}, body))
    found: list[str] = []
    with pytest.raises(Rejected):
        kube.create(NAMESPACE, X, dry_run=True, warnings=found)
    assert found == ['would violate PodSecurity "restricted:latest"', "and old"]
