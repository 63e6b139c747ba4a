"""The one import of a check's author: ``from labgrader.api import Context, check, fact, …``."""

from labgrader.engine.context import Context
from labgrader.engine.leadership import Leader, leader
from labgrader.engine.moments import just_changed, moment
from labgrader.engine.mounts import mounted_files
from labgrader.engine.ports import Answer, Deed
from labgrader.engine.probe import Probe
from labgrader.engine.quantity import duration, quantity
from labgrader.engine.registry import check
from labgrader.engine.storedyaml import NotReadable, stored_yaml
from labgrader.engine.verdicts import Fact, Failure, fact, unjudged
from labgrader.engine.workload import (
    Workload,
    condition,
    declares,
    is_ready,
    resolve_port,
    runs_as,
    serving_container,
)
from labgrader.model.errors import (
    ClusterError,
    Forbidden,
    MissingCapability,
    Rejected,
    Unreachable,
    Unsettled,
)
from labgrader.model.resource import (
    AUTOSCALER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    LEASE,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    RESET_AT,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Object,
    Resource,
    dig,
    name_of,
)
from labgrader.model.result import Evidence

__all__ = [
    "AUTOSCALER",
    "CLUSTER_ROLE",
    "CLUSTER_ROLE_BINDING",
    "CONFIG_MAP",
    "CRD",
    "DEPLOYMENT",
    "ENDPOINT_SLICE",
    "EVENT",
    "LEASE",
    "NAMESPACE",
    "NODE",
    "POD",
    "REPLICA_SET",
    "RESET_AT",
    "ROLE",
    "ROLE_BINDING",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "Answer",
    "ClusterError",
    "Context",
    "Deed",
    "Evidence",
    "Fact",
    "Failure",
    "Forbidden",
    "Leader",
    "MissingCapability",
    "NotReadable",
    "Object",
    "Probe",
    "Rejected",
    "Resource",
    "Unreachable",
    "Unsettled",
    "Workload",
    "check",
    "condition",
    "declares",
    "dig",
    "duration",
    "fact",
    "is_ready",
    "just_changed",
    "leader",
    "moment",
    "mounted_files",
    "name_of",
    "quantity",
    "resolve_port",
    "runs_as",
    "serving_container",
    "stored_yaml",
    "unjudged",
]
