"""The operator's logging configuration: what it says, whether it can work, and who reads it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from labgrader.api import (
    CONFIG_MAP,
    DEPLOYMENT,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    check,
    dig,
    fact,
    grouped,
    redacted,
)
from labgrader.toolkit.config_maps import NotReadable, stored_yaml, text_under
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.mounts import mounted_files
from labgrader.toolkit.workloads import Workload, serving_container

_PLACEHOLDER = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|\$\([A-Za-z_][A-Za-z0-9_]*\)")
_ONLY_PLACEHOLDER = re.compile(r"(?:[A-Za-z]{1,20} )?\$\{?[A-Za-z_][A-Za-z0-9_]{0,60}\}?")
_SCHEME = re.compile(r"(?i)\b(bearer|basic|token)\s+(\S+)")
_SECRET_KEY = re.compile(r"(?i)(token|passw|secret|api[-_]?key|credential|private[-_]?key)")
_POINTERS = ("file", "path", "ref", "name", "env", "url")
"""How keys end that say where a secret is, and not what it is."""


@check()
def logging_config(
    ctx: Context,
    name: str,
    key: str,
    level: str,
    webhook: Mapping[str, str],
    deployment: str,
    ports: Sequence[int],
    directory: str,
) -> Iterator[Fact]:
    """Parses the settings, and follows them to the container that is to act by them.

    The level is `info`, in letters of either case: `debug` is another answer than the step asks
    for. The webhook's URL may be written as any URL that means the same; its header is compared
    letter by letter, as the step says.

    The log goes to stdout, where the node keeps it and turns it over; a file as well is fine as
    long as its folder is on a volume that the container may write to. The audit webhook's token is
    a placeholder that the sender fills in: what stands in a ConfigMap is read by everybody who may
    read ConfigMaps. The file must be where the operator reads it, or it is only a text.
    """
    fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
    found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
    view = _View(ctx, name, key, found)
    workload = Workload.read(ctx, deployment)
    container = serving_container(workload.template, ports)
    log = [
        view.plain("level", level, dig(view.section, "level")),
        view.plain("format", "json", dig(view.section, "format")),
        view.outputs(),
    ]
    if "file" in view.wanted:
        log.append(view.file_output(workload.template, container))
    yield from grouped("The log", log)
    audit = (
        view.plain("audit.enabled", True, dig(view.section, "audit.enabled")),
        view.url(webhook["url"]),
        view.token(webhook["authorization"]),
        view.no_secret(),
    )
    yield from grouped("The audit webhook", audit)
    yield _mounted(view, workload, container, directory)


class _View(Subject):
    """The ConfigMap's settings, and the words that facts about them share."""

    def __init__(self, ctx: Context, name: str, key: str, found: Object) -> None:
        self.key, text = text_under(found, key)
        super().__init__(CONFIG_MAP, name, ctx.namespace, path=f"data[{self.key}]")
        self.texts: Mapping[str, str] = {**dig(found, "data", {}), self.key: text}
        self.section = self._read()

    def _read(self) -> Mapping[str, Any]:
        try:
            data = stored_yaml(self.texts[self.key])
        except NotReadable as error:
            raise self._useless(f"is not readable: {error}") from error
        section = data.get("logging") if isinstance(data, Mapping) else None
        if not isinstance(section, Mapping):
            raise self._useless("has no mapping `logging` at its top")
        return section

    def _useless(self, why: str) -> Failure:
        return self.failure(
            f"{self.path} {why}",
            expected="a YAML mapping `logging` with level, format, outputs and audit",
            actual=why,
        )

    def setting(self, name: str, ok: bool, at: str, reason: str, wanted: str, actual: str) -> Fact:
        """State a fact about a setting; ``actual`` must hold no secret."""
        fix = f"{self.edit}, and set {at}: {wanted}"
        path = f"{self.path}: {at}"
        return self.fact(name, ok, path, reason=reason, expected=wanted, actual=actual, fix=fix)

    def plain(self, path: str, wanted: str | bool, given: object) -> Fact:
        """State that a setting has one value."""
        told = str(wanted).lower()
        actual = "not set" if given is None else str(given).lower()[:60]
        reason = f"logging.{path} is {actual} instead of {told}"
        return self.setting(
            f"{path} is {told}", actual == told, f"logging.{path}", reason, told, actual
        )

    def url(self, wanted: str) -> Fact:
        """State that the audit webhook is the one that is asked for."""
        given = dig(self.section, "audit.webhook.url")
        actual = "not set" if given is None else redacted(str(given))[:120]
        at = "logging.audit.webhook.url"
        reason = f"{at} is {actual} instead of {wanted}"
        ok = _url(str(given)) == _url(wanted) is not None
        return self.setting(
            "the audit webhook is the one asked for", ok, at, reason, wanted, actual
        )

    @property
    def wanted(self) -> list[str]:
        """Where the log is to go, in lower case."""
        outputs = dig(self.section, "outputs", [])
        listed = outputs if isinstance(outputs, list) else [outputs]
        return [str(one).lower()[:60] for one in listed[:20]]

    def outputs(self) -> Fact:
        """State that the log goes where the node collects it."""
        actual = ", ".join(self.wanted) or "none"
        reason = f"The log goes to {actual}: `kubectl logs` and the node see stdout only"
        ok = bool({"stdout", "console", "/dev/stdout"} & set(self.wanted))
        return self.setting("it goes to stdout", ok, "logging.outputs", reason, "[stdout]", actual)

    def file_output(self, spec: Object, container: Object) -> Fact:
        """State that the file that is asked for can be written."""
        path = str(dig(self.section, "file.path", ""))[:200]
        folder = path.rsplit("/", 1)[0] if path.startswith("/") else ""
        ok = bool(folder) and _is_writable(spec, container, folder)
        name = container.get("name", "the operator")
        return self.setting(
            "a file that is asked for can be written",
            ok,
            "logging.outputs",
            f"Nothing that {name} may write to is mounted at {folder or 'a folder'}, so the file"
            f" {path or 'without a path'} is never written",
            "[stdout]",
            f"{', '.join(self.wanted)}, with file.path {path or 'not set'}",
        )

    def token(self, wanted: str) -> Fact:
        """State that the webhook's header is as asked for; a literal token is never shown."""
        headers = dig(self.section, "audit.webhook.headers", {})
        given = headers if isinstance(headers, Mapping) else {}
        value = next((str(v) for k, v in given.items() if str(k).lower() == "authorization"), None)
        if value is None:
            actual = "no Authorization header"
        elif _ONLY_PLACEHOLDER.fullmatch(value):
            actual = value
        elif _SCHEME.search(value) and not _PLACEHOLDER.search(value):
            actual = "a literal value (not shown)"
        elif _PLACEHOLDER.search(value):
            actual = "another text (not shown)"
        else:
            actual = "no token at all"
        return self.setting(
            f"its header is {wanted}",
            value == wanted,
            "logging.audit.webhook.headers.Authorization",
            f"The Authorization header of the audit webhook has {actual} instead of {wanted}",
            f"'{wanted}'",
            actual,
        )

    def no_secret(self) -> Fact:
        """State that no literal secret stands in the ConfigMap; none is shown."""
        at = next(_secrets(self.texts, self.section), None)
        reason = f"{at} is a literal secret, which everybody who may read ConfigMaps can read"
        actual = f"{at} [redacted]" if at else "no secret"
        return self.setting(
            "no secret is in it", at is None, str(at), reason, "a placeholder", actual
        )


def _url(text: str) -> tuple[str, str, int, str] | None:
    """Return what a URL means, so that two can be compared; None where it is none."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return None
    if url.username or url.query or url.fragment or not url.hostname:
        return None
    scheme = url.scheme.lower()
    return scheme, url.hostname, port or (443 if scheme == "https" else 80), url.path


def _is_writable(spec: Object, container: Object, folder: str) -> bool:
    """Whether a volume that can be written is mounted at or above ``folder``."""
    volumes = {one["name"]: one for one in dig(spec, "volumes", [])}
    fixed = ("configMap", "secret", "downwardAPI", "projected")
    for mount in dig(container, "volumeMounts", []):
        root = str(mount["mountPath"]).rstrip("/")
        volume = volumes.get(mount["name"], {})
        within = folder == root or folder.startswith(f"{root}/")
        if within and not mount.get("readOnly") and not any(kind in volume for kind in fixed):
            return True
    return False


def _secrets(texts: Mapping[str, str], section: Mapping[str, Any]) -> Iterator[str]:
    """Yield the places of literal secrets in the settings and in the ConfigMap's other keys."""
    yield from _literal(section, "logging")
    for key, text in texts.items():
        if _SECRET_KEY.search(key) and text.strip() and not _PLACEHOLDER.search(text):
            yield f"data[{key}]"
        if "PRIVATE KEY-----" in text:
            yield f"data[{key}]"


def _literal(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{path}.{str(key)[:60]}"
            if _is_secret(str(key), inner):
                yield where
            else:
                yield from _literal(inner, where)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _literal(inner, f"{path}[{at}]")
    elif isinstance(value, str):
        told = _SCHEME.search(value)
        if told and told[1].lower() != "token" and not _PLACEHOLDER.search(told[2]):
            yield path


def _is_secret(key: str, value: Any) -> bool:
    """Whether a key by its name holds a secret, and its value is one."""
    named = _SECRET_KEY.search(key) and not key.lower().endswith(_POINTERS)
    return bool(
        named and isinstance(value, str) and value.strip() and not _PLACEHOLDER.search(value)
    )


def _mounted(view: _View, workload: Workload, container: Object, directory: str) -> Fact:
    """State that the operator finds the file, and that others than root may read it."""
    files = mounted_files(workload.template, container, view.name, [view.key])
    said = " ".join([*dig(container, "command", []), *dig(container, "args", [])])
    ok = any(path.startswith(f"{directory}/") or path in said for path in files)
    label = DEPLOYMENT.describe(str(dig(workload.deployment, "metadata.name")))
    where = dig(workload.deployment, "metadata.namespace")
    name = container.get("name")
    actual = ", ".join(files) or "mounted nowhere"
    return fact(
        f"the operator finds it in {directory}",
        ok,
        weight=2,
        reason=f"Nothing reads {view.name}: the container {name} does not have it in {directory}",
        expected=f"the ConfigMap {view.name} mounted at {directory} of the container {name}",
        actual=actual,
        fix=f"kubectl edit deployment {label.split()[-1]} -n {where}: a volume `configMap: {{name:"
        f" {view.name}}}`, and a volumeMount of it with mountPath: {directory}",
        evidence=[Evidence(label, f"containers[{name}].volumeMounts", actual)],
    )
