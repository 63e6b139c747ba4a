"""``labgrader operator run``: the reference operator outside the cluster, with its own rights.

For clusters whose nodes are simulated and run no containers. It logs in as the ServiceAccount of
task 2, so that what the learner granted is what it can do.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import rich_click as click
import yaml

from labgrader import paths
from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.errors import LabError, UsageError
from labgrader.kube import kubeconfig_file
from labgrader.kube.resources import CONFIG_MAP, Resource, dig

PLATFORM, ACCOUNT, SETTINGS = "trading-platform", "trading-operator", "trading-operator-config"
TOKEN = Resource("", "v1", f"serviceaccounts/{ACCOUNT}/token", "TokenRequest")
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
    """Run the operator here until Ctrl-C, with the rights of its ServiceAccount (task 2).

    It takes its configuration from the ConfigMap of task 3 if that is there, and follows it. Where
    a port is taken it listens on a free one and says on which.
    """
    if not all(find_spec(name) for name in ("aiohttp", "prometheus_client")):
        raise UsageError(
            "The operator's libraries are missing", "pip install 'labgrader[operator]'"
        )
    ask_to_write(workbench, "run the operator", yes=yes)
    sys.path.insert(0, str(Path(workbench.choice.content or paths.content_root()) / "solutions"))
    from trading_operator import __main__ as program
    from trading_operator import log
    from trading_operator.app import Options

    with tempfile.TemporaryDirectory(prefix="labgrader-operator-") as folder:
        login = Login(workbench, Path(folder))
        login.prepare()
        log.set_up("info")
        with login:
            options = Options(
                login.config, kubeconfig=str(login.kubeconfig), bind_host=bind_host, any_port=True
            )
            return program.run(options)


class Login:
    """Keeps a kubeconfig, a token and a copy of the configuration fresh in a private folder.

    The files are readable for their owner only. ``prepare`` makes them, ``with`` keeps them fresh.
    """

    def __init__(self, workbench: Workbench, folder: Path) -> None:
        self.kubeconfig, self.config = folder / "kubeconfig", folder / "config.yaml"
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
            LabError: there is no token to be had: the ServiceAccount of task 2 is not there.
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
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": server}],
            "users": [{"name": ACCOUNT, "user": {"tokenFile": str(self._token)}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": ACCOUNT}}],
            "current-context": "lab",
        }
        _write(self.kubeconfig, yaml.safe_dump(content))

    def _renew(self) -> None:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        try:
            made = self._workbench.cluster.create(TOKEN, request, PLATFORM)
        except LabError as error:
            raise LabError(
                f"There is no token for the ServiceAccount {PLATFORM}/{ACCOUNT}: {error.message}",
                "Task 2 makes it: `labgrader solve task1 task2`",
            ) from error
        _write(self._token, str(made["status"]["token"]))
        self._renew_at = time.monotonic() + TOKEN_SECONDS / 2

    def _copy_config(self) -> None:
        found = self._workbench.cluster.get(CONFIG_MAP, SETTINGS, PLATFORM)
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
