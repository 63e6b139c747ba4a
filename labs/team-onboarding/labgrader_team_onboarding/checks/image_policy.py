"""The images that production admits, judged by dry runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import (
    CONFIG_MAP,
    DEPLOYMENT,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    check,
    fact,
    grouped,
)
from labgrader.toolkit.admission import Plugin, Verdict, admit

from ._shared.images import BY_IMAGE, Images, said

Listed = Sequence[str]


@check()
def image_policy(
    ctx: Context,
    namespace: str,
    admits: Listed,
    refuses: Mapping[str, Listed],
    init: Listed,
    rules: Mapping[str, str],
) -> Iterator[Fact]:
    """Asks by dry runs which images Pods of the namespace may have.

    An image that follows the rules must be admitted; each that breaks one is asked about in the
    same Pod, in a container and in an init container. Who refuses it does not matter: a policy that
    looks at Pods also refuses those of a Deployment. A policy may take ten seconds to act.
    """
    images = Images(ctx, namespace, rules)
    good, *others = admits
    twin = images.admitted(good, images.ask(good))
    if twin.ok is None:
        yield twin
        return
    if not twin.ok:
        raise _refused(twin)
    for rule, listed in refuses.items():
        facts = [images.refused(rule, one, images.ask(one)) for one in listed]
        yield from grouped(f"Refused: {rule}", facts)
    yield from grouped(
        f"Refused: {next(iter(refuses))}", [images.admitted(one, images.ask(one)) for one in others]
    )
    yield from grouped("Init containers", _inner(images, good, init, refuses))


def _inner(
    images: Images, good: str, init: Listed, refuses: Mapping[str, Listed]
) -> Iterator[Fact]:
    """Yield a fact for each image that an init container must not have."""
    for one in init:
        rule = _rule_of(one, refuses)
        yield images.refused(rule, one, images.ask(good, one), "A Pod whose init container")


@check()
def image_scope(
    ctx: Context, namespace: str, elsewhere: Listed, admits: str, foreign: str
) -> Iterator[Fact]:
    """Asks whether the policy leaves alone what it is not about.

    Other namespaces still admit any image, and in the team's own a Deployment and a ConfigMap can
    be created. A policy whose expressions do not fit a type refuses it altogether
    (`failurePolicy: Fail`).
    """
    own = Images(ctx, namespace)
    by = own.ask(foreign).name
    facts = [_outside(ctx, one, admits, foreign, by) for one in elsewhere]
    yield from grouped("Other namespaces", facts)
    deployment = _deployment(own.pod(admits))
    answers = {
        "a Deployment": admit(ctx, DEPLOYMENT, deployment, namespace),
        "a ConfigMap": admit(ctx, CONFIG_MAP, {"metadata": dict(_NAME)}, namespace),
    }
    facts = [_created(what, namespace, answer) for what, answer in answers.items()]
    yield from grouped("Other types", facts)


_NAME = {"generateName": "labgrader-probe-"}


def _rule_of(image: str, refuses: Mapping[str, Listed]) -> str:
    return next((rule for rule, listed in refuses.items() if image in listed), "")


def _refused(twin: Fact) -> Failure:
    return Failure(
        twin.reason,
        expected=twin.expected,
        actual=twin.actual,
        fix=twin.fix,
        evidence=twin.evidence,
    )


def _deployment(pod: Object) -> Object:
    labels = {"app": "labgrader-probe"}
    template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"metadata": dict(_NAME), "spec": spec}


def _outside(ctx: Context, namespace: str, admits: str, foreign: str, own: str) -> Fact:
    """State that another namespace admits a foreign image, if it admits anything.

    Args:
        own: the policy that refuses the image in the team's namespace. What another one refuses
            elsewhere is the cluster's affair, and hides whether this one would.
    """
    images = Images(ctx, namespace)
    twin, verdict = images.ask(admits), images.ask(foreign)
    name = f"{namespace} admits {foreign}"
    if not twin.got_past(Plugin.POLICY):
        return images.stopped(name, twin)
    if verdict.plugin in BY_IMAGE and verdict.name != own:
        return images.stopped(name, verdict)
    refused = verdict.plugin in BY_IMAGE
    by = f"ValidatingAdmissionPolicy {verdict.name}" if verdict.name else "the API server"
    return fact(
        name,
        not refused,
        reason=f"{by} refuses the image {foreign} in {namespace} as well: {said(verdict)}",
        expected=f"admitted to {namespace}",
        actual=f"refused: {said(verdict)}" if refused else "admitted",
        fix=_narrowed(verdict),
        evidence=[Evidence(f"Pod in {namespace} (dry run)", "image", foreign)],
    )


def _narrowed(verdict: Verdict) -> str:
    return (
        f"Narrow matchResources.namespaceSelector of the binding of policy {verdict.name or 'x'} to"
        " one namespace, by the label kubernetes.io/metadata.name"
    )


def _created(what: str, namespace: str, verdict: Verdict) -> Fact:
    name = verdict.name or "that refuses it"
    return fact(
        f"{what} can be created",
        verdict.got_past(Plugin.POLICY),
        reason=f"{what} with nothing wrong is refused in {namespace}: {said(verdict)}",
        expected="admitted",
        actual=f"refused: {said(verdict)}" if verdict.message else "admitted",
        fix=f"kubectl edit validatingadmissionpolicy {name}: match resources whose fields the"
        " expressions of spec.validations know, such as pods",
        evidence=[Evidence(f"{what} in {namespace} (dry run)", "admission", verdict.message)],
    )
