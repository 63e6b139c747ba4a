"""What every check imports: ``from labgrader.api import Context, check, fact, …``.

What checks need beside it, to read scripts, metrics, workloads and so on, is ``labgrader.toolkit``.
"""

from labgrader.errors import ClusterError, MissingCapability, Rejected, Unsettled, WebhookFailed
from labgrader.grading.context import Context
from labgrader.grading.findings import Fact, Failure, fact, grouped, unjudged
from labgrader.grading.redaction import redacted
from labgrader.grading.registry import check
from labgrader.grading.services import Watched
from labgrader.grading.temporary_objects import MARK as PROBE_LABEL
from labgrader.grading.temporary_objects import PREFIX as PROBE_PREFIX
from labgrader.grading.temporary_objects import TemporaryObject
from labgrader.kube.protocols import Answer, AuditedWrite
from labgrader.kube.resources import (
    AUTOSCALER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRD,
    CRON_JOB,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    RESET_AT,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
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
    "CRON_JOB",
    "DEPLOYMENT",
    "ENDPOINT_SLICE",
    "EVENT",
    "JOB",
    "LEASE",
    "NAMESPACE",
    "POD",
    "PROBE_LABEL",
    "PROBE_PREFIX",
    "REPLICA_SET",
    "RESET_AT",
    "ROLE",
    "ROLE_BINDING",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "VOLUME_CLAIM",
    "Answer",
    "AuditedWrite",
    "ClusterError",
    "Context",
    "Evidence",
    "Fact",
    "Failure",
    "MissingCapability",
    "Object",
    "Rejected",
    "Resource",
    "TemporaryObject",
    "Unsettled",
    "Watched",
    "WebhookFailed",
    "check",
    "dig",
    "fact",
    "grouped",
    "name_of",
    "redacted",
    "unjudged",
]
