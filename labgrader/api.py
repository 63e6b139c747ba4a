"""The one import of a check's author: ``from labgrader.api import Context, check, fact, …``."""

from labgrader.engine.alerting import (
    DOWN,
    FEW_ERRORS,
    HEALTHY,
    LATE,
    MANY_ERRORS,
    OTHERS_DOWN,
    STEP,
    VANISHED,
    WARM_UP,
    WINDOW,
    Illness,
    Stage,
    fired,
    groups_of,
    outcomes_of,
)
from labgrader.engine.amounts import rates_in, times_in
from labgrader.engine.auditpolicy import ANY_NAME, LEVELS, BadPolicy, leaks, names_in
from labgrader.engine.auditpolicy import Policy as AuditPolicy
from labgrader.engine.auditpolicy import Request as AuditRequest
from labgrader.engine.backups import (
    READER,
    TooMuch,
    Written,
    essence,
    faults_of,
    files_of,
    objects_in,
    total_of,
)
from labgrader.engine.configtext import text_under
from labgrader.engine.context import Context
from labgrader.engine.dated import formats_in, names_date, uses_date
from labgrader.engine.jobs import Ran, run_job, run_pod
from labgrader.engine.kubectl import Kind as CallKind
from labgrader.engine.leadership import Leader, leader
from labgrader.engine.meaning import TELLING, Role, about_reconciling, is_counter
from labgrader.engine.metricspage import series_of
from labgrader.engine.moments import just_changed, moment
from labgrader.engine.monitors import MONITOR, Scraped, chosen_services, scraped_by, stage
from labgrader.engine.mounts import mounted_files
from labgrader.engine.ports import Answer, Deed
from labgrader.engine.probe import MARK as PROBE_LABEL
from labgrader.engine.probe import Probe
from labgrader.engine.quantity import duration, quantity
from labgrader.engine.registry import check
from labgrader.engine.rehearsal import Rehearsal, Tried, chosen_namespace
from labgrader.engine.runbook import MAX_CHARACTERS, Runbook
from labgrader.engine.schedule import schedule
from labgrader.engine.scrape import seconds_of
from labgrader.engine.scripts import Script, run_by, unrunnable
from labgrader.engine.secrecy import redacted
from labgrader.engine.shellsyntax import shell_of, syntax_error
from labgrader.engine.storedyaml import NotReadable, stored_yaml
from labgrader.engine.thresholds import Threshold, said_in, threshold_of
from labgrader.engine.verdicts import Fact, Failure, fact, unjudged
from labgrader.engine.volumes import config_maps, kind_of, lasting, written
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
    WebhookFailed,
)
from labgrader.model.resource import (
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
    NODE,
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
    "ANY_NAME",
    "AUTOSCALER",
    "CLUSTER_ROLE",
    "CLUSTER_ROLE_BINDING",
    "CONFIG_MAP",
    "CRD",
    "CRON_JOB",
    "DEPLOYMENT",
    "DOWN",
    "ENDPOINT_SLICE",
    "EVENT",
    "FEW_ERRORS",
    "HEALTHY",
    "JOB",
    "LATE",
    "LEASE",
    "LEVELS",
    "MANY_ERRORS",
    "MAX_CHARACTERS",
    "MONITOR",
    "NAMESPACE",
    "NODE",
    "OTHERS_DOWN",
    "POD",
    "PROBE_LABEL",
    "READER",
    "REPLICA_SET",
    "RESET_AT",
    "ROLE",
    "ROLE_BINDING",
    "SERVICE",
    "SERVICE_ACCOUNT",
    "STEP",
    "TELLING",
    "VANISHED",
    "VOLUME_CLAIM",
    "WARM_UP",
    "WINDOW",
    "Answer",
    "AuditPolicy",
    "AuditRequest",
    "BadPolicy",
    "CallKind",
    "ClusterError",
    "Context",
    "Deed",
    "Evidence",
    "Fact",
    "Failure",
    "Forbidden",
    "Illness",
    "Leader",
    "MissingCapability",
    "NotReadable",
    "Object",
    "Probe",
    "Ran",
    "Rehearsal",
    "Rejected",
    "Resource",
    "Role",
    "Runbook",
    "Scraped",
    "Script",
    "Stage",
    "Threshold",
    "TooMuch",
    "Tried",
    "Unreachable",
    "Unsettled",
    "WebhookFailed",
    "Workload",
    "Written",
    "about_reconciling",
    "check",
    "chosen_namespace",
    "chosen_services",
    "condition",
    "config_maps",
    "declares",
    "dig",
    "duration",
    "essence",
    "fact",
    "faults_of",
    "files_of",
    "fired",
    "formats_in",
    "groups_of",
    "is_counter",
    "is_ready",
    "just_changed",
    "kind_of",
    "lasting",
    "leader",
    "leaks",
    "moment",
    "mounted_files",
    "name_of",
    "names_date",
    "names_in",
    "objects_in",
    "outcomes_of",
    "quantity",
    "rates_in",
    "redacted",
    "resolve_port",
    "run_by",
    "run_job",
    "run_pod",
    "runs_as",
    "said_in",
    "schedule",
    "scraped_by",
    "seconds_of",
    "series_of",
    "serving_container",
    "shell_of",
    "stage",
    "stored_yaml",
    "syntax_error",
    "text_under",
    "threshold_of",
    "times_in",
    "total_of",
    "unjudged",
    "unrunnable",
    "uses_date",
    "written",
]
