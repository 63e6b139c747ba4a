"""How values of the Kubernetes API are read, for checks: amounts, times, selectors and Leases."""

from labgrader.kube.conditions import condition, is_true
from labgrader.kube.finalizers import foreign
from labgrader.kube.images import plain_name
from labgrader.kube.kubectl_command import Kind as CallKind
from labgrader.kube.leases import FLIPS, Leader, flips, handovers, leader, recent, writes_of
from labgrader.kube.quantities import duration, quantity
from labgrader.kube.selectors import written as selector_written
from labgrader.kube.timestamps import (
    moment,
    setter_of,
    spec_just_changed,
    status_just_changed,
    written_at,
)

__all__ = [
    "FLIPS",
    "CallKind",
    "Leader",
    "condition",
    "duration",
    "flips",
    "foreign",
    "handovers",
    "is_true",
    "leader",
    "moment",
    "plain_name",
    "quantity",
    "recent",
    "selector_written",
    "setter_of",
    "spec_just_changed",
    "status_just_changed",
    "writes_of",
    "written_at",
]
