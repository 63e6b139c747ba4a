"""The ResourceQuota of a namespace: how much all its Pods may ask for together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from labgrader.api import (
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
    name_of,
)
from labgrader.toolkit.admission import LIMIT_RANGE, RESOURCE_QUOTA, Plugin, admit_pod
from labgrader.toolkit.kubernetes import quantity

from ._shared import fixes
from ._shared.pods import UNITS, Amounts, bound, pod, resources_of, within

ALIASES = {"requests.cpu": ("cpu",), "requests.memory": ("memory",), "pods": ("count/pods",)}
"""Other keys under which a ResourceQuota counts the same."""

MOST_CONTAINERS = 40


class Found(NamedTuple):
    """Where a quota sets an amount: the object, the key, and how much is allowed and used."""

    name: str
    key: str
    text: str
    hard: Fraction
    used: Fraction


@check()
def resource_quota(
    ctx: Context, namespace: str, image: str, hard: Mapping[str, str], counts: Mapping[str, str]
) -> Iterator[Fact]:
    """Reads the quotas of the namespace, and tries them by dry runs.

    A dry run is checked against a quota and not charged: a Pod that takes all that is left must be
    admitted, and one that takes a little more must be refused. How many objects there may be is
    read. Any number of quotas will do: the smallest one counts. A quota with scopes counts some
    Pods only, so it does not.
    """
    quotas = ctx.list(RESOURCE_QUOTA, namespace)
    if not quotas:
        raise _nothing(namespace, {**hard, **counts})
    _demand_settled(quotas, namespace)
    room = _Room(ctx, namespace, image, quotas)
    yield from grouped("CPU and memory", [room.compute(key, hard[key]) for key in hard])
    yield from grouped("Number of objects", [room.count(key, counts[key]) for key in counts])


def _nothing(namespace: str, hard: Mapping[str, str]) -> Failure:
    wanted = ",".join(f"{key}={value}" for key, value in hard.items())
    label = RESOURCE_QUOTA.describe(None, namespace)
    return Failure(
        f"There is no ResourceQuota in {namespace}: its Pods may take the whole cluster",
        expected=f"a ResourceQuota with hard {wanted}",
        actual="no ResourceQuota",
        fix=f"kubectl create quota room -n {namespace} --hard={wanted}",
        evidence=[Evidence(label)],
    )


def _demand_settled(quotas: Sequence[Object], namespace: str) -> None:
    for one in quotas:
        wanted, known = dig(one, "spec.hard", {}), dig(one, "status.hard", {})
        if {key: quantity(value) for key, value in wanted.items()} != {
            key: quantity(value) for key, value in known.items()
        }:
            label = RESOURCE_QUOTA.describe(name_of(one), namespace)
            raise Unsettled(f"{label} was just changed and is not counted yet", "Check again")


class _Room:
    """The quotas of one namespace."""

    def __init__(self, ctx: Context, namespace: str, image: str, quotas: Sequence[Object]) -> None:
        self._ctx = ctx
        self._namespace = namespace
        self._image = image
        self._quotas = quotas
        self._ranges = ctx.list(LIMIT_RANGE, namespace)

    def count(self, key: str, wanted: str) -> Fact:
        """State how many objects of a type there may be."""
        return self._fact(key, wanted, self._smallest(key))

    def compute(self, key: str, wanted: str) -> Fact:
        """State how much may be asked for, once the API server does as the quota says."""
        found = self._smallest(key)
        stated = self._fact(key, wanted, found)
        if found is not None and stated.ok:
            self._demand_in_force(key, found)
        return stated

    def _smallest(self, key: str) -> Found | None:
        found = [
            Found(name_of(one), name, str(value), amount, used)
            for one in self._quotas
            if not _scoped(one)
            for name, value in dig(one, "spec.hard", {}).items()
            if name in (key, *ALIASES.get(key, ()))
            and (amount := quantity(value)) is not None
            and (used := quantity(dig(one, "status.used", {}).get(name, 0))) is not None
        ]
        return min(found, key=lambda one: one.hard, default=None)

    def _fact(self, key: str, wanted: str, found: Found | None) -> Fact:
        name = found.name if found else name_of(self._quotas[0])
        actual = f"{found.key}: {found.text}" if found else "not set"
        return fact(
            f"{key} {wanted}",
            found is not None and found.hard == quantity(wanted),
            reason=f"ResourceQuota {self._namespace}/{found.name} allows {actual}, not {wanted}"
            if found
            else self._unset(key),
            expected=f"{key}: {wanted}",
            actual=actual,
            fix=self._fix(key, wanted, found),
            evidence=[
                Evidence(
                    RESOURCE_QUOTA.describe(name, self._namespace), f"spec.hard[{key}]", actual
                )
            ],
        )

    def _unset(self, key: str) -> str:
        scoped = [name_of(one) for one in self._quotas if _scoped(one) and key in _keys(one)]
        if scoped:
            return (
                f"ResourceQuota {self._namespace}/{scoped[0]} has scopes: its {key} counts some"
                " Pods only, and the others are not limited"
            )
        return f"No ResourceQuota in {self._namespace} sets {key}"

    def _fix(self, key: str, wanted: str, found: Found | None) -> str:
        open_ones = [name_of(one) for one in self._quotas if not _scoped(one)]
        if found:
            patch = {"spec": {"hard": {found.key: wanted}}}
            return fixes.merge(RESOURCE_QUOTA, found.name, self._namespace, patch)
        if open_ones:
            patch = {"spec": {"hard": {key: wanted}}}
            return fixes.merge(RESOURCE_QUOTA, open_ones[0], self._namespace, patch)
        name = key.replace(".", "-").replace("/", "-")
        return f"kubectl create quota {name} -n {self._namespace} --hard={key}={wanted}"

    def _demand_in_force(self, key: str, found: Found) -> None:
        """Ask for what is left, and for a little more; raise where the API server differs."""
        kind, _, resource = key.partition(".")
        left = found.hard - found.used
        fits = self._exceeds(kind, resource, left, found)
        beyond = self._exceeds(kind, resource, left + UNITS[resource], found)
        if fits or beyond is False:
            raise Unsettled(
                f"ResourceQuota {self._namespace}/{found.name} has {key} {found.text}, and the API"
                f" server {'refuses what is left of it' if fits else 'admits more'}",
                "Check again in a moment: its use is being counted",
            )

    def _exceeds(self, kind: str, resource: str, amount: Fraction, found: Found) -> bool | None:
        """Whether a Pod with this amount exceeds the quota; None where a dry run cannot tell."""
        body = self._pod(kind, resource, amount)
        if body is None:
            return None
        verdict = admit_pod(self._ctx, body, self._namespace)
        if verdict.admitted:
            return False
        if verdict.plugin is Plugin.QUOTA and verdict.name == found.name:
            return found.key in verdict.amounts
        return None

    def _pod(self, kind: str, resource: str, amount: Fraction) -> Object | None:
        """Return a Pod that asks for ``amount`` in all, in as many containers as that takes."""
        most = min(bound(self._ranges, "max", resource), default=amount)
        least = min(bound(self._ranges, "min", resource), default=UNITS[resource])
        if amount < least or most <= 0:
            return None
        number = -(-amount // most)
        if number > MOST_CONTAINERS:
            return None
        units = amount / UNITS[resource]
        shares = [units // number + (at < units % number) for at in range(int(number))]
        return pod(
            self._image, [self._share(kind, resource, one * UNITS[resource]) for one in shares]
        )

    def _share(self, kind: str, resource: str, amount: Fraction) -> Mapping[str, object]:
        limits: dict[str, Fraction] = {**within(self._ranges), resource: amount}
        if kind == "requests":
            return resources_of(limits)
        ratios = bound(self._ranges, "maxLimitRequestRatio", resource)
        request = min(amount, within(self._ranges)[resource])
        least: Amounts = {**limits, resource: amount if ratios else request}
        return resources_of(limits, least)


def _scoped(quota: Object) -> bool:
    return bool(dig(quota, "spec.scopes") or dig(quota, "spec.scopeSelector"))


def _keys(quota: Object) -> list[str]:
    return list(dig(quota, "spec.hard", {}))
