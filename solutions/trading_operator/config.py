"""The operator's configuration: the lab's ``config.yaml``, checked as a whole before it is used."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

log = logging.getLogger(__name__)

DEFAULT_PATH = Path("/etc/config/config.yaml")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|[kMGTPE]i?)?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class BadConfig(Exception):
    """The configuration makes no sense; the text is one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. An empty host is every address; port 0 is any free port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Election:
    """Leader election; all times in seconds.

    Args:
        duration: how long others wait after the last sign of life of a leader.
        deadline: after this long without a successful renewal a leader stops by itself.
        retry: pause between two renewals.
    """

    enabled: bool = True
    name: str = "trading-operator-leader"
    duration: float = 15
    deadline: float = 10
    retry: float = 2


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set; times in seconds. None as an address means: do not listen."""

    namespace: str = "trading-platform"
    reconcile_interval: float = 30
    election: Election = Election()
    metrics: Address | None = Address("", 8080)
    health: Address | None = Address("", 8081)
    image: str = "nginx:1.21"
    resources: Mapping[str, Any] = field(
        default_factory=lambda: {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "500m", "memory": "512Mi"},
        }
    )
    labels: Mapping[str, str] = field(default_factory=dict)


def load(path: Path, namespace: str | None = None) -> Config:
    """Read a file. ``namespace`` counts where the file names none. Raises ``BadConfig``."""
    try:
        return parse(path.read_text(encoding="utf-8"), namespace)
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read: {error}") from error
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from error


def parse(text: str, namespace: str | None = None) -> Config:
    """Turn the file's text into a ``Config``. What is not given keeps its default."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadConfig(f"no YAML: {' '.join(str(error).split())}") from error
    top = _Section({} if data is None else data, "the file")
    operator, trading = top.section("operator"), top.section("trading")
    metrics, health = operator.section("metrics"), operator.section("health")
    plain = Config()
    config = Config(
        namespace=operator.text("namespace", namespace or plain.namespace),
        reconcile_interval=operator.seconds("reconcileInterval", plain.reconcile_interval),
        election=_election(operator.section("leaderElection")),
        metrics=metrics.address(8080) if metrics.flag("enabled", default=True) else None,
        health=health.address(8081) if health.flag("enabled", default=True) else None,
        image=trading.text("defaultImage", plain.image),
        resources=_resources(trading) or plain.resources,
        labels=_labels(trading.section("defaultLabels")),
    )
    operator.take("name")
    for unknown in top.unknown():
        log.warning("the configuration has %s, which means nothing here", unknown)
    return config


def _election(section: _Section) -> Election:
    plain = Election()
    election = Election(
        enabled=section.flag("enabled", default=True),
        name=section.text("id", plain.name),
        duration=section.seconds("leaseDuration", plain.duration),
        deadline=section.seconds("renewDeadline", plain.deadline),
        retry=section.seconds("retryPeriod", plain.retry),
    )
    if not election.duration > election.deadline > election.retry:
        raise BadConfig(f"{section.path}: leaseDuration > renewDeadline > retryPeriod must hold")
    if election.duration < 1:
        raise BadConfig(f"{section.path}: leaseDuration must be at least 1s")
    return election


def _resources(trading: _Section) -> dict[str, dict[str, str]]:
    section = trading.section("defaultResources")
    found: dict[str, dict[str, str]] = {}
    for part in ("requests", "limits"):
        amounts = section.section(part)
        for name in list(amounts.left):
            value = str(amounts.take(name))
            if not _QUANTITY.fullmatch(value):
                raise BadConfig(f"{amounts.path}.{name}: {value!r} is no quantity")
            found.setdefault(part, {})[name] = value
    return found


def _labels(section: _Section) -> dict[str, str]:
    found = {str(name): section.text(name, "") for name in list(section.left)}
    for name, value in found.items():
        if not _LABEL_NAME.fullmatch(name) or not _LABEL.fullmatch(value):
            raise BadConfig(f"{section.path}: {name}: {value!r} is no label")
    return found


class _Section:
    """A mapping of the file that knows its path, and what nobody asked for."""

    def __init__(self, data: object, path: str) -> None:
        if not isinstance(data, dict):
            raise BadConfig(f"{path} must be a mapping, not {data!r}")
        self.left, self.path, self._parts = dict(data), path, list[_Section]()

    def take(self, key: str, default: Any = None) -> Any:
        value = self.left.pop(key, None)
        return default if value is None else value

    def section(self, key: str) -> _Section:
        path = key if self.path == "the file" else f"{self.path}.{key}"
        part = _Section(self.take(key, {}), path)
        self._parts.append(part)
        return part

    def text(self, key: str, default: str) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or (default and not value):
            raise BadConfig(f"{self.path}.{key} must be text, not {value!r}")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise BadConfig(f"{self.path}.{key} must be true or false, not {value!r}")
        return value

    def seconds(self, key: str, default: float) -> float:
        value = self.take(key)
        if value is None:
            return default
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", str(value))
        if not match or float(match[1]) == 0:
            raise BadConfig(f"{self.path}.{key} must be a time such as 30s, not {value!r}")
        return float(match[1]) * _UNITS[match[2]]

    def address(self, port: int) -> Address:
        value = self.text("bindAddress", f":{port}")
        match = re.fullmatch(r"\[?([^\[\]]*?)\]?:([0-9]{1,5})", value)
        if not match or int(match[2]) > 65535:
            raise BadConfig(f"{self.path}.bindAddress must be such as :{port}, not {value!r}")
        return Address(match[1], int(match[2]))

    def unknown(self) -> list[str]:
        own = [key if self.path == "the file" else f"{self.path}.{key}" for key in self.left]
        return [*map(str, own), *(name for part in self._parts for name in part.unknown())]
