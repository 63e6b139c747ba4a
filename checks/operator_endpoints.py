"""What the operator answers: its health, its readiness and its figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    DEPLOYMENT,
    POD,
    SERVICE,
    Answer,
    Context,
    Evidence,
    Fact,
    Failure,
    check,
    fact,
    name_of,
)
from labgrader.toolkit.workloads import Workload, is_ready

Asked = Mapping[str, Answer]
"""What was answered, by whom."""


@check(capabilities=("containers",))
def operator_endpoints(
    ctx: Context,
    deployment: str,
    service: str,
    health: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Any],
) -> Iterator[Fact]:
    """Asks every pod of the operator that is Ready, and the Service, as Prometheus would.

    The questions go through the API server's proxy to the pod. Health and readiness must answer
    200; the metrics must answer 200 with a page in Prometheus' text format that holds at least one
    figure. Which figures, and what made them, is yours.
    """
    workload = Workload.read(ctx, deployment)
    pods = [name_of(pod) for pod in workload.current() if is_ready(pod)]
    if not pods:
        label = DEPLOYMENT.describe(deployment, ctx.namespace)
        raise Failure(
            f"No pod of {label} is Ready, so there is nobody to ask",
            expected="a Ready pod",
            actual="none",
            fix=f"kubectl describe pods -n {ctx.namespace}",
            evidence=[Evidence(label, "status.readyReplicas", "0")],
        )
    for one in health:
        answers = {pod: ctx.http_get("pods", pod, one["port"], one["path"]) for pod in pods}
        yield _answers(ctx, one, POD.kind, answers)
    port, path = metrics["port"], metrics["path"]
    pages = {pod: ctx.http_get("pods", pod, port, path) for pod in pods}
    yield _answers(ctx, metrics, POD.kind, pages)
    yield _figures(ctx, metrics, pages)
    page = ctx.http_get("services", service, port, path)
    yield _answers(ctx, metrics, SERVICE.kind, {service: page})


def _answers(ctx: Context, asked: Mapping[str, Any], kind: str, answers: Asked) -> Fact:
    port, path = asked["port"], asked["path"]
    wrong = {name: answer for name, answer in answers.items() if answer.status != 200}
    told = "; ".join(f"{kind} {name}: {_shown(answer)}" for name, answer in wrong.items())
    name = next(iter(wrong or answers))
    through = " through the Service" if kind == SERVICE.kind else ""
    return fact(
        f"{path} on {port} answers 200{through}",
        not wrong,
        reason=f"{path} on port {port} does not answer 200{through}: {told}",
        expected="status 200",
        actual=told or "status 200",
        fix=f"Serve {path} on port {port}, on every address of the pod; try: kubectl get --raw"
        f" /api/v1/namespaces/{ctx.namespace}/{kind.lower()}s/{name}:{port}/proxy{path}",
        evidence=[Evidence(f"{kind} {ctx.namespace}/{name}", f":{port}{path}", told or "200")],
    )


def _shown(answer: Answer) -> str:
    """Return status and first words of an answer, or why there is none."""
    words = " ".join(answer.body.split())[:120]
    return words if answer.status is None else f'status {answer.status} "{words}"'


def _figures(ctx: Context, asked: Mapping[str, Any], pages: Asked) -> Fact:
    """State that every page is one that Prometheus can read."""
    wrong = {name: why for name, page in pages.items() if (why := _unreadable(page))}
    told = "; ".join(f"Pod {name}: {why}" for name, why in wrong.items())
    return fact(
        "Prometheus can read the metrics",
        not wrong,
        reason=f"The page at {asked['path']} is none that Prometheus can read: {told}",
        expected="lines such as `trading_operator_up 1`, each ended by a newline",
        actual=told or "figures",
        fix=f"Serve {asked['path']} on port {asked['port']} in Prometheus' text format, such as"
        " `trading_operator_up 1`; a client library writes it",
        evidence=[
            Evidence(f"Pod {ctx.namespace}/{name}", asked["path"], why)
            for name, why in wrong.items()
        ],
    )


def _unreadable(page: Answer) -> str:
    """Say why a page holds no figures; empty where it does."""
    from prometheus_client.parser import text_string_to_metric_families  # slow: only when needed

    if page.status != 200:
        return "it does not answer 200"
    if page.cut:
        return "it does not end: a few million characters were read"
    if not page.body.strip():
        return "it is empty"
    try:
        families = list(text_string_to_metric_families(page.body))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        start = " ".join(page.body[:40].split())
        return f'{str(error)[:100] or "no metrics"} (it begins with "{start}")'
    return "" if any(family.samples for family in families) else "it has no metrics"
