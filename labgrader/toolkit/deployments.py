"""Facts about Deployments: image, and whether a Service selects the pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labgrader.grading.cluster_reader import ClusterReader
from labgrader.grading.findings import Fact, fact
from labgrader.kube.images import aliases, images_of, is_image
from labgrader.kube.resources import DEPLOYMENT, NODE, POD, SERVICE, Object, dig, name_of
from labgrader.model.result import Evidence
from labgrader.toolkit.workloads import ended, service_targets


def runs_image(ctx: ClusterReader, deployment: Object, allowed: Sequence[str]) -> Fact:
    """State that a container has one of the images, from any registry."""
    wanted = list(dict.fromkeys(allowed))
    images = images_of(dig(deployment, "spec.template.spec", {}))
    good = any(is_image(one, other) for one in images for other in wanted)
    if not good and any("@" in one for one in images):
        known = [name for one in images for name in aliases(one, ctx.list(NODE))]
        good = any(is_image(one, other) for one in known for other in wanted)
    label = DEPLOYMENT.describe(name_of(deployment), ctx.namespace)
    shown, names = ", ".join(images), " or ".join(wanted)
    container = dig(deployment, "spec.template.spec.containers", [{}])[0].get("name", "")
    return fact(
        f"{label} runs the image",
        good,
        reason=f"{label} runs the image {shown} instead of {names}",
        expected=f"image: {names}",
        actual=f"image: {shown}",
        fix=f"kubectl set image deployment {name_of(deployment)} -n {ctx.namespace}"
        f" {container}={wanted[0]}",
        evidence=[Evidence(label, "spec.template.spec.containers", shown)],
    )


def leads_to(
    ctx: ClusterReader, service: Object, deployment: Object, port: int, own: Mapping[str, str]
) -> Fact:
    """State that a TCP port of a Service leads to the same port of a Deployment's pods alone.

    Args:
        own: the labels by which the pods of this Deployment are told from others.
    """
    selector = dig(service, "spec.selector", {})
    pod = dig(deployment, "spec.template", {})
    hits = bool(selector) and selector.items() <= dig(pod, "metadata.labels", {}).items()
    strangers = [
        name_of(other)
        for other in (ctx.list(POD, ctx.namespace) if hits else [])
        if selector.items() <= dig(other, "metadata.labels", {}).items()
        and not own.items() <= dig(other, "metadata.labels", {}).items()
        and not ended(other)
    ]
    targets = service_targets(service, dig(pod, "spec", {}))
    right_port = targets.get((port, "TCP")) == port
    external = dig(service, "spec.type") == "ExternalName"
    actual = "is of type ExternalName" if external else _described(selector, targets)
    if strangers:
        actual += f", also pods of others: {', '.join(sorted(strangers)[:3])}"
    label = SERVICE.describe(name_of(service), ctx.namespace)
    wanted = ",".join(f"{key}={value}" for key, value in own.items())
    return fact(
        f"{label} leads to the pods",
        hits and not strangers and right_port and not external,
        reason=f"{label} does not lead to the pods of {name_of(deployment)} alone: it {actual}",
        expected=f"selector {wanted}, port {port} (TCP) to {port}",
        actual=actual,
        fix=f"kubectl set selector service {name_of(service)} -n {ctx.namespace} {wanted}"
        if right_port
        else f"kubectl edit service {name_of(service)} -n {ctx.namespace}, and set"
        f" ports: [{{port: {port}, targetPort: {port}, protocol: TCP}}]",
        evidence=[Evidence(label, "spec", actual)],
    )


def _described(selector: Mapping[str, str], targets: Mapping[tuple[int, str], object]) -> str:
    pairs = ", ".join(f"{number}/{kind} to {to}" for (number, kind), to in targets.items())
    chosen = ", ".join(f"{key}={value}" for key, value in selector.items())
    return f"selects {chosen or 'nothing'}, ports {pairs or 'none'}"
