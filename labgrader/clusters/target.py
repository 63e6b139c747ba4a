"""Chooses the cluster, and decides whether it may be written to.

Order: ``--kubeconfig``/``--context``, then ``KUBECONFIG``, then the lab's own cluster. The user's
``~/.kube/config`` is used only when a context of it is named: what happens to be current there may
be anybody's production.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labgrader import paths
from labgrader.errors import UsageError
from labgrader.kube import kubeconfig_file
from labgrader.kube.kubeconfig_file import Kubeconfig, KubeconfigEntry

LAB_CONTEXT = "labgrader-"
"""Contexts of the lab's own clusters begin with this; the rest is the cluster's name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A chosen cluster. ``provider`` is ``embedded``, ``kind`` or ``existing``.

    Args:
        kubeconfig: the file that names its server.
        files: all files, where several of ``KUBECONFIG`` are needed together.
    """

    provider: str
    kubeconfig: Path
    context: str | None
    files: tuple[Path, ...] = ()

    @property
    def owned(self) -> bool:
        """Whether labgrader started this cluster itself."""
        return self.provider != "existing"

    @property
    def sources(self) -> tuple[Path, ...]:
        """The kubeconfig files that choose it, as absolute paths."""
        return tuple(one.expanduser().absolute() for one in self.files or (self.kubeconfig,))

    @property
    def options(self) -> list[str]:
        """The options by which another labgrader or kubectl of this environment chooses it.

        Several files cannot be named by options: what runs inherits ``KUBECONFIG``.
        """
        file = [] if self.files else [f"--kubeconfig={self.sources[0]}"]
        return file + ([f"--context={self.context}"] if self.context else [])

    @property
    def name(self) -> str:
        """The name of a cluster that labgrader started, as ``--name`` takes it."""
        folder = self.kubeconfig.resolve().parent.name
        return folder.removeprefix("kind-") if self.provider == "kind" else folder


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
        return _merged(listed, context)
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
    # A cluster of our own may be called kind-x: then it has its authority's files beside it.
    kind = folder.name.startswith("kind-") and not (folder / "pki").exists()
    return Target("kind" if kind else "embedded", path, context)


def _merged(files: Sequence[str], context: str | None) -> Target:
    """Return the cluster that kubectl would take from a ``KUBECONFIG`` list.

    Where one file says all of it, that file is the choice: it may be the lab's own.
    """
    listed = [Path(file).expanduser() for file in files]
    present = [file for file in listed if file.exists()] or listed[:1]
    if len(present) == 1 and (len(listed) == 1 or present[0].exists()):
        if not present[0].exists():
            raise UsageError(
                f"KUBECONFIG names {files[0]}, which does not exist",
                "Unset it, or name another with --kubeconfig",
            )
        return _target(present[0], context)
    merged = kubeconfig_file.load(present)
    wanted = context or merged.current
    if not wanted:
        raise UsageError(f"{merged.shown} has no current context", "Choose one with --context")
    chosen = merged.entry("contexts", wanted)
    file = merged.entry("clusters", chosen.text("cluster")).file
    if _says_all(file, merged, chosen, wanted):
        return _target(file, wanted)
    return Target("existing", file, wanted, merged.files)


def _says_all(file: Path, merged: Kubeconfig, chosen: KubeconfigEntry, context: str) -> bool:
    """Whether one file alone means the same cluster and user by a context."""
    alone = kubeconfig_file.load([file]).entries
    again, user = alone["contexts"].get(context), chosen.text("user")
    pair = ("cluster", "user")
    return (
        again is not None
        and all(again.text(key) == chosen.text(key) for key in pair)
        and (not user or merged.entry("users", user).file == file)
    )


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
