"""The LimitRange of a namespace: what one container gets, and what it may ask for at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

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
from labgrader.toolkit.admission import LIMIT_RANGE, Plugin, Verdict, admit_pod, limits_of
from labgrader.toolkit.kubernetes import quantity

from ._shared import fixes
from ._shared.pods import UNITS, bound, pod, resources_of, within

FIELDS = {"defaultRequest": "requests", "default": "limits"}

Amounts = Mapping[str, str]


@check()
def limit_range(
    ctx: Context,
    namespace: str,
    image: str,
    default: Amounts,
    default_request: Amounts,
    maximum: Amounts,
) -> Iterator[Fact]:
    """Asks by dry runs what a container gets that asks for nothing, and what is too much for one.

    The defaults are those that the API server fills in. A container that asks for the maximum must
    be admitted, and one that asks for a little more refused. Where a quota has no room left for the
    dry run, the LimitRange itself is read.
    """
    ranges = ctx.list(LIMIT_RANGE, namespace)
    if not ranges:
        raise _nothing(namespace, default, default_request, maximum)
    sizes = _Sizes(ctx, namespace, image, ranges)
    wanted = {"defaultRequest": default_request, "default": default}
    yield from grouped("Defaults", sizes.defaults(wanted))
    yield from grouped("Maximum", [sizes.maximum(name, maximum[name]) for name in maximum])


def _nothing(
    namespace: str, default: Amounts, default_request: Amounts, maximum: Amounts
) -> Failure:
    limit = {"default": default, "defaultRequest": default_request, "max": maximum}
    body = {
        "metadata": {"name": "sizes", "namespace": namespace},
        "spec": {"limits": [{"type": "Container", **limit}]},
    }
    return Failure(
        f"There is no LimitRange in {namespace}: a container that asks for nothing gets no requests"
        " and no limits",
        expected="a LimitRange with default, defaultRequest and max for type Container",
        actual="no LimitRange",
        fix=fixes.create(LIMIT_RANGE, body),
        evidence=[Evidence(LIMIT_RANGE.describe(None, namespace))],
    )


class _Sizes:
    """The LimitRanges of one namespace."""

    def __init__(self, ctx: Context, namespace: str, image: str, ranges: list[Object]) -> None:
        self._ctx = ctx
        self._namespace = namespace
        self._image = image
        self._ranges = ranges

    def defaults(self, wanted: Mapping[str, Amounts]) -> Iterator[Fact]:
        """Yield a fact for each default."""
        verdict = admit_pod(self._ctx, pod(self._image, [{}]), self._namespace)
        filled = dig(verdict.stored, "spec.containers", [{}])[0].get("resources") or {}
        for key, amounts in wanted.items():
            for resource, amount in amounts.items():
                told = filled.get(FIELDS[key], {}).get(resource)
                read = limits_of(self._ranges, "Container", key, resource)
                if verdict.admitted and read and quantity(told) not in map(quantity, read):
                    raise self._unsettled()
                actual = told if verdict.admitted else next(iter(read), None)
                yield self._fact(key, resource, amount, actual)

    def maximum(self, resource: str, wanted: str) -> Fact:
        """State what the largest container is."""
        most = quantity(wanted)
        assert most is not None
        read = self._smallest(resource)
        stated = self._fact("max", resource, wanted, read)
        at, beyond = self._ask(resource, most), self._ask(resource, most + UNITS[resource])
        if not (at.admitted or beyond.admitted):
            return stated  # the quota, or a limit of another kind, has a say: read
        fits = at.got_past(Plugin.LIMIT_RANGE)
        refused = beyond.plugin in (Plugin.LIMIT_RANGE, Plugin.QUOTA)
        if stated.ok and not (fits and refused):
            raise self._unsettled()
        return stated

    def _unsettled(self) -> Unsettled:
        return Unsettled(f"The LimitRange of {self._namespace} does not act yet", "Check again")

    def _ask(self, resource: str, amount: Fraction) -> Verdict:
        sizes = resources_of({**within(self._ranges), resource: amount})
        ratios = bound(self._ranges, "maxLimitRequestRatio", resource)
        if not ratios:
            small = resources_of(within(self._ranges))["requests"][resource]
            sizes["requests"][resource] = small
        return admit_pod(self._ctx, pod(self._image, [sizes]), self._namespace)

    def _smallest(self, resource: str) -> str | None:
        """Return the smallest maximum: every LimitRange must be met."""
        found = limits_of(self._ranges, "Container", "max", resource)
        return min(found, key=lambda one: quantity(one) or 0, default=None)

    def _fact(self, key: str, resource: str, wanted: str, actual: str | None) -> Fact:
        where = f"spec.limits[].{key}.{resource}"
        shown = "not set" if actual is None else str(actual)
        said = {
            "default": "A container without limits gets",
            "defaultRequest": "A container without requests gets",
            "max": "The largest container has",
        }[key]
        name = self._named(key, resource)
        return fact(
            f"{key} {resource} {wanted}",
            actual is not None and quantity(actual) == quantity(wanted),
            reason=f"{said} {resource} {shown} in {self._namespace}, not {wanted} ({key})",
            expected=f"{key}.{resource}: {wanted}",
            actual=f"{key}.{resource}: {shown}",
            fix=self._fix(key, resource, wanted),
            evidence=[Evidence(LIMIT_RANGE.describe(name, self._namespace), where, shown)],
        )

    def _named(self, key: str, resource: str) -> str:
        """Return the LimitRange that sets it; the first one where none does."""
        own = (one for one in self._ranges if limits_of([one], "Container", key, resource))
        return name_of(next(own, self._ranges[0]))

    def _fix(self, key: str, resource: str, wanted: str) -> str:
        """Return the command that sets one amount of a LimitRange's first item for containers."""
        name = self._named(key, resource)
        chosen = next(one for one in self._ranges if name_of(one) == name)
        limits = [dict(one) for one in dig(chosen, "spec.limits", [])]
        item = next((one for one in limits if one.get("type") == "Container"), None)
        if item is None:
            limits.append(item := {"type": "Container"})
        for key_of in _together(key, resource, item, wanted):
            item[key_of] = {**(item.get(key_of) or {}), resource: wanted}
        patch = {"spec": {"limits": limits}}
        return fixes.merge(LIMIT_RANGE, name, self._namespace, patch)


def _together(key: str, resource: str, item: Object, wanted: str) -> list[str]:
    """Return the fields to set: the API refuses a default beyond ``max``, a request beyond it."""
    order = ["defaultRequest", "default", "max"]
    value, found = quantity(wanted) or Fraction(0), [key]
    for other in order:
        given = quantity((item.get(other) or {}).get(resource))
        if other == key or given is None:
            continue
        lower = order.index(other) < order.index(key)
        if (lower and given > value) or (not lower and given < value):
            found.append(other)
    return found
