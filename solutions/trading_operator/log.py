"""One JSON object per line on stdout: what was watched, who leads, what was done."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import yaml

from trading_operator import clock

DEFAULT_PATH = Path("/etc/logging/logging.yaml")
_LEVELS = {name: name for name in ("debug", "info", "warning", "error")} | {"warn": "warning"}

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Puts the message and everything given as ``extra`` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": clock.now(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def set_up(level: str) -> None:
    """Send everything of ``level`` and above to stdout; other libraries' chatter stays away."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_level(level)


def set_level(level: str) -> None:
    """Say from which level on this operator's own lines are written."""
    logging.getLogger("trading_operator").setLevel(level.upper())


def wanted_level(path: Path) -> str | None:
    """Return the level that the logging configuration asks for; None where it says nothing.

    Of that file only ``logging.level`` is for this operator: it writes JSON to stdout, whatever
    else is asked for, and leaves files and delivery to who collects the logs.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    section = data.get("logging") if isinstance(data, dict) else None
    level = section.get("level") if isinstance(section, dict) else None
    return _LEVELS.get(str(level).lower())
