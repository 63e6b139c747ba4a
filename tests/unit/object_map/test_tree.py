"""The map: objects in, a tree out; states in a word; bounded and harmless whatever comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labgrader.kube.resources import (
    AUTOSCALER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRD,
    CRON_JOB,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    JOB,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
    Resource,
)
from labgrader.kube.status import Severity
from labgrader.object_map.placement import Made
from labgrader.object_map.summary import Seen, see
from labgrader.object_map.tree import (
    BESIDE,
    ELSEWHERE,
    LARGEST,
    NOTHING,
    SHOWN,
    Node,
    ownership,
)
from labgrader.object_map.watcher import Map
from labgrader.report.map import as_plain, as_text

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
MONITOR = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
TITLES = {"task1": "Define", "task2": "Rights", "task3": "Deploy", "task4": "Run"}
NS = "trading-platform"
MADE = (
    Made("task4", "fintech.io", "TradingAlgorithm", NS, "momentum"),
    Made("task1", "fintech.io", "TradingAlgorithm", NS, ""),
    Made("task4", "apps", "Deployment", NS, "momentum-deployment"),
    Made("task3", "apps", "Deployment", NS, "controller"),
    Made("task3", "coordination.k8s.io", "Lease", NS, "leader"),
    Made("task2", "", "ServiceAccount", NS, "operator"),
    Made("task2", "rbac.authorization.k8s.io", "Role", NS, "workloads"),
    Made("task2", "rbac.authorization.k8s.io", "RoleBinding", NS, "workloads"),
    Made("task1", "apiextensions.k8s.io", "CustomResourceDefinition", "", "tradings.fintech.io"),
    Made("task1", "", "Namespace", "", NS),
)
DEFINITION: dict[str, Any] = {
    "spec": {"group": "fintech.io", "names": {"kind": "TradingAlgorithm"}},
    "status": {"conditions": [{"type": "Established", "status": "True"}]},
}


def seen(resource: Resource, name: str, *owners: Seen, **body: Any) -> Seen:
    """Return an object as the map sees it."""
    metadata = {"name": name, "uid": f"uid of {resource.kind} {name}", **body.pop("metadata", {})}
    if resource.namespaced:
        metadata["namespace"] = NS
    if owners:
        metadata["ownerReferences"] = [
            {"kind": one.kind, "name": one.name, "uid": one.uid, "controller": True}
            for one in owners
        ]
    return see(resource, {"metadata": metadata, **body})


def chart(*objects: Seen, watched: tuple[str, ...] = ()) -> list[str]:
    """Return the drawn map's lines, without headings of tasks that made nothing."""
    lines = as_text(Map(ownership(objects, MADE, TITLES, watched))).splitlines()
    empty = (NOTHING, ELSEWHERE)
    return [line for line in lines if line and not line.endswith(empty)]


def every(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from every(node.children)


def test_what_is_owned_stands_under_its_owner_and_resources_under_their_definition() -> None:
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    algorithm = seen(ALGORITHM, "momentum", status={"phase": "Running"})
    deployment = seen(
        DEPLOYMENT,
        "momentum-deployment",
        algorithm,
        spec={"replicas": 3},
        status={"readyReplicas": 2},
    )
    replicas = seen(REPLICA_SET, "momentum-deployment-1", deployment, spec={"replicas": 0})
    assert chart(replicas, deployment, algorithm, crd) == [
        "Define",
        "└─ ✔ CustomResourceDefinition tradings.fintech.io: Established",
        "   └─ ✔ TradingAlgorithm momentum: Running",
        "      └─ … Deployment momentum-deployment: Ready 2/3",
        "         └─ · ReplicaSet momentum-deployment-1: scaled to 0 (an earlier revision)",
    ]


def test_an_empty_lab_has_its_headings() -> None:
    lines = as_text(Map(ownership([], MADE, TITLES))).splitlines()
    assert lines[0] == "Define: nothing yet"
    assert BESIDE not in "\n".join(lines)


def test_a_child_without_an_owner_is_told_apart_by_its_label_or_its_name() -> None:
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    algorithm = seen(ALGORITHM, "momentum")
    named = seen(DEPLOYMENT, "momentum-deployment")
    labelled = seen(SERVICE, "front", metadata={"labels": {"fintech.io/instance": "momentum"}})
    lines = chart(crd, algorithm, named, labelled)
    stays = "no owner: it stays behind when momentum is deleted"
    assert "TradingAlgorithm momentum: no status yet" in lines[2]
    assert [line.strip(" │├└─") for line in lines[3:]] == [
        f"… Deployment momentum-deployment: Ready 0/1; {stays}",
        f"· Service front: ClusterIP; {stays}",
    ]


def test_what_a_deleted_resource_left_behind_is_told() -> None:
    left = seen(DEPLOYMENT, "momentum-deployment", spec={"replicas": 0})
    lines = chart(left)
    assert lines[0] == "Run"
    assert lines[1].endswith("left behind: momentum is gone, and nobody owned this")


def test_an_operator_is_no_child_of_a_resource_that_begins_alike() -> None:
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    algorithm = seen(ALGORITHM, "contr")
    made = (*MADE, Made("task3", "apps", "Deployment", NS, "contr-oller"))
    nodes = ownership([crd, algorithm, seen(DEPLOYMENT, "contr-oller")], made, TITLES)
    (deploy,) = (node for node in nodes if node.name == "Deploy")
    assert [child.name for child in deploy.children] == ["contr-oller"]
    assert not any(node.odd for node in every(nodes))


def test_an_owner_that_is_gone_is_told_and_one_that_is_not_looked_at_is_not_called_gone() -> None:
    gone = seen(ALGORITHM, "momentum")
    orphan = seen(DEPLOYMENT, "momentum-deployment", gone, spec={"replicas": 0})
    assert (
        "its owner is gone: TradingAlgorithm momentum"
        in chart(orphan, watched=("TradingAlgorithm",))[1]
    )
    assert "which is not shown here" in chart(orphan)[1]


def test_what_is_going_anyway_needs_no_attention() -> None:
    going = seen(
        POD, "p", seen(REPLICA_SET, "r"), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}
    )
    assert chart(going, watched=("ReplicaSet",))[1] == "└─ … Pod p: Terminating"


def test_a_task_whose_objects_all_have_owners_is_not_called_empty() -> None:
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    lines = as_text(Map(ownership([crd, seen(ALGORITHM, "momentum")], MADE, TITLES))).splitlines()
    assert f"Run: {ELSEWHERE}" in lines


def test_an_owner_that_was_made_anew_is_another() -> None:
    anew = seen(ALGORITHM, "momentum", metadata={"uid": "another"})
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    orphan = seen(DEPLOYMENT, "momentum-deployment", seen(ALGORITHM, "momentum"))
    lines = chart(crd, anew, orphan, watched=("TradingAlgorithm",))
    assert any("its owner is gone" in line for line in lines)


def test_rights_stand_under_the_account_that_has_them() -> None:
    account = seen(SERVICE_ACCOUNT, "operator")
    role = seen(ROLE, "workloads", rules=[{}, {}])
    subjects = [{"kind": "ServiceAccount", "name": "operator", "namespace": NS}]
    binding = seen(
        ROLE_BINDING, "workloads", roleRef={"kind": "Role", "name": "workloads"}, subjects=subjects
    )
    assert chart(role, binding, account) == [
        "Rights",
        "└─ · ServiceAccount operator",
        "   └─ · RoleBinding workloads: gives Role workloads to ServiceAccount operator",
        "      └─ · Role workloads: 2 rules",
    ]


def test_what_is_bound_to_nothing_is_told() -> None:
    role = seen(ROLE, "workloads")
    binding = seen(
        CLUSTER_ROLE_BINDING,
        "b",
        roleRef={"kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "ServiceAccount", "name": "nobody", "namespace": NS}],
    )
    text = "\n".join(chart(role, binding, watched=("ServiceAccount", "Role")))
    assert "Role workloads: 0 rules; bound by nobody" in text
    assert "there is no ServiceAccount nobody" in text
    assert "there is no ClusterRole" not in text


def test_what_every_namespace_has_is_left_out_unless_somebody_uses_it() -> None:
    default = seen(SERVICE_ACCOUNT, "default")
    assert chart(default, seen(CONFIG_MAP, "kube-root-ca.crt")) == []
    binding = seen(
        ROLE_BINDING,
        "b",
        roleRef={"kind": "Role", "name": "x"},
        subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": NS}],
    )
    assert chart(default, binding)[0] == BESIDE


def test_five_thousand_pods_are_counted_and_those_in_trouble_are_shown() -> None:
    pods = [seen(POD, f"pod-{n:04}", status={"phase": "Succeeded"}) for n in range(5000)]
    bad = seen(POD, "zzz", status={"phase": "Failed"})
    (group,) = (node for node in ownership([*pods, bad], MADE, TITLES) if node.name == BESIDE)
    assert len(group.children) == SHOWN + 1
    assert group.children[-1].name == "… and 4,981 more Pods"
    assert "zzz" in [child.name for child in group.children]


def test_the_tree_is_bounded_in_depth_and_size() -> None:
    chain = [seen(POD, "p0")]
    for number in range(1, 3000):
        chain.append(seen(POD, f"p{number}", chain[-1]))
    assert len(list(every(ownership(chain, MADE, TITLES)))) < 30
    wide: list[Seen] = []
    for number in range(60):
        deployment = seen(DEPLOYMENT, f"d{number}")
        wide.append(deployment)
        for inner in range(30):
            replicas = seen(REPLICA_SET, f"d{number}-{inner}", deployment)
            wide += [replicas, *(seen(POD, f"d{number}-{inner}-{n}", replicas) for n in range(30))]
    nodes = [node for node in every(ownership(wide, MADE, TITLES)) if node.kind]
    assert 100 < len(nodes) <= LARGEST


def test_owners_in_a_circle_are_shown_and_told() -> None:
    first, second = seen(CONFIG_MAP, "a"), seen(CONFIG_MAP, "b")
    objects = [seen(CONFIG_MAP, "a", second), seen(CONFIG_MAP, "b", first)]
    hanging = seen(CONFIG_MAP, "c", first)
    lines = chart(*objects, hanging)
    assert sum("round in a circle" in line for line in lines) == 2
    assert any("ConfigMap c" in line for line in lines)


HOSTILE = "[bold red]x[/] \x1b[31mz\x1b]0;t\x07 \u202eabc 🦆\nnext"


def test_hostile_names_and_states_are_one_harmless_line() -> None:
    algorithm = seen(ALGORITHM, HOSTILE, status={"phase": HOSTILE * 9000})
    drawn = Map(ownership([algorithm], MADE, TITLES))
    for text in (as_text(drawn), "\n".join(as_plain(drawn))):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[bold red]x[/]" in text
        assert len(text) < 2000


def test_plain_says_one_fact_a_line_without_marks() -> None:
    crd = seen(CRD, "tradings.fintech.io", **DEFINITION)
    lines = as_plain(Map(ownership([crd, seen(ALGORITHM, "momentum")], MADE, TITLES)))
    assert lines[:3] == [
        "Define",
        "CustomResourceDefinition tradings.fintech.io: Established; under Define",
        f"TradingAlgorithm momentum: no status yet; under {crd.kind} {crd.name}",
    ]


def test_how_to_look_at_it_is_said() -> None:
    (node,) = ownership([seen(DEPLOYMENT, "controller")], MADE, {"task3": "Deploy"})[0].children
    assert node.command == f"kubectl describe deployment.apps controller -n {NS}"
    odd = seen(CLUSTER_ROLE, "a; reboot")
    (node,) = ownership([odd], MADE, {})[0].children
    assert node.command.endswith(" 'a; reboot'")


def condition(kind: str, status: str, reason: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, "reason": reason}]}


ONE = {"containers": [{}]}


@pytest.mark.parametrize(
    ("resource", "body", "state", "tone"),
    [
        (POD, {"spec": ONE, "status": condition("Ready", "True")}, "Ready 1/1", Severity.GOOD),
        (
            POD,
            {
                "spec": ONE,
                "status": {
                    "phase": "Pending",
                    "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}],
                },
            },
            "Pending 0/1: ErrImagePull",
            Severity.BAD,
        ),
        (
            POD,
            {"spec": ONE, "status": condition("PodScheduled", "False", "Unschedulable")},
            "Pending 0/1: Unschedulable",
            Severity.WAITING,
        ),
        (POD, {"status": {"phase": "Succeeded"}}, "Completed", Severity.GOOD),
        (
            DEPLOYMENT,
            {"status": condition("Progressing", "False", "ProgressDeadlineExceeded")},
            "Ready 0/1: ProgressDeadlineExceeded",
            Severity.BAD,
        ),
        (
            REPLICA_SET,
            {"status": condition("ReplicaFailure", "True", "FailedCreate")},
            "Ready 0/1: FailedCreate",
            Severity.BAD,
        ),
        (LEASE, {"spec": {"holderIdentity": "me"}}, "held by me", Severity.GOOD),
        (LEASE, {"spec": {"holderIdentity": ""}}, "held by nobody", Severity.WAITING),
        (VOLUME_CLAIM, {"status": {"phase": "Bound"}}, "Bound", Severity.GOOD),
        (SERVICE, {"spec": {"ports": [{"port": 80}]}}, "ClusterIP, port 80", Severity.PLAIN),
        (ENDPOINT_SLICE, {"endpoints": None}, "no ready address", Severity.WAITING),
        (
            ENDPOINT_SLICE,
            {"endpoints": [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}]},
            "1 of 2 addresses ready",
            Severity.WAITING,
        ),
        (
            AUTOSCALER,
            {
                "spec": {"minReplicas": 3, "maxReplicas": 20},
                "status": condition("ScalingActive", "False", "FailedGetResourceMetric"),
            },
            "0 replicas of 3 to 20, measures nothing (FailedGetResourceMetric)",
            Severity.WAITING,
        ),
        (
            CRON_JOB,
            {"spec": {"schedule": "0 2 * * *"}},
            "0 2 * * *, no success yet",
            Severity.PLAIN,
        ),
        (CRON_JOB, {"spec": {"schedule": "x", "suspend": True}}, "suspended (x)", Severity.WAITING),
        (JOB, {"status": condition("Failed", "True", "BackoffLimitExceeded")},
         "Failed: BackoffLimitExceeded", Severity.BAD),
        (JOB, {"status": {"active": 1}}, "running, 1 active", Severity.WAITING),
        (CRD, {"status": condition("NamesAccepted", "False")}, "names not accepted", Severity.BAD),
        (NAMESPACE, {"status": {"phase": "Active"}}, "Active", Severity.GOOD),
        (CONFIG_MAP, {"data": {"a": "1"}}, "1 key", Severity.PLAIN),
        (ALGORITHM, {"status": {"phase": "Error"}}, "Error", Severity.BAD),
        (ALGORITHM, {"status": "no map"}, "", Severity.PLAIN),
        (ALGORITHM, {"status": {"conditions": {"a": 1}, "phase": ["x"]}}, "", Severity.PLAIN),
        (MONITOR, {}, "", Severity.PLAIN),
        (
            ALGORITHM,
            {"metadata": {"deletionTimestamp": "now", "finalizers": ["lab/hold"]}},
            "Terminating (held by finalizer lab/hold)",
            Severity.WAITING,
        ),
    ],
)  # fmt: skip
def test_states_in_a_word(resource: Resource, body: Any, state: str, tone: Severity) -> None:
    one = see(resource, body)
    assert (one.state, one.tone) == (state, tone)
