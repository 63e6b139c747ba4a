"""Puts the parts together: configuration, API, election, controller, servers, signals."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from trading_operator import config as configs
from trading_operator import log as logs
from trading_operator import server
from trading_operator.client import Api, ApiError, NotLeading, Unreachable
from trading_operator.config import BadConfig, Config
from trading_operator.controller import Controller
from trading_operator.credentials import find
from trading_operator.leading import Leading
from trading_operator.lease import ApiLeases, Elector
from trading_operator.metrics import Metrics

log = logging.getLogger(__name__)
RELOAD_SECONDS = 2.0
FAREWELL_SECONDS = 6.0
"""Well below the grace period of 10 seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.

    Args:
        kubeconfig: None means the ServiceAccount of this pod.
        bind_host: where to listen when the configuration names no host; None is everywhere.
        any_port: take a free port where the configured one is taken.
        log_level: holds where the logging configuration names none.
    """

    config: Path = configs.DEFAULT_PATH
    logging: Path = logs.DEFAULT_PATH
    log_level: str = "info"
    kubeconfig: str | None = None
    bind_host: str | None = None
    any_port: bool = False


class Operator:
    """The whole program, apart from the command line."""

    def __init__(self, options: Options) -> None:
        """Raises ``BadConfig`` and ``NoCredentials``."""
        self._options = options
        self._text = _text(options.config)
        self._config = configs.load(options.config, os.environ.get("POD_NAMESPACE"))
        self._server = find(options.kubeconfig)
        name = os.environ.get("POD_NAME") or socket.gethostname()
        self._identity = f"{name}_{secrets.token_hex(4)}"
        self._metrics = Metrics()
        self._elector: Elector | None = None
        self._controller: Controller | None = None
        self._stop = asyncio.Event()
        self._signal = 0

    async def run(self) -> int:
        """Run until SIGTERM (returns 0) or SIGINT (returns 130). Raises ``OSError``: port taken."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(_session())
            await self._serve(stack)
            reload = asyncio.create_task(self._reload())
            stack.callback(reload.cancel)
            await self._lead(Api(session, self._server))
        log.info("stopped")
        return 130 if self._signal == signal.SIGINT else 0

    def _end(self, number: int) -> None:
        self._signal = number
        self._stop.set()

    async def _lead(self, api: Api) -> None:
        election = self._config.election
        if not election.enabled:
            log.warning("leader election is off: there must be no second copy of this operator")
            work = asyncio.create_task(self._work(api))
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            work.cancel()
            await asyncio.wait([work])
            return
        leases = ApiLeases(
            api.with_timeout(election.deadline / 3), self._config.namespace, election.name
        )
        self._elector = Elector(leases, self._identity, election)
        gated = api.leader_only(self._elector.time_left)
        log.info("contending for the Lease %s", election.name, extra={"identity": self._identity})
        await Leading(self._elector, lambda: self._work(gated)).run(self._stop)

    async def _work(self, api: Api) -> None:
        self._controller = Controller(api, lambda: self._config, self._identity, self._metrics)
        try:
            await self._controller.run()
        except asyncio.CancelledError:
            with suppress(ApiError, Unreachable, NotLeading, TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._controller.farewell()
            raise
        finally:
            self._controller = None

    async def _serve(self, stack: AsyncExitStack) -> None:
        self._metrics.show(
            self._config.election.name,
            lambda: self._controller is not None,
            lambda: len(self._controller.queue) if self._controller else 0,
            lambda: self._controller.algorithms() if self._controller else [],
        )
        parts = (
            ("metrics", server.figures(self._metrics.registry), self._config.metrics),
            ("probes", server.probes(self._why_not_ready), self._config.health),
        )
        for what, app, address in parts:
            if address:
                runner = await server.listen(
                    what,
                    app,
                    address,
                    self._options.bind_host,
                    any_port=self._options.any_port,
                )
                stack.push_async_callback(runner.cleanup)

    def _why_not_ready(self) -> str:
        if self._elector and not self._elector.seen:
            return "the Lease could not be read yet"
        missing = self._controller.not_synced() if self._controller else []
        return f"not read yet: {', '.join(missing)}" if missing else ""

    async def _reload(self) -> None:
        """Follow the files; a bad configuration changes nothing and is told once."""
        while True:
            level = logs.wanted_level(self._options.logging)
            logs.set_level(level or self._options.log_level)
            await asyncio.sleep(RELOAD_SECONDS)
            text = _text(self._options.config)
            if text == self._text:
                continue
            self._text = text
            try:
                config = configs.load(self._options.config, os.environ.get("POD_NAMESPACE"))
            except BadConfig as error:
                log.error("the new configuration is not used, the last good one is: %s", error)  # noqa: TRY400
                continue
            self._take(config)

    def _take(self, config: Config) -> None:
        old, self._config = self._config, config
        log.info("the configuration changed")
        fixed = ("namespace", "election", "metrics", "health")
        if any(getattr(old, name) != getattr(config, name) for name in fixed):
            log.warning("namespace, election and addresses take effect at the next start only")
        if self._controller:
            self._controller.look_at_all()


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
    return aiohttp.ClientSession(connector=connector, auto_decompress=True)


def _text(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
