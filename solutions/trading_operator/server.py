"""The two small web servers: probes for the kubelet, figures for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from trading_operator.config import Address

log = logging.getLogger(__name__)
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def probes(why_not_ready: Callable[[], str]) -> web.Application:
    """Answer ``/healthz`` and ``/readyz``. That the first one answers is all there is to say."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = why_not_ready()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


def figures(registry: CollectorRegistry) -> web.Application:
    """Answer ``/metrics``."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": _TEXT})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


async def listen(
    what: str, app: web.Application, address: Address, host: str | None, *, any_port: bool
) -> web.AppRunner:
    """Serve ``app``; the caller ends it with ``cleanup``.

    Args:
        host: where to listen if the address names no host.
        any_port: take a free port where the wanted one is taken.

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    where = address.host or host
    try:
        await web.TCPSite(runner, where, address.port).start()
    except OSError:
        if not any_port:
            await runner.cleanup()
            raise
        await web.TCPSite(runner, where, 0).start()
    name, port = runner.addresses[0][:2]
    name = f"[{name}]" if ":" in name else name
    log.info("serving %s", what, extra={"address": f"{name}:{port}"})
    return runner
