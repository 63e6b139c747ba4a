"""Which webhook is behind a failure, and the command that helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labgrader.errors import (
    ClusterError,
    Forbidden,
    TimedOut,
    Unreachable,
    WebhookFailed,
)
from labgrader.kube import webhooks
from labgrader.kube.resources import CONFIG_MAP, CRD, Object, Resource

THING = Resource("example.io", "v1", "things", "Thing")


def configuration(name: str, group: str, plural: str, seconds: int) -> Object:
    rule = {"apiGroups": [group], "resources": [plural]}
    hook = {"name": f"{name}.example", "timeoutSeconds": seconds, "rules": [rule]}
    return {"metadata": {"name": name}, "webhooks": [hook]}


class Cluster:
    """What webhooks there are; counts what is read."""

    def __init__(self, *configurations: Object, conversion: str = "None") -> None:
        self.configurations = configurations
        self.conversion = conversion
        self.error: ClusterError | None = None

    def read(self, resource: Resource, name: str | None) -> Sequence[Object]:
        if self.error:
            raise self.error
        if resource == CRD:
            return [
                {"metadata": {"name": name}, "spec": {"conversion": {"strategy": self.conversion}}}
            ]
        return self.configurations if resource.plural.startswith("validating") else ()


SLOW = TimedOut("The API server x did not answer within 5 s", "Look at it")


def explained(error: ClusterError, cluster: Cluster, resource: Resource = THING) -> ClusterError:
    return webhooks.explained(error, resource, cluster.read)


def test_a_slow_one_is_named_where_it_is_asked_about_the_resource() -> None:
    cluster = Cluster(
        configuration("quick", "example.io", "things", 1),
        configuration("slow", "*", "*/*", 10),
        configuration("other", "apps", "deployments", 30),
    )
    found = explained(SLOW, cluster)
    assert isinstance(found, TimedOut)
    assert "ValidatingWebhookConfiguration slow calls the webhook slow.example" in found.message
    assert "10 s" in found.message
    assert found.next_step.endswith("kubectl delete validatingwebhookconfiguration slow")


def test_a_conversion_webhook_is_slow_for_reads_too() -> None:
    found = explained(SLOW, Cluster(conversion="Webhook"))
    assert "CustomResourceDefinition things.example.io" in found.message
    assert "kubectl patch crd things.example.io" in found.next_step


def test_without_one_it_is_the_api_server() -> None:
    assert explained(SLOW, Cluster(), CONFIG_MAP) is SLOW


def test_one_that_fails_is_named_with_its_configuration_and_groups() -> None:
    cluster = Cluster(configuration("policy", "example.io", "things", 1))
    failed = WebhookFailed("policy.example", 'failed calling webhook "policy.example"', "see")
    found = explained(failed, cluster)
    assert isinstance(found, WebhookFailed)
    assert found.message.startswith("ValidatingWebhookConfiguration policy stops this request")
    assert found.groups == ("example.io",)
    other: Any = WebhookFailed("gone.example", "failed", "see")
    assert explained(other, cluster) is other


def test_what_cannot_be_explained_stays_as_it_is() -> None:
    cluster = Cluster()
    cluster.error = Forbidden("no")
    assert explained(SLOW, cluster) is SLOW
    lost = Unreachable("gone")
    assert explained(lost, cluster) is lost
