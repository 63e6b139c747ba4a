"""Which cluster is meant, and whether it may be written to.

Order: ``--kubeconfig``/``--context``, then ``KUBECONFIG``, then the lab's own cluster. The user's
``~/.kube/config`` is used only when a context of it is named: what happens to be current there may
be anybody's production.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader import paths
from labgrader.cluster import kubeconfig
from labgrader.model.errors import UsageError

LAB_CONTEXT = "labgrader-"
"""Contexts of the lab's own clusters begin with this; the rest is the cluster's name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A chosen cluster. ``provider`` is ``embedded``, ``kind`` or ``existing``."""

    provider: str
    kubeconfig: Path
    context: str | None

    @property
    def owned(self) -> bool:
        """Whether labgrader started this cluster itself."""
        return self.provider != "existing"

    @property
    def name(self) -> str:
        """The name of a cluster that labgrader started, as ``--name`` takes it."""
        return self.kubeconfig.resolve().parent.name.removeprefix("kind-")


def choose(
    kubeconfig_file: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Target:
    """Return the cluster that is meant.

    Raises:
        UsageError: none is chosen; says how to.
    """
    if kubeconfig_file:
        return _target(Path(kubeconfig_file), context)
    if context and context.startswith(LAB_CONTEXT):
        own = own_kubeconfig(context.removeprefix(LAB_CONTEXT))
        if own.is_file():
            return _target(own, context)
    listed = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return _target(*_merged(listed, context))
    own = own_kubeconfig("default")
    if not context and own.is_file():
        return _target(own, None)
    home = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    if context and home.is_file():
        return _target(home, context)
    raise UsageError(
        f"There is no context {context}" if context else "No cluster is chosen",
        "Start the lab's own: `labgrader cluster up`; or name one with --context or --kubeconfig",
    )


def own_kubeconfig(name: str) -> Path:
    """Return where the kubeconfig of the lab's own cluster ``name`` is, if it is there."""
    return paths.state_root() / "clusters" / name / "kubeconfig"


def _target(path: Path, context: str | None) -> Target:
    path = path.expanduser()
    clusters = (paths.state_root() / "clusters").resolve()
    folder = path.resolve().parent
    if folder.parent != clusters:
        return Target("existing", path, context)
    kind = folder.name.startswith("kind-")
    return Target("kind" if kind else "embedded", path, context)


def _merged(files: list[str], context: str | None) -> tuple[Path, str | None]:
    """Return the file and context that kubectl would take from a ``KUBECONFIG`` list.

    The first file that names a current context decides which, and the first that has it what it
    means; the one that has this cluster beside it is used.
    """
    present = [Path(file).expanduser() for file in files if Path(file).expanduser().is_file()]
    if not present:
        raise UsageError(
            f"KUBECONFIG names {files[0]}, which does not exist",
            "Unset it, or name another with --kubeconfig",
        )
    if len(present) == 1:
        return present[0], context
    parsed = [(file, kubeconfig.parse(file)) for file in present]
    wanted = context or next(filter(None, (d.get("current-context") for _, d in parsed)), None)
    meant = next((found for _, d in parsed if (found := _context(d, wanted))), None)
    if meant is None:
        raise UsageError(
            f"No file of KUBECONFIG has the context {wanted}", "Name it with --context"
        )
    for file, data in parsed:
        if _context(data, wanted) == meant and kubeconfig.find(data, "clusters", meant[0]):
            return file, wanted
    raise UsageError(
        f"The context {wanted} is spread over several files of KUBECONFIG",
        "Join them: `kubectl config view --flatten --minify > FILE`, and use --kubeconfig FILE",
    )


def _context(data: Mapping[str, Any], name: object) -> tuple[object, object] | None:
    """Return cluster and user of a context; None where the file does not have it."""
    found = kubeconfig.find(data, "contexts", name)
    return (found["context"].get("cluster"), found["context"].get("user")) if found else None


def consent_file(host: str) -> Path:
    """Return where consent to write to the API server ``host`` is remembered."""
    digest = hashlib.sha256(host.encode()).hexdigest()[:16]
    return paths.state_root() / "consents" / f"{digest}.json"


def has_consent(target: Target, host: str) -> bool:
    """Whether the lab may write there: it started the cluster, or somebody agreed to it."""
    return target.owned or consent_file(host).is_file()


def remember_consent(host: str, context: str) -> None:
    """Note that somebody agreed to the lab writing to ``host``."""
    paths.state_dir()
    paths.private_dir(consent_file(host).parent)
    consent_file(host).write_text(json.dumps({"host": host, "context": context}), encoding="utf-8")


def forget_consent(host: str) -> None:
    """Take the consent back."""
    consent_file(host).unlink(missing_ok=True)
