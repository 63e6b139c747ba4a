"""The one import of a check's author: ``from labgrader.api import Context, check, fact, …``."""

from labgrader.engine.context import Context
from labgrader.engine.registry import check
from labgrader.engine.verdicts import Fact, Failure, fact, unjudged
from labgrader.model.errors import ClusterError, Rejected, Unsettled
from labgrader.model.resource import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CRD,
    NAMESPACE,
    NODE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    Object,
    Resource,
    dig,
    name_of,
)
from labgrader.model.result import Evidence

__all__ = [
    "CLUSTER_ROLE",
    "CLUSTER_ROLE_BINDING",
    "CRD",
    "NAMESPACE",
    "NODE",
    "ROLE",
    "ROLE_BINDING",
    "SERVICE_ACCOUNT",
    "ClusterError",
    "Context",
    "Evidence",
    "Fact",
    "Failure",
    "Object",
    "Rejected",
    "Resource",
    "Unsettled",
    "check",
    "dig",
    "fact",
    "name_of",
    "unjudged",
]
