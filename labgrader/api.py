"""The one import of a check's author: ``from labgrader.api import Context, check, fact, …``."""

from labgrader.errors import (
    ClusterError,
    MissingCapability,
    Rejected,
    Unsettled,
    WebhookFailed,
)
from labgrader.grading.context import Context
from labgrader.grading.findings import Fact, Failure, fact, grouped, unjudged
from labgrader.grading.redaction import redacted
from labgrader.grading.registry import check
from labgrader.grading.services import Watched
from labgrader.grading.temporary_objects import MARK as PROBE_LABEL
from labgrader.grading.temporary_objects import TemporaryObject
from labgrader.kube.finalizers import foreign
from labgrader.kube.images import plain_name
from labgrader.kube.kubectl_command import Kind as CallKind
from labgrader.kube.leases import FLIPS, Leader, flips, handovers, leader, recent, writes_of
from labgrader.kube.protocols import Answer, AuditedWrite
from labgrader.kube.quantities import duration, quantity
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
from labgrader.kube.selectors import written as selector_written
from labgrader.kube.timestamps import (
    moment,
    setter_of,
    spec_just_changed,
    status_just_changed,
    written_at,
)
from labgrader.model.result import Evidence
from labgrader.toolkit.audit_policy import ANY_NAME, BadPolicy, leaks, names_in
from labgrader.toolkit.audit_policy import Policy as AuditPolicy
from labgrader.toolkit.audit_policy import Request as AuditRequest
from labgrader.toolkit.autoscaling import cpu_target, scales_alone
from labgrader.toolkit.backup_names import formats_in, names_date, uses_date
from labgrader.toolkit.backups import (
    READER,
    TooMuch,
    Written,
    essence,
    faults_of,
    files_of,
    objects_in,
    total_of,
)
from labgrader.toolkit.config_maps import text_under
from labgrader.toolkit.cron import schedule
from labgrader.toolkit.deployments import leads_to, runs_image
from labgrader.toolkit.environment import environment
from labgrader.toolkit.jobs import Ran, run_job, run_pod
from labgrader.toolkit.mounts import mounted_files
from labgrader.toolkit.pod_diagnosis import demand_nodes, trouble_of
from labgrader.toolkit.prometheus.exposition import series_of
from labgrader.toolkit.prometheus.rules import (
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
from labgrader.toolkit.prometheus.scrape import seconds_of
from labgrader.toolkit.prometheus.series import TELLING, Role, about_reconciling, is_counter
from labgrader.toolkit.prometheus.service_monitors import (
    MONITOR,
    Scraped,
    chosen_services,
    scraped_by,
    stage,
)
from labgrader.toolkit.prometheus.thresholds import Threshold, said_in, threshold_of
from labgrader.toolkit.quiet import Quiet
from labgrader.toolkit.runbook.amounts import rates_in, times_in
from labgrader.toolkit.runbook.parser import MAX_CHARACTERS, Runbook
from labgrader.toolkit.runbook.runner import CommandResult, Rehearsal, chosen_namespace
from labgrader.toolkit.scripts import Script, run_by, unrunnable
from labgrader.toolkit.serving import serves, waits
from labgrader.toolkit.shell.syntax import shell_of, syntax_error
from labgrader.toolkit.volumes import config_maps, kind_of, lasting, written
from labgrader.toolkit.wording import common_end, misplaced, near_miss, shown
from labgrader.toolkit.workloads import (
    Workload,
    condition,
    declares,
    ended,
    is_ready,
    resolve_port,
    runs_as,
    serving_container,
)
from labgrader.util.suggestion import near
from labgrader.util.untrusted_yaml import NotReadable, stored_yaml

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
    "FLIPS",
    "HEALTHY",
    "JOB",
    "LATE",
    "LEASE",
    "MANY_ERRORS",
    "MAX_CHARACTERS",
    "MONITOR",
    "NAMESPACE",
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
    "AuditedWrite",
    "BadPolicy",
    "CallKind",
    "ClusterError",
    "CommandResult",
    "Context",
    "Evidence",
    "Fact",
    "Failure",
    "Illness",
    "Leader",
    "MissingCapability",
    "NotReadable",
    "Object",
    "Quiet",
    "Ran",
    "Rehearsal",
    "Rejected",
    "Resource",
    "Role",
    "Runbook",
    "Scraped",
    "Script",
    "Stage",
    "TemporaryObject",
    "Threshold",
    "TooMuch",
    "Unsettled",
    "Watched",
    "WebhookFailed",
    "Workload",
    "Written",
    "about_reconciling",
    "check",
    "chosen_namespace",
    "chosen_services",
    "common_end",
    "condition",
    "config_maps",
    "cpu_target",
    "declares",
    "demand_nodes",
    "dig",
    "duration",
    "ended",
    "environment",
    "essence",
    "fact",
    "faults_of",
    "files_of",
    "fired",
    "flips",
    "foreign",
    "formats_in",
    "grouped",
    "groups_of",
    "handovers",
    "is_counter",
    "is_ready",
    "kind_of",
    "lasting",
    "leader",
    "leads_to",
    "leaks",
    "misplaced",
    "moment",
    "mounted_files",
    "name_of",
    "names_date",
    "names_in",
    "near",
    "near_miss",
    "objects_in",
    "outcomes_of",
    "plain_name",
    "quantity",
    "rates_in",
    "recent",
    "redacted",
    "resolve_port",
    "run_by",
    "run_job",
    "run_pod",
    "runs_as",
    "runs_image",
    "said_in",
    "scales_alone",
    "schedule",
    "scraped_by",
    "seconds_of",
    "selector_written",
    "series_of",
    "serves",
    "serving_container",
    "setter_of",
    "shell_of",
    "shown",
    "spec_just_changed",
    "stage",
    "status_just_changed",
    "stored_yaml",
    "syntax_error",
    "text_under",
    "threshold_of",
    "times_in",
    "total_of",
    "trouble_of",
    "unjudged",
    "unrunnable",
    "uses_date",
    "waits",
    "writes_of",
    "written",
    "written_at",
]
