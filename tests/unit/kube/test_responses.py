"""Every kind of response by every kind of request: what is an answer, and what is none.

A server answers discovery and ``/version`` rightly and everything else with one odd response. It
is tried three times: the response is the API server's, a gateway's in front of one, and one of a
server whose answers cannot be told from those of others.
"""

from __future__ import annotations

import json
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
from labgrader.kube.kubeconfig import Connection, connect
from labgrader.kube.pods import Pods
from labgrader.kube.protocols import Answer as Said
from labgrader.kube.resources import ACCESS_REVIEW, CONFIG_MAP, Object, Resource
from tests.support.fault_server import Answer, OddServer, ok, status

NS = "lab"
BODY: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
LIST: Object = {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {}, "items": [BODY]}
TABLE: Object = {"apiVersion": "meta.k8s.io/v1", "kind": "Table", "rows": []}
REVIEW: Object = {
    "apiVersion": ACCESS_REVIEW.api_version,
    "kind": ACCESS_REVIEW.kind,
    "status": {"allowed": True},
}
GROUP: Object = {"apiVersion": "v1", "kind": "APIResourceList", "resources": []}
DONE: Object = {"apiVersion": "v1", "kind": "Status", "status": "Success"}
EVENT: Object = {"type": "ADDED", "object": BODY}

REQUESTS: dict[str, Callable[[Kube, Pods], object]] = {
    "get": lambda kube, _: kube.get(CONFIG_MAP, "x", NS),
    "list": lambda kube, _: kube.list(CONFIG_MAP, NS),
    "create": lambda kube, _: kube.create(CONFIG_MAP, BODY, NS),
    "dry run": lambda kube, _: kube.create(CONFIG_MAP, BODY, NS, dry_run=True),
    "apply": lambda kube, _: kube.apply(CONFIG_MAP, BODY, NS),
    "patch": lambda kube, _: kube.patch(CONFIG_MAP, "x", {}, NS),
    "table": lambda kube, _: kube.patch(CONFIG_MAP, "x", {}, NS, as_table=True),
    "delete": lambda kube, _: kube.delete(CONFIG_MAP, "x", NS),
    "discovery": lambda kube, _: kube.document("/apis/a.example/v1", "APIResourceList"),
    "access review": lambda kube, _: kube.create(ACCESS_REVIEW, {"spec": {}}),
    "watch": lambda kube, _: [event.type for event in kube.watch(CONFIG_MAP, NS)],
    "watch stream": lambda kube, _: [
        event.type for event in kube._changes("/w", {"timeoutSeconds": "1"})
    ],
    "log": lambda kube, _: kube.text("/api/v1/namespaces/lab/pods/x/log"),
    "proxy": lambda _, pods: pods.http_get("/api/v1/namespaces/lab/pods/x:1/proxy/"),
    "exec": lambda _, pods: pods.execute(NS, "x", "c", ["true"], timeout=5),
}
WRITES = ("create", "dry run", "apply", "patch", "table", "access review")
READS = {"get": None, "list": None, "delete": False, "watch": [], "discovery": None, "log": None}

DEEP = b"[" * 100_000 + b"]" * 100_000
PAGE = b"<html>the webhook is down</html>"
HTML = {"Content-Type": "text/html"}
RBAC = 'configmaps "x" is forbidden: User "bob" cannot get resource "configmaps" in API group ""'
QUOTA = 'configmaps "x" is forbidden: exceeded quota: q, requested: a=1, used: a=1, limited: a=1'
HOOK = 'Internal error occurred: failed calling webhook "w.example": no endpoints'
PLAIN = (404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n")


def all_of(expected: object) -> dict[str, object]:
    return dict.fromkeys(REQUESTS, expected)


NOTHING = all_of(Unreachable)
REFUSED = all_of(Rejected)
RIGHT: dict[str, tuple[Object, object]] = {
    "get": (BODY, BODY),
    "list": (LIST, [BODY]),
    "create": (BODY, BODY),
    "dry run": (BODY, BODY),
    "apply": (BODY, BODY),
    "patch": (BODY, BODY),
    "table": (TABLE, TABLE),
    "delete": (DONE, True),
    "discovery": (GROUP, GROUP),
    "access review": (REVIEW, REVIEW),
    "watch stream": (EVENT, ["ADDED"]),
}
"""For each request the document that answers it, and what comes of it."""


def refused(code: int, reason: str) -> tuple[Answer, dict[str, object]]:
    return status(code, "no", reason), {**REFUSED, "proxy": Said(None, "no")}


def page(code: int, body: bytes = PAGE) -> tuple[Answer, dict[str, object]]:
    """A response that is no Status: through the proxy it may well be the pod's own."""
    proxied = Said(code, body.decode())
    return (code, HTML, body), {**NOTHING, "proxy": proxied}


def not_served(answer: Answer, expected: dict[str, object]) -> tuple[Answer, dict[str, object]]:
    """A 404 that says nothing by itself; discovery lists config maps, and none of the others."""
    return answer, {**expected, "discovery": None, "access review": Rejected}


def text(body: bytes, **more: object) -> tuple[Answer, dict[str, object]]:
    told = body.decode("utf-8", "replace")
    json_type = {"Content-Type": "application/json"}
    return (200, json_type, body), {**NOTHING, "log": told, "proxy": Said(200, told), **more}


def document(body: Object) -> tuple[Answer, dict[str, object]]:
    """A JSON document with 200: right for some requests, and wrong for all others."""
    fits = {name: result for name, (right, result) in RIGHT.items() if right == body}
    if body == BODY:  # it waits for a finalizer
        fits["delete"] = True
    return text(json.dumps(body).encode(), **fits)


RESPONSES: dict[str, tuple[Answer, dict[str, object]]] = {
    **{f"200 {one['kind']}": document(one) for one in (BODY, LIST, TABLE, DONE, GROUP, REVIEW)},
    "200 event": document(EVENT),
    "200 {}": text(b"{}"),
    "200 []": text(b"[]"),
    "200 null": text(b"null"),
    "200 nothing": text(b"", **{"watch stream": []}),
    "200 page": text(PAGE),
    "200 cut": text(b'{"kind": "ConfigMap"'),
    "200 deep": text(DEEP),
    "200 bytes": text(b"\xff\xfe\x00"),
    "200 failure": text(status(404, "no", "NotFound")[2]),
    "200 list without items": text(json.dumps({**LIST, "items": "none"}).encode()),
    "200 list of numbers": text(json.dumps({**LIST, "items": [1]}).encode()),
    "200 list of others": text(json.dumps({**LIST, "apiVersion": "v2"}).encode()),
    "200 other kind": text(json.dumps({**BODY, "kind": "Secret"}).encode()),
    "200 other name": text(json.dumps({**BODY, "metadata": {"name": "y"}}).encode()),
    "200 review without answer": text(json.dumps({**REVIEW, "status": {}}).encode()),
    "200 event without object": text(b'{"type": "ADDED"}'),
    "302": page(302, b""),
    **{str(n): page(n) for n in (400, 405, 408, 409, 410, 413, 418, 422, 431)},
    **{str(n): page(n) for n in (401, 403, 500, 501)},
    "404": not_served(*page(404)),
    **{
        f"{n} page": ((n, HTML, PAGE), {**NOTHING, "proxy": Said(n, PAGE.decode())})
        for n in (502, 503, 504)
    },
    "404 plain": (
        PLAIN,
        {**NOTHING, **READS, **dict.fromkeys(WRITES, Rejected), "log": Unreachable}
        | {"proxy": Said(404, "404 page not found\n")},
    ),
    "404 {}": not_served(*page(404, b"{}")),
    "404 NotFound": (
        status(404, "no", "NotFound"),
        {**REFUSED, **READS, "proxy": Said(None, "no")},
    ),
    "404 of another reason": not_served(
        status(404, "no", "Gone"),
        {**NOTHING, "watch stream": Rejected, "exec": Rejected, "proxy": Said(None, "no")},
    ),
    "404 whose code is another": not_served(
        (404, {}, status(500, "no", "NotFound")[2]),
        {**NOTHING, "proxy": Said(404, status(500, "no", "NotFound")[2].decode())},
    ),
    "400 BadRequest": refused(400, "BadRequest"),
    "405 MethodNotAllowed": refused(405, "MethodNotAllowed"),
    "409 Conflict": refused(409, "Conflict"),
    "410 Expired": refused(410, "Expired"),
    "413 RequestEntityTooLarge": refused(413, "RequestEntityTooLarge"),
    "422 Invalid": refused(422, "Invalid"),
    "401 Unauthorized": (status(401, "no", "Unauthorized"), all_of(Forbidden)),
    "403 of the authorizer": (status(403, RBAC, "Forbidden"), all_of(Forbidden)),
    "403 of a quota": (
        status(403, QUOTA, "Forbidden"),
        {**all_of(QuotaExceeded), "proxy": Said(None, QUOTA)},
    ),
    "403 of a policy": refused(403, "Forbidden"),
    "500 of a webhook": (
        status(500, HOOK, "InternalError"),
        {**all_of(WebhookFailed), "proxy": Said(None, HOOK)},
    ),
    "500 InternalError": (
        status(500, "no", "InternalError"),
        {**NOTHING, "proxy": Said(None, "no")},
    ),
    "503 ServiceUnavailable": (
        status(503, "no", "ServiceUnavailable"),
        {**NOTHING, "proxy": Said(None, "no")},
    ),
    "504 Timeout": (
        status(504, "no", "Timeout"),
        {**all_of(TimedOut), "proxy": Said(None, "no")},
    ),
}
"""Each response with what comes of it at each request, where it is the API server's own."""


def discovery(path: str) -> Answer | None:
    """What the server answers rightly; the group that is asked for is not among it."""
    answers: dict[str, Object] = {
        "/version": {"gitVersion": "v1.37.2"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "resources": [{"name": "configmaps"}]},
        "/apis": {"kind": "APIGroupList", "groups": []},
    }
    return ok(answers[path]) if path in answers else None


Serve = Callable[..., tuple[Kube, Pods]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    opened: list[OddServer] = []

    def start(answer: Answer, *, marks: bool, odd_marks: bool) -> tuple[Kube, Pods]:
        def marked(path: str) -> bool:
            return marks if discovery(path) else odd_marks

        server = OddServer(lambda _, path: discovery(path) or answer, marks=marked)
        opened.append(server)
        file = tmp_path / "kubeconfig"
        file.write_text(server.kubeconfig())
        connection: Connection = connect(file)
        return Kube(connection), Pods(connection)

    yield start
    for server in opened:
        server.close()


def outcome(request: str, kube: Kube, pods: Pods) -> object:
    try:
        return REQUESTS[request](kube, pods)
    except LabError as error:
        return type(error) if "\n" not in str(error) else str(error)


@pytest.mark.parametrize("name", RESPONSES)
def test_an_answer_of_the_api_server(serve: Serve, name: str) -> None:
    answer, expected = RESPONSES[name]
    kube, pods = serve(answer, marks=True, odd_marks=True)
    assert {request: outcome(request, kube, pods) for request in REQUESTS} == expected


@pytest.mark.parametrize("name", RESPONSES)
def test_a_page_in_front_of_an_api_server_is_never_an_answer(serve: Serve, name: str) -> None:
    answer, _ = RESPONSES[name]
    kube, pods = serve(answer, marks=True, odd_marks=False)
    kube.version()
    found = {request: outcome(request, kube, pods) for request in REQUESTS if request != "exec"}
    assert found == dict.fromkeys(found, Unreachable)


@pytest.mark.parametrize("name", RESPONSES)
def test_without_marks_the_shape_decides(serve: Serve, name: str) -> None:
    """As the API server's own, but for a plain 404: that counts only where discovery agrees."""
    answer, expected = RESPONSES[name]
    if name == "404 plain":
        expected = not_served("", {**expected, **dict.fromkeys((*READS, *WRITES), Unreachable)})[1]
    kube, pods = serve(answer, marks=False, odd_marks=False)
    assert {request: outcome(request, kube, pods) for request in REQUESTS} == expected


def test_an_aggregated_api_repeats_the_mark_as_well(tmp_path: Path) -> None:
    server = OddServer(lambda _, path: discovery(path) or ok(LIST), marks=lambda path: 2)
    file = tmp_path / "kubeconfig"
    file.write_text(server.kubeconfig())
    kube = Kube(connect(file))
    assert kube.list(CONFIG_MAP, NS) == [BODY]
    assert kube.marks()
    server.close()


def test_a_subresource_may_be_of_another_group(tmp_path: Path) -> None:
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}}
    server = OddServer(lambda _, path: discovery(path) or ok(token))
    file = tmp_path / "kubeconfig"
    file.write_text(server.kubeconfig())
    resource = Resource("", "v1", "serviceaccounts/x/token", "TokenRequest")
    assert Kube(connect(file)).create(resource, token, NS) == token
    server.close()
