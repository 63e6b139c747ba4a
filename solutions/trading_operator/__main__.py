"""``python -m trading_operator``: the command line."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from trading_operator import config, log
from trading_operator.app import Operator, Options
from trading_operator.config import BadConfig
from trading_operator.credentials import NoCredentials


def main() -> int:
    """Run the operator and return the exit code: 2 for a start that makes no sense."""
    parser = argparse.ArgumentParser(prog="trading_operator", description=__doc__)
    parser.add_argument("--config", type=Path, default=config.DEFAULT_PATH, metavar="FILE")
    parser.add_argument("--logging", type=Path, default=log.DEFAULT_PATH, metavar="FILE")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: the pod's ServiceAccount")
    parser.add_argument("--bind-host", metavar="HOST", help="where to listen; default: everywhere")
    parser.add_argument("--any-port", action="store_true", help="if taken, listen on a free one")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning"])
    given = parser.parse_args()
    log.set_up(given.log_level)
    return run(
        Options(
            config=given.config,
            logging=given.logging,
            log_level=given.log_level,
            kubeconfig=given.kubeconfig,
            bind_host=given.bind_host,
            any_port=given.any_port,
        )
    )


def run(options: Options) -> int:
    """Run the operator; say in one line on stderr why it cannot start."""
    try:
        return asyncio.run(_run(options))
    except (BadConfig, NoCredentials, OSError) as error:
        sys.stderr.write(f"trading-operator: {error}\n")
        return 2


async def _run(options: Options) -> int:
    return await Operator(options).run()


if __name__ == "__main__":
    sys.exit(main())
