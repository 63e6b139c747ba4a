"""What a TradingAlgorithm asks for, read with care: definitions allow more than makes sense."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trading_operator.kinds import Object, name_of


class InvalidSpec(Exception):
    """The resource asks for something that cannot be; the text says what, for its author."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One resource's wishes. ``environment`` goes to the container as it is."""

    name: str
    uid: str
    strategy: str
    minimum: int
    maximum: int
    cpu: int
    pace: str
    environment: Mapping[str, str]


def read(obj: Object) -> Algorithm:
    """Read a resource. Raises ``InvalidSpec``."""
    spec = _part(obj, "spec")
    scaling, market = _part(spec, "scalingPolicy"), _part(spec, "marketData")
    risk, strategy = _part(spec, "riskLimits"), _part(spec, "tradingStrategy")
    minimum = _whole(scaling, "minReplicas")
    maximum = _whole(scaling, "maxReplicas")
    if minimum > maximum:
        raise InvalidSpec(
            f"spec.scalingPolicy: minReplicas ({minimum}) is greater than maxReplicas ({maximum})"
        )
    name = str(strategy.get("algorithm") or "unspecified")
    environment = {
        "STRATEGY": name,
        "SYMBOLS": _joined(market.get("symbols")),
        "SOURCES": _joined(market.get("sources")),
        "UPDATE_FREQUENCY": market.get("updateFrequency"),
        "MAX_POSITION_SIZE": risk.get("maxPositionSize"),
        "DAILY_LOSS_LIMIT": risk.get("dailyLossLimit"),
        "STOP_LOSS_PERCENTAGE": risk.get("stopLossPercentage"),
        "PARAMETERS": _json(strategy.get("parameters")),
    }
    return Algorithm(
        name=name_of(obj),
        uid=obj["metadata"]["uid"],
        strategy=name,
        minimum=minimum,
        maximum=maximum,
        cpu=_whole(scaling, "targetCPUUtilization", 80),
        pace=str(scaling.get("scaleUpPolicy") or "moderate"),
        environment={key: str(value) for key, value in environment.items() if value is not None},
    )


def _part(parent: Object, key: str) -> Object:
    value = parent.get(key) or {}
    if not isinstance(value, dict):
        raise InvalidSpec(f"{key} is no object")
    return value


def _whole(scaling: Object, key: str, default: int | None = None) -> int:
    value = scaling.get(key, default)
    if not isinstance(value, int) or value < 1:
        raise InvalidSpec(f"spec.scalingPolicy.{key} must be a whole number from 1, not {value!r}")
    return value


def _joined(values: Any) -> str | None:
    return ",".join(map(str, values)) if isinstance(values, list) else None


def _json(parameters: Any) -> str | None:
    return json.dumps(parameters, sort_keys=True) if parameters else None
