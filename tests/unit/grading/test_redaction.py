"""No result repeats a secret that stands where it should not; everything else is left as it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labgrader.api import Evidence, Failure, fact
from labgrader.grading.redaction import redact, redacted, without_secrets
from labgrader.model.result import Report
from labgrader.report import as_json, as_junit, as_text
from tests.support.fake_cluster import FakeCluster
from tests.support.small_lab import SmallLab

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("PASSWORD=hunter2", "hunter2"),
        ("db_password: 'hunter2'", "hunter2"),
        ('{"apiKey": "hunter2"}', "hunter2"),
        ("AWS_SECRET_ACCESS_KEY=hunter2", "hunter2"),
        ("kubectl get pods --token hunter2", "hunter2"),
        ("kubectl get pods --token=hunter2", "hunter2"),
        ("curl -H 'Authorization: Bearer hunter2.x'", "hunter2"),
        ("authorization: basic aHVudGVyMg==", "aHVudGVyMg"),
        ("https://me:hunter2@example.io/x", "hunter2"),
        (f"it answers {JWT}", "c2lnbmF0dXJl"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("ghp_abcdefghijklmnopqrst0123", "abcdefghijklmnopqrst0123"),
        (f"key: {PEM}", "MIIEpAIBAAKCAQEA"),
        (PEM[:45], "MIIE"),
    ],
)
def test_what_is_hidden(text: str, secret: str) -> None:
    told = without_secrets(f"before {text}")
    assert secret in text
    assert secret not in told
    assert "[redacted]" in told
    assert "before" in told


@pytest.mark.parametrize(
    "text",
    [
        "set logging.audit.webhook.headers.Authorization: 'Bearer ${AUDIT_TOKEN}', as it stands",
        "token: ${AUDIT_TOKEN}",
        "automountServiceAccountToken: false",
        "kubectl get --raw /api/v1/namespaces/trading-platform/services/operator-metrics:8080",
        "a literal value (not shown)",
        "logging.audit.token [redacted]",
        "the operator may not get secrets: it is not bound to the role",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "volumes: {secret: {secretName: tls}}",
        "kubectl create secret generic x --from-literal=token=…",
        "https://kubernetes.io:443/docs/@latest",
        "Bearer tokens are read by everybody",
    ],
)
def test_what_is_left_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def-ghi",
        "password=hunter2 token: xyz",
        "PASSWORD: hunter2",
        "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1zZWNyZXQ=",
    ],
)
def test_secrets_are_redacted(text: str) -> None:
    told = redacted(f"before {text} after")
    assert "[redacted]" in told
    for secret in ("abc.def", "hunter2", "xyz", "c2VjcmV0"):
        assert secret not in told


def graded() -> Report:
    """Judge two checks that repeat whatever they see."""
    leak = "password: hunter2"

    def careless(ctx):
        evidence = [Evidence("ConfigMap x", leak, leak)]
        yield fact(
            leak, False, reason=leak, expected=leak, actual=leak, fix=leak, evidence=evidence
        )
        yield fact("another", True, expected=leak, actual=leak)

    def fails(ctx):
        raise Failure(
            leak, expected=leak, actual=leak, fix=leak, evidence=[Evidence("x", "", leak)]
        )

    def breaks(ctx):
        raise ValueError(leak)

    lab = SmallLab()
    for one in (careless, fails, breaks):
        lab.add(one)
    return lab.report(FakeCluster())


def test_no_report_repeats_a_secret() -> None:
    report = graded()
    texts = [as_json.render(report), as_junit.render(report), as_text.plain(report)]
    texts += [as_text.render(report), repr(report)]
    for text in texts:
        assert "hunter2" not in text
        assert "[redacted]" in text
    assert json.loads(texts[0])["tasks"][0]["checks"][0]["evidence"]


def test_a_result_without_a_secret_is_the_very_same() -> None:
    (first, *_) = graded().checks
    plain = replace(first, reason="no", expected="", actual="", fix="", items=(), evidence=())
    assert redact(plain) is plain
