"""The operator's Deployment: as whom it runs, how it is watched, what it gets, what it may use."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    DEPLOYMENT,
    Context,
    Evidence,
    Fact,
    Object,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.kubernetes import quantity
from labgrader.toolkit.mounts import mounted_files
from labgrader.toolkit.workloads import Workload, declares, resolve_port, runs_as, serving_container


class _Template(Subject):
    """The pod template, and of its containers the one that serves."""

    def __init__(self, ctx: Context, deployment: str, spec: Object, manager: Object) -> None:
        super().__init__(DEPLOYMENT, deployment, ctx.namespace, under="spec.template.spec.")
        self.spec = spec
        self.manager = manager
        self.container = str(manager.get("name"))


@check()
def operator_deployment(
    ctx: Context,
    name: str,
    account: str,
    user: int,
    ports: Sequence[int],
    probes: Mapping[str, Mapping[str, Any]],
    resources: Mapping[str, Mapping[str, str]],
    env: Mapping[str, str],
    config: Mapping[str, str],
    grace_seconds: int,
) -> Iterator[Fact]:
    """Looks at the pod template that the Deployment has in the cluster, defaults included.

    The operator is the container that declares the ports and answers the probes; others beside it
    are fine as long as none of them runs as root. Names of containers, ports, volumes and labels
    are yours. Amounts count by value: `0.1` is `100m`. Kubernetes does not need ports to be
    declared, people do; a probe that asks for a port by its name needs it as well.
    """
    workload = Workload.read(ctx, name)
    spec = workload.template
    label = DEPLOYMENT.describe(name, ctx.namespace)
    view = _Template(ctx, name, spec, serving_container(spec, ports))
    where = ctx.namespace
    keys = dig(ctx.get(CONFIG_MAP, config["config_map"], where), "data", {})
    groups: dict[str, list[Fact]] = {
        "Replicas, account and termination": [
            _replicas(workload, name, where, label),
            _account(view, name, where, account),
            _grace(view, grace_seconds),
        ],
        "Users": [_user(view, user), _nobody_is_root(view)],
        "Ports": [_port(view, number) for number in ports],
        "Probes": [_probe(view, kind, one["path"], one["port"]) for kind, one in probes.items()],
        "Resources": [
            _resources(view, kind, amounts, name, where) for kind, amounts in resources.items()
        ],
        "Environment and configuration": [
            *(_env(view, variable, field) for variable, field in env.items()),
            _config(view, config, keys),
        ],
    }
    for title, facts in groups.items():
        yield from grouped(title, facts)


def _replicas(workload: Workload, name: str, namespace: str, label: str) -> Fact:
    return fact(
        "at least one copy is wanted",
        workload.wanted >= 1,
        reason="The Deployment asks for no pod at all: replicas is 0",
        expected="replicas: 1 or more",
        actual=f"replicas: {workload.wanted}",
        fix=f"kubectl scale deployment {name} -n {namespace} --replicas=1",
        evidence=[Evidence(label, "spec.replicas", str(workload.wanted))],
    )


def _account(view: _Template, name: str, namespace: str, account: str) -> Fact:
    actual = dig(view.spec, "serviceAccountName", "default")
    return view.fact(
        f"it runs as the service account {account}",
        actual == account,
        "serviceAccountName",
        reason=f"The pods run as the service account {actual} instead of {account}",
        expected=f"serviceAccountName: {account}",
        actual=f"serviceAccountName: {actual}",
        fix=f"kubectl set serviceaccount deployment {name} {account} -n {namespace}",
    )


def _user(view: _Template, user: int) -> Fact:
    actual, _ = runs_as(view.spec, view.manager)
    shown = "whatever user its image names" if actual is None else f"user {actual}"
    return view.fact(
        f"{view.container} runs as user {user}",
        actual == user,
        "securityContext",
        reason=f"The container {view.container} runs as {shown} instead of {user}",
        expected=f"runAsUser: {user}, of the container or of the pod",
        actual=shown,
        fix=f"{view.edit}, and set runAsUser: {user} in spec.template.spec.securityContext"
        " (a container's own securityContext wins over it)",
    )


def _nobody_is_root(view: _Template) -> Fact:
    """State that no other container of the pod can be root; the image decides if nothing else."""
    others = [*dig(view.spec, "initContainers", []), *dig(view.spec, "containers", [])]
    found = []
    for one in others:
        user, refused = runs_as(view.spec, one)
        if user == 0 or (user is None and not refused):
            found.append(f"{one.get('name')} ({'as root' if user == 0 else 'as its image says'})")
    return view.fact(
        "no container of the pod runs as root",
        not found,
        "containers",
        reason=f"Nothing keeps root away from {', '.join(found)}",
        expected="every container with a runAsUser other than 0, or runAsNonRoot: true",
        actual=", ".join(found) or "no root",
        fix=f"{view.edit}, and set runAsNonRoot: true in spec.template.spec.securityContext",
    )


def _port(view: _Template, number: int) -> Fact:
    declared = [
        f"{one.get('name') or 'unnamed'} {one.get('containerPort')}/{one.get('protocol', 'TCP')}"
        for one in dig(view.manager, "ports", [])
    ]
    return view.fact(
        f"port {number} is declared",
        declares(view.manager, number),
        f"containers[{view.container}].ports",
        reason=f"The container {view.container} does not declare the port {number} (TCP)",
        expected=f"containerPort: {number}",
        actual=", ".join(declared) or "no ports",
        fix=f"{view.edit}, and add `- containerPort: {number}` to the ports of {view.container}",
    )


def _probe(view: _Template, kind: str, path: str, port: int) -> Fact:
    probe = dig(view.manager, f"{kind}Probe", {})
    asks = dig(probe, "httpGet", {})
    wrong = _wrong_probe(view.manager, probe, path, port)
    shown = f"GET {asks.get('path', '/')} on port {asks.get('port')}"
    return view.fact(
        f"the {kind} probe asks {path} on {port}",
        not wrong,
        f"containers[{view.container}].{kind}Probe",
        reason=f"The {kind} probe {wrong}",
        expected=f"httpGet of {path} on port {port}",
        actual=shown if asks else "another kind of probe" if probe else "no probe",
        fix=f"{view.edit}, and give {view.container} a {kind}Probe with"
        f" httpGet: {{path: {path}, port: {port}}}",
    )


def _wrong_probe(container: Object, probe: Object, path: str, port: int) -> str:
    """Return what is wrong with a probe; empty where nothing is."""
    if not probe:
        return "is missing: nobody notices when the operator is not well"
    asks = dig(probe, "httpGet")
    if not asks:
        return f"is no httpGet: it never asks {path}"
    number = resolve_port(container, asks.get("port"))
    if number is None:
        return f'asks the port "{asks.get("port")}", and no port of the container has that name'
    if number != port:
        return f"asks port {number} instead of {port}"
    asked = "/" + str(asks.get("path", "/")).partition("?")[0].lstrip("/")
    if asked != path:
        return f"asks the path {asked} instead of {path}"
    if asks.get("scheme", "HTTP") != "HTTP":
        return f"speaks {asks['scheme']}, and the operator speaks HTTP"
    return f"asks the host {asks['host']}, not the pod" if asks.get("host") else ""


def _resources(
    view: _Template, kind: str, amounts: Mapping[str, str], name: str, namespace: str
) -> Fact:
    given = dig(view.manager, f"resources.{kind}", {})
    wrong = [key for key in amounts if quantity(given.get(key)) != quantity(amounts[key])]
    shown = ", ".join(f"{key} {given.get(key, 'not set')}" for key in amounts)
    wanted = ", ".join(f"{key} {value}" for key, value in amounts.items())
    option = ",".join(f"{key}={value}" for key, value in amounts.items())
    return view.fact(
        f"{kind}: {wanted}",
        not wrong,
        f"containers[{view.container}].resources.{kind}",
        reason=f"The {kind} of {view.container} are {shown} instead of {wanted}",
        expected=wanted,
        actual=shown,
        fix=f"kubectl set resources deployment {name} -n {namespace} -c {view.container}"
        f" --{kind}={option}",
    )


def _env(view: _Template, variable: str, field: str) -> Fact:
    entries = [one for one in dig(view.manager, "env", []) if one.get("name") == variable]
    last = entries[-1] if entries else {}  # of several the last one counts
    actual = dig(last, "valueFrom.fieldRef.fieldPath")
    fixed = f'the fixed value "{last.get("value", "")}"' if "value" in last else "another source"
    shown = actual or (fixed if last else "not set")
    return view.fact(
        f"{variable} comes from {field}",
        actual == field,
        f"containers[{view.container}].env[{variable}]",
        reason=f"The variable {variable} is {shown} instead of the pod's own {field}",
        expected=f"fieldRef {field}",
        actual=shown,
        fix=f"{view.edit}, and add to the env of {view.container}: {{name: {variable}, valueFrom:"
        f" {{fieldRef: {{fieldPath: {field}}}}}}}",
    )


def _grace(view: _Template, seconds: int) -> Fact:
    actual = dig(view.spec, "terminationGracePeriodSeconds", 30)
    return view.fact(
        f"it gets {seconds} s to stop",
        actual == seconds,
        "terminationGracePeriodSeconds",
        reason=f"The pods get {actual} s to stop instead of {seconds}",
        expected=f"terminationGracePeriodSeconds: {seconds}",
        actual=f"terminationGracePeriodSeconds: {actual}",
        fix=f"{view.edit}, and set terminationGracePeriodSeconds: {seconds}",
    )


def _config(view: _Template, config: Mapping[str, str], keys: Mapping[str, str]) -> Fact:
    """State that the file is there for the manager, and that its user may read it."""
    name, directory, file = config["config_map"], config["directory"], config["file"]
    known = [file] if file in keys or not keys else sorted(keys)
    wanted = {f"{directory}/{file}", *(f"{directory}/{key}" for key in known)}
    files = mounted_files(view.spec, view.manager, name, known)
    found = ", ".join(sorted(files)) or f"no file of {name}"
    return view.fact(
        f"the configuration is at {directory}",
        bool(wanted & set(files)),
        f"containers[{view.container}].volumeMounts",
        reason=f"The container {view.container} does not find {directory}/{file}"
        f" (it finds {found})",
        expected=f"the ConfigMap {name} mounted at {directory}, readable for the container's user",
        actual=found,
        fix=f"{view.edit}: a volume `configMap: {{name: {name}}}`, and a volumeMount of it with"
        f" mountPath: {directory}",
    )
