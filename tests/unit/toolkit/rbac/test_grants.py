"""From roles and bindings to what reaches an account; and the checks, without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pytest

from labgrader.errors import Unsettled
from labgrader.grading.findings import Fact, Failure
from labgrader.grading.registry import Check
from labgrader.kube.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Object,
    Resource,
)
from labgrader.toolkit.rbac.grants import confirm, grants, selects, untouched_default
from labgrader.toolkit.rbac.rules import Account, Action, Rule
from tests.support.lab_checks import CHECKS

T = TypeVar("T")

ACCOUNT = Account("lab", "op")
SUBJECT = {"kind": "ServiceAccount", "namespace": "lab", "name": "op"}
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
SERVER = [{"manager": "kube-apiserver", "operation": "Update"}]
EDITED = [*SERVER, {"manager": "kubectl-edit", "operation": "Update"}]


class Books:
    """Roles and bindings, as a check reads them; ``authorizer`` answers access reviews."""

    namespace = "lab"

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str | None, str], Object] = {}
        self.reads: list[str] = []
        self.others: set[str] = set()

    def put(self, kind: Resource, name: str, namespace: str | None = None, **more: Any) -> None:
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        meta |= {key: more.pop(key) for key in ("labels", "managedFields") if key in more}
        self.objects[(kind.plural, namespace, name)] = {"metadata": meta, **more}

    def bind(
        self,
        name: str,
        role: str,
        namespace: str | None = None,
        *subjects: Mapping[str, str],
        kind: str = "",
        **more: Any,
    ) -> None:
        self.put(
            ROLE_BINDING if namespace else CLUSTER_ROLE_BINDING,
            name,
            namespace,
            roleRef={"kind": kind or ("Role" if namespace else "ClusterRole"), "name": role},
            subjects=list(subjects or (SUBJECT,)),
            **more,
        )

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        self.reads.append(f"{resource.plural}/{name}")
        return self.objects.get((resource.plural, namespace, name))

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        self.reads.append(resource.plural)
        return [
            obj
            for (plural, where, _), obj in self.objects.items()
            if plural == resource.plural and namespace in (None, where)
        ]

    def served(self, group: str) -> None:
        """Nothing is known of any group, so every resource may be there."""

    def computed(self, resource: Resource, make: Callable[[Sequence[Object]], T]) -> T:
        return make(self.list(resource))

    def access_review(self, spec: Mapping[str, Any]) -> bool:
        asked = spec.get("resourceAttributes") or spec["nonResourceAttributes"]
        resource = asked.get("resource", "")
        if asked.get("subresource"):
            resource += f"/{asked['subresource']}"
        action = Action(
            asked["verb"],
            asked.get("group", ""),
            resource,
            asked.get("namespace"),
            asked.get("name", ""),
            asked.get("path", ""),
        )
        return str(action) in self.others or any(
            grant.permits(action) for grant in grants(self, ACCOUNT)
        )


def rules_of(books: Books) -> list[Rule]:
    return [grant.rule for grant in grants(books, ACCOUNT)]


def test_only_what_reaches_the_account_counts() -> None:
    books = Books()
    books.put(ROLE, "reader", "lab", rules=[PODS])
    books.put(CLUSTER_ROLE, "wide", rules=[SECRETS])
    books.bind("mine", "reader", "lab")
    books.bind("theirs", "wide", None, {"kind": "User", "name": "else"})
    books.bind("ghost", "no-such-role", "lab")
    books.bind("nobody", "wide", None, {"kind": "Group", "name": "system:unauthenticated"})
    assert rules_of(books) == [Rule.of(PODS)]
    assert "clusterroles/wide" not in books.reads  # nor is anything else read


def test_a_cluster_role_bound_in_a_namespace_holds_there_alone() -> None:
    books = Books()
    books.put(CLUSTER_ROLE, "reader", rules=[PODS, {"nonResourceURLs": ["/x"], "verbs": ["get"]}])
    books.bind("mine", "reader", "lab", kind="ClusterRole")
    held = grants(books, ACCOUNT)
    assert any(grant.permits(Action("get", "", "pods", "lab")) for grant in held)
    for action in (
        Action("get", "", "pods", "other"),
        Action("get", "", "pods"),
        Action("get", url="/x"),
    ):
        assert not any(grant.permits(action) for grant in held), action


def test_null_rules_and_subjects() -> None:
    books = Books()
    books.put(CLUSTER_ROLE, "empty", rules=None)
    books.bind("mine", "empty")
    books.put(CLUSTER_ROLE_BINDING, "none", roleRef={"kind": "ClusterRole", "name": "empty"})
    assert rules_of(books) == []


def test_an_aggregated_role_names_the_part_that_holds_the_rule() -> None:
    books = Books()
    selector = {"clusterRoleSelectors": [{"matchLabels": {"part": "op"}}]}
    books.put(CLUSTER_ROLE, "whole", aggregationRule=selector, rules=[PODS, SECRETS])
    books.put(CLUSTER_ROLE, "b", labels={"part": "op"}, rules=[SECRETS, PODS])
    books.bind("mine", "whole")
    told = [str(grant) for grant in grants(books, ACCOUNT)]
    assert told == [
        "ClusterRole b, rule 2 through ClusterRole whole (by ClusterRoleBinding mine)",
        "ClusterRole b, rule 1 through ClusterRole whole (by ClusterRoleBinding mine)",
    ]


@pytest.mark.parametrize("rules", [None, [PODS], [PODS, SECRETS, PODS | {"verbs": ["watch"]}]])
def test_aggregation_that_lags_is_not_judged(rules: list[Object] | None) -> None:
    books = Books()
    selector = {"clusterRoleSelectors": [{"matchLabels": {"part": "op"}}]}
    books.put(CLUSTER_ROLE, "whole", aggregationRule=selector, rules=rules)
    books.put(CLUSTER_ROLE, "part", labels={"part": "op"}, rules=[PODS, SECRETS])
    books.bind("mine", "whole")
    with pytest.raises(Unsettled, match="whole is not aggregated"):
        grants(books, ACCOUNT)


def test_a_part_that_is_aggregated_itself_has_to_be_settled_too() -> None:
    books = Books()
    for name, part, label in (("whole", "middle", "-"), ("middle", "leaf", "middle")):
        books.put(
            CLUSTER_ROLE,
            name,
            labels={"part": label},
            aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"part": part}}]},
            rules=[PODS],
        )
    books.put(CLUSTER_ROLE, "leaf", labels={"part": "leaf"}, rules=[PODS])
    books.bind("mine", "whole")
    assert [str(grant.source) for grant in grants(books, ACCOUNT)] == ["ClusterRole leaf"]
    books.put(CLUSTER_ROLE, "leaf", labels={"part": "leaf"}, rules=[SECRETS])
    with pytest.raises(Unsettled, match="middle"):
        grants(books, ACCOUNT)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchLabels": {"a": "1", "b": "1"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "In", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({}, True),
    ],
)
def test_selectors(selector: Object, chosen: bool) -> None:
    role = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}, selector]}}
    assert selects(role, {"metadata": {"labels": {"a": "1"}}}) is chosen


@pytest.mark.parametrize(
    ("labels", "managers", "default"),
    [
        (BOOTSTRAP, SERVER, True),
        (BOOTSTRAP, EDITED, False),
        (BOOTSTRAP, [], False),
        ({}, SERVER, False),
        ({"kubernetes.io/bootstrapping": "mine"}, SERVER, False),
    ],
)
def test_what_the_cluster_came_with(labels: Object, managers: Any, default: bool) -> None:
    obj = {"metadata": {"labels": labels, "managedFields": managers}}
    assert untouched_default(obj) is default


def test_an_answer_that_differs_from_the_roles_is_not_judged() -> None:
    action = Action("get", "", "pods", "lab")
    seen: list[Mapping[str, Any]] = []

    def ask(spec: Mapping[str, Any]) -> bool:
        seen.append(spec)
        return True

    confirm(ask, ACCOUNT, action, permitted=True)
    with pytest.raises(Unsettled, match="allows op to get pods in lab, but the roles deny it"):
        confirm(ask, ACCOUNT, action, permitted=False)
    assert seen[0]["user"] == "system:serviceaccount:lab:op"
    assert seen[0]["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:lab",
        "system:authenticated",
    ]


def calls_of(action: Callable[[], object]) -> int:
    """How many functions ``action`` calls: what it costs, on any machine."""
    count = 0

    def step(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def crowd(size: int) -> Books:
    """``size`` bindings of others, and one of the account's own."""
    books = Books()
    for number in range(size):
        books.put(ROLE, f"role-{number}", "other", rules=[PODS])
        user = {"kind": "User", "name": f"user-{number}"}
        books.bind(f"binding-{number}", f"role-{number}", "other", user)
    books.put(ROLE, "mine", "lab", rules=[PODS])
    books.bind("mine", "mine", "lab")
    return books


def test_thousands_of_bindings_cost_one_pass() -> None:
    books = crowd(2000)
    assert rules_of(books) == [Rule.of(PODS)]
    assert len(books.reads) == 3
    few, many = crowd(200), crowd(2000)
    assert calls_of(lambda: rules_of(many)) < 12 * calls_of(lambda: rules_of(few))


@pytest.fixture(scope="module")
def checks() -> Mapping[str, Check]:
    return CHECKS


def least(books: Books, check: Check, **more: Any) -> list[Fact]:
    rows: dict[str, Any] = {"required": [PODS], "allowed": [PODS], "everyone": [], "probes": []}
    return list(check.judge(books, "op", ["reader"], **(rows | more)))


@pytest.fixture
def working() -> Books:
    books = Books()
    books.put(ROLE, "reader", "lab", rules=[PODS])
    books.bind("mine", "reader", "lab")
    return books


def default(books: Books, managers: Any, rules: list[Object]) -> None:
    """Put what a cluster gives everybody, with a trace of who wrote it."""
    meta = {"labels": BOOTSTRAP, "managedFields": managers}
    books.put(CLUSTER_ROLE, "system:common", rules=rules, **meta)
    everybody = {"kind": "Group", "name": "system:authenticated"}
    meta = {"labels": BOOTSTRAP, "managedFields": SERVER}
    books.bind("system:common", "system:common", None, everybody, **meta)


def test_what_everybody_has_does_not_count(working: Books, checks: Mapping[str, Check]) -> None:
    default(working, SERVER, [SECRETS])
    assert all(one.ok for one in least(working, checks["rbac_least_privilege"]))


def test_what_somebody_added_for_everybody_counts(
    working: Books, checks: Mapping[str, Check]
) -> None:
    default(working, EDITED, [PODS, SECRETS])
    facts = least(working, checks["rbac_least_privilege"], everyone=[PODS])
    wrong = [one for one in facts if not one.ok]
    assert len(wrong) == 1
    assert wrong[0].reason.startswith(
        "ClusterRole system:common, rule 2 (by ClusterRoleBinding system:common) permits get"
    )
    assert "patch clusterrole system:common" in wrong[0].fix


def test_an_account_that_can_do_nothing_earns_nothing(checks: Mapping[str, Check]) -> None:
    books = Books()
    default(books, SERVER, [SECRETS])
    with pytest.raises(Failure, match="nothing to be narrowed"):
        least(books, checks["rbac_least_privilege"])
    with pytest.raises(Failure, match="may do nothing"):
        list(checks["rbac_required"].judge(books, "op", "reader", [PODS]))


def test_another_authorizer_is_never_a_pass(working: Books, checks: Mapping[str, Check]) -> None:
    probe = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "cluster": True}
    assert all(one.ok for one in least(working, checks["rbac_least_privilege"], probes=[probe]))
    working.others = {"* *.* across the cluster", "watch pods in lab"}
    with pytest.raises(Unsettled, match="authorizer other than RBAC"):
        least(working, checks["rbac_least_privilege"], probes=[probe])
    required = [PODS | {"verbs": ["watch"]}]
    with pytest.raises(Unsettled):
        list(checks["rbac_required"].judge(working, "op", "reader", required))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_rights_weigh_twice_what_people_weigh(
    working: Books, checks: Mapping[str, Check], count: int
) -> None:
    more = [SECRETS | {"resources": [f"secrets{number}"]} for number in range(count)]
    working.put(ROLE, "reader", "lab", rules=[PODS, *more])
    mallory = {"kind": "User", "name": "mallory"}
    working.bind("mine", "reader", "lab", SUBJECT, mallory)
    facts = least(working, checks["rbac_least_privilege"])
    people = [one for one in facts if "alone" in one.group]
    rights = [one for one in facts if one not in people]
    assert len(rights) == count
    assert len({one.group for one in rights}) == len({one.group for one in people}) == 1
    assert {one.weight for one in rights} == {2}
    assert {one.weight for one in people} == {1}
    assert "User mallory" in people[0].reason
