"""The operator's settings, as whoever reads the ConfigMap's text would understand them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit.config_maps import NotReadable, stored_yaml
from labgrader.toolkit.kubernetes import duration, plain_name, quantity
from labgrader.toolkit.wording import common_end, misplaced, near, shown


@check()
def operator_config(
    ctx: Context, name: str, key: str, settings: Sequence[Mapping[str, Any]]
) -> Iterator[Fact]:
    """Parses the text in the ConfigMap and compares what it means, setting by setting.

    A ConfigMap holds strings; what is in them is up to the program that reads them, so the API
    server accepts anything. YAML and JSON are both fine, under any key, with comments and settings
    of your own; durations and amounts may be written as you like (`30s` or `0.5m`, `100m` or
    `0.1`). An address must be one that others can reach: a port on every address of the pod.
    """
    label = CONFIG_MAP.describe(name, ctx.namespace)
    fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
    found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
    used, data = _best(found, label, key, settings)
    edit = f"kubectl edit configmap {name} -n {ctx.namespace}"
    for setting in settings:
        one = _setting(data, setting, edit, label, used)
        yield from grouped(str(setting["group"]), [one])


def _best(
    found: Object, label: str, key: str, settings: Sequence[Mapping[str, Any]]
) -> tuple[str, Mapping[Any, Any]]:
    """Return the key whose text holds most of the settings, and what the text says."""
    texts: dict[str, str] = dig(found, "data", {})
    if not texts:
        raise _useless(label, "it has no data", "data", key)
    read = {name: _read(text) for name, text in sorted(texts.items())}
    maps = {name: data for name, data in read.items() if isinstance(data, Mapping)}
    if not maps:
        first = key if key in read else next(iter(read))
        why = read[first]
        told = f"is not readable: {why}" if isinstance(why, NotReadable) else f"is {_sort(why)}"
        raise _useless(label, f"data[{first}] {told}", f"data[{first}]", key)

    def holds(name: str) -> tuple[int, bool]:
        return sum(_agrees(_at(maps[name], one["path"]), one) for one in settings), name == key

    best = max(maps, key=holds)
    return best, maps[best]


def _read(text: str) -> Any:
    """Return what the text says, or why it cannot be read."""
    try:
        return stored_yaml(text)
    except NotReadable as error:
        return error


def _sort(value: object) -> str:
    kinds = {type(None): "empty", list: "a list, not a mapping", str: "a string, not a mapping"}
    return kinds.get(type(value), "a single value, not a mapping")


def _useless(label: str, why: str, path: str, key: str) -> Failure:
    return Failure(
        f"{label} holds no settings: {why}",
        expected=f"a YAML mapping under {key}",
        actual=why,
        fix=f"Write the settings into a file {key}, and: kubectl create configmap"
        f" {label.rpartition('/')[2]} -n {label.partition(' ')[2].partition('/')[0]}"
        f" --from-file={key} --dry-run=client -o yaml | kubectl apply -f -",
        evidence=[Evidence(label, path, why)],
    )


def _at(data: object, path: Sequence[str]) -> Any:
    """Follow the keys; None where one is missing."""
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _setting(
    data: Mapping[Any, Any], setting: Mapping[str, Any], edit: str, label: str, key: str
) -> Fact:
    path, wanted = ".".join(setting["path"]), shown(setting["value"])
    actual = _at(data, setting["path"])
    held = "not set" if actual is None else shown(actual)
    hint = _elsewhere(data, setting) if actual is None else _hint(actual, setting)
    return fact(
        f"{path} is {wanted}".replace('"', ""),
        _agrees(actual, setting),
        reason=f"The setting {path} is {held} instead of {wanted}{hint}",
        expected=f"{path}: {wanted}",
        actual=f"{path}: {held}",
        fix=f"{edit}, and set {path}: {wanted}",
        evidence=[Evidence(label, f"data[{key}].{path}", held)],
    )


def _elsewhere(data: Mapping[Any, Any], setting: Mapping[str, Any]) -> str:
    """Say where a setting was found instead: under a name that is near, or at another level."""
    path = setting["path"]
    missed, meant = _missed_key(data, path)
    if meant and _agrees(_at(data, meant), setting):
        return missed
    for other in misplaced(data, path):
        if _agrees(_at(data, other), setting):
            end = common_end(other, path)
            where = f"under {'.'.join(path[:-end])}" if end < len(path) else "to the top level"
            return f": it was found at {'.'.join(other)}; move {path[-end]} {where}"
    return missed


def _missed_key(data: object, path: Sequence[str]) -> tuple[str, list[str]]:
    """Return what is said of the first key of a path that is missing, and the path that is near."""
    for depth, key in enumerate(path):
        there = _at(data, path[:depth])
        if not isinstance(there, Mapping):
            break
        if key not in there:
            meant = near(key, map(str, there))
            told = f"; there is {meant}, and no {key}" if meant else ""
            return told, [*path[:depth], meant, *path[depth + 1 :]] if meant else []
    return "", []


def _hint(actual: object, setting: Mapping[str, Any]) -> str:
    """Say what a value lacks that looks right at first sight."""
    if setting.get("kind") == "duration" and isinstance(actual, int | float):
        return ": a duration needs a unit, such as 30s (this is a number without a unit)"
    if setting.get("kind") == "address" and str(setting["value"]).strip(":") in str(actual):
        return ": an address is HOST:PORT, and a host that is left out means all of them"
    return ""


def _agrees(actual: object, setting: Mapping[str, Any]) -> bool:
    wanted = setting["value"]
    return actual is not None and _KINDS[setting.get("kind", "same")](actual, wanted)


def _same(actual: object, wanted: object) -> bool:
    """Compare as it stands; YAML's 1 is not true, and "true" is a text."""
    return type(actual) is type(wanted) and actual == wanted


def _same_amount(actual: object, wanted: object) -> bool:
    return quantity(actual) == quantity(wanted) is not None


def _same_time(actual: object, wanted: object) -> bool:
    return duration(actual) == duration(wanted) is not None


def _same_address(actual: object, wanted: object) -> bool:
    return _listens(actual) == _listens(wanted) is not None


_EVERYWHERE = re.compile(r"(?:0\.0\.0\.0|\[(?:::|::0|0:0:0:0:0:0:0:0)\])?:0*([0-9]{1,5})", re.ASCII)


def _listens(value: object) -> int | None:
    """Return the port of an address that stands for every address; None for any other."""
    match = _EVERYWHERE.fullmatch(str(value))
    return int(match[1]) if match else None


def _same_image(actual: object, wanted: object) -> bool:
    return plain_name(actual) == plain_name(wanted)


_KINDS: Mapping[str, Callable[[object, object], bool]] = {
    "same": _same,
    "amount": _same_amount,
    "duration": _same_time,
    "address": _same_address,
    "image": _same_image,
}
