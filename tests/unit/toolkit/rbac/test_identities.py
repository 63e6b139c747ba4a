"""The members of a group, as bindings reach them."""

from __future__ import annotations

import pytest

from labgrader.kube.resources import CLUSTER_ROLE, ROLE_BINDING
from labgrader.toolkit.rbac.fixes import unbind, without
from labgrader.toolkit.rbac.grants import Binding, Ref
from labgrader.toolkit.rbac.identities import Member, impersonating
from labgrader.toolkit.rbac.rules import Account

DEVELOPERS = Member("red-developers", "anna")
GROUP = {"kind": "Group", "name": "red-developers"}
EVERYBODY = {"kind": "Group", "name": "system:authenticated"}
ANNA = {"kind": "User", "name": "anna"}


def bound(*subjects: dict[str, str]) -> Binding:
    return Binding(Ref(ROLE_BINDING, "b", "n"), subjects, Ref(CLUSTER_ROLE, "view"), default=False)


@pytest.mark.parametrize(
    ("subject", "named", "reached"),
    [
        (GROUP, True, True),
        (EVERYBODY, False, True),
        (ANNA, False, False),
        ({"kind": "User", "name": "red-developers"}, False, False),
        ({"kind": "ServiceAccount", "name": "red-developers", "namespace": "n"}, False, False),
    ],
)
def test_a_group_is_reached_by_its_name(
    subject: dict[str, str], named: bool, reached: bool
) -> None:
    assert DEVELOPERS.is_named_by(subject) is named
    assert DEVELOPERS.is_reached_by(subject) is reached


def test_an_access_review_names_the_group_and_no_user_that_a_binding_could_name() -> None:
    assert DEVELOPERS.groups == ("red-developers", "system:authenticated")
    assert "anna" not in DEVELOPERS.user
    assert impersonating(DEVELOPERS) == "--as=anna --as-group=red-developers"
    assert impersonating(Account("n", "a")) == "--as=system:serviceaccount:n:a"


def test_subjects_are_removed_by_index() -> None:
    binding = bound(GROUP, ANNA)
    assert '"/subjects/0"' in unbind(binding, DEVELOPERS)
    assert '"/subjects/1"' in without(binding, [1])
    assert without(binding, [0, 1]) == "kubectl delete rolebinding b -n n"
