"""``labgrader operator run``: the reference operator outside the cluster, with its own rights.

For clusters whose nodes are simulated and run no containers. It logs in as its ServiceAccount,
so that what the learner granted is what it can do.
"""

from __future__ import annotations

import runpy
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import rich_click as click
import yaml

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.local_operator import can_run
from labgrader.cli.options import workbench_options
from labgrader.errors import ExitCode, LabError, UsageError
from labgrader.kube import kubeconfig_file
from labgrader.kube.resources import CONFIG_MAP, Resource, dig
from labgrader.model.manifest import Operator

TOKEN_SECONDS = 3600
LOOK_SECONDS = 5.0
"""How often the ConfigMap is looked at, and a token that could not be had is asked for again."""


@click.group()
def operator() -> None:
    """The lab's reference operator, outside the cluster."""


@operator.command("run")
@click.option("--yes", is_flag=True, help="Agree to writing to a cluster of your own.")
@click.option(
    "--bind-host", default="127.0.0.1", show_default=True, help="Where metrics and probes listen."
)
@workbench_options
def run(workbench: Workbench, yes: bool, bind_host: str) -> int:
    """Run the lab's operator here until Ctrl-C, with the rights of its ServiceAccount.

    It takes its configuration from its ConfigMap if that is there, and follows it. Where a port is
    taken it listens on a free one and says on which.
    """
    operator = _operator(workbench)
    ask_to_write(workbench, "run the operator", yes=yes)
    sys.path.insert(0, str(workbench.pack.folder.solutions))
    with tempfile.TemporaryDirectory(prefix="labgrader-operator-") as folder:
        login = Login(workbench, Path(folder))
        login.prepare()
        options = ["--kubeconfig", str(login.kubeconfig), "--config", str(login.config)]
        sys.argv = [operator.package, *options, "--bind-host", bind_host, "--any-port"]
        with login:
            try:
                runpy.run_module(operator.package, run_name="__main__", alter_sys=True)
            except SystemExit as end:
                return end.code if isinstance(end.code, int) else ExitCode.OK
    return ExitCode.OK


def _operator(workbench: Workbench) -> Operator:
    """Return the lab's operator. Raises ``UsageError`` where there is none that can run."""
    manifest = workbench.pack.manifest
    if manifest.operator is None:
        raise UsageError(f"The lab {manifest.id} has no operator of its own", "Choose another lab")
    if not can_run(manifest.operator):
        raise UsageError(
            "The operator's libraries are missing", "pip install 'labgrader[operator]'"
        )
    return manifest.operator


class Login:
    """Keeps a kubeconfig, a token and a copy of the configuration fresh in a private folder.

    The files are readable for their owner only. ``prepare`` makes them, ``with`` keeps them fresh.
    """

    def __init__(self, workbench: Workbench, folder: Path) -> None:
        self.kubeconfig, self.config = folder / "kubeconfig", folder / "config.yaml"
        self._operator, self._namespace = _operator(workbench), workbench.pack.manifest.namespace
        self._token = folder / "token"
        self._workbench = workbench
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_fresh, daemon=True)
        self._renew_at = 0.0

    def __enter__(self) -> Self:
        """Begin to keep the files fresh."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(timeout=10)

    def prepare(self) -> None:
        """Make the files.

        Raises:
            LabError: there is no token to be had: the ServiceAccount is not there.
        """
        self._renew()
        self._copy_config()
        merged = kubeconfig_file.load(self._workbench.target.sources)
        chosen = merged.entry("contexts", self._workbench.connection.context)
        cluster = merged.entry("clusters", chosen.text("cluster"))
        server = {**cluster.value, "server": self._workbench.connection.host}
        authority = cluster.path("certificate-authority")
        if authority:
            server["certificate-authority"] = str(authority)
        user = self._operator.account
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": server}],
            "users": [{"name": user, "user": {"tokenFile": str(self._token)}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
            "current-context": "lab",
        }
        _write(self.kubeconfig, yaml.safe_dump(content))

    def _renew(self) -> None:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        account, space = self._operator.account, self._namespace
        token = Resource("", "v1", f"serviceaccounts/{account}/token", "TokenRequest")
        try:
            made = self._workbench.cluster.create(token, request, space)
        except LabError as error:
            before = " ".join(self._workbench.catalog.lab.before(self._operator.task))
            raise LabError(
                f"There is no token for the ServiceAccount {space}/{account}: {error.message}",
                f"An earlier task makes it: `labgrader solve {before}`",
            ) from error
        _write(self._token, str(made["status"]["token"]))
        self._renew_at = time.monotonic() + TOKEN_SECONDS / 2

    def _copy_config(self) -> None:
        settings = self._operator.settings
        cluster = self._workbench.cluster
        found = cluster.get(CONFIG_MAP, settings, self._namespace) if settings else None
        text = str(dig(found, "data", {}).get("config.yaml", ""))
        if not self.config.exists() or self.config.read_text(encoding="utf-8") != text:
            _write(self.config, text)

    def _keep_fresh(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with suppress(LabError):  # the operator itself tells of an outage
                if time.monotonic() >= self._renew_at:
                    self._renew()
                self._copy_config()


def _write(path: Path, text: str) -> None:
    """Replace a private file as a whole, so that nobody reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
