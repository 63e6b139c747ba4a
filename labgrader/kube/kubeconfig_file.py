"""Reading kubeconfig files, one or several, by the rules of kubectl. Speaks to no cluster.

Of several files the first that has an entry of a name defines it, and the first that names a
current context chooses it. Paths in an entry are relative to the file that it stands in.
"""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labgrader.errors import Forbidden, UsageError

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 16_000_000
MOST_LINES = 80_000
"""What is longer takes more than a few seconds to read, with the fastest YAML parser that is."""

_KINDS = {"contexts": "context", "clusters": "cluster", "users": "user"}


@dataclass(frozen=True, slots=True)
class KubeconfigEntry:
    """The value of a context, cluster or user, and the file that it stands in."""

    name: str
    value: Mapping[str, Any]
    file: Path

    def path(self, key: str) -> Path | None:
        """Return the file that a field names; None where it is not set."""
        named = self.text(key)
        return self.file.parent / Path(named).expanduser() if named else None

    def text(self, key: str) -> str:
        """Return a field that holds a string; empty where it is not set."""
        value = self.value.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        raise self.refused(f"{key} must be a string, and is {_named(value)}")

    def flag(self, key: str) -> bool:
        """Return a field that holds a boolean; False where it is not set."""
        value = self.value.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.refused(f"{key} must be true or false, and is {_named(value)}")

    def strings(self, key: str) -> list[str]:
        """Return a field that holds a list of strings; empty where it is not set."""
        value = self.value.get(key)
        if value is None or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            return value or []
        raise self.refused(f"{key} must be a list of strings")

    def content(self, key: str) -> bytes:
        """Return what ``KEY-data`` holds, or else the file that ``KEY`` names; else nothing."""
        inline = self.text(f"{key}-data")
        if not inline:
            return self.file_content(key) if self.text(key) else b""
        try:
            return base64.b64decode("".join(inline.split()), validate=True)
        except ValueError as error:
            raise self.refused(f"{key}-data is not valid base64") from error

    def file_content(self, key: str) -> bytes:
        """Return the content of the file that a field names: never one that keeps us waiting."""
        path = self.path(key)
        try:
            if path is None or not stat.S_ISREG(path.stat().st_mode):
                raise self.refused(f"{key} {path} is not a file")
            if path.stat().st_size > MOST_BYTES:
                raise self.refused(f"{key} {path} is too large")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            detail = getattr(error, "strerror", None) or error
            raise self.refused(f"{key} {path} cannot be read: {detail}") from error

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a field that holds a map; empty where it is not set."""
        value = self.value.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        raise self.refused(f"{key} must be a map, and is {_named(value)}")

    def no_credentials(self, why: str) -> Forbidden:
        """Return the error for a user whose login gave nothing."""
        return Forbidden(
            f"No credentials for {self.name} of {self.file}: {why}",
            "Log in again (see that `kubectl get ns` works), then retry",
        )

    def refused(
        self, what: str, next_step: str = "Correct the file, or name another"
    ) -> UsageError:
        """Return the error for something in this entry that cannot be used."""
        return UsageError(f"{self.file}: {self.name}: {what}", next_step)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """What one or several files say together."""

    files: tuple[Path, ...]
    current: str
    entries: Mapping[str, Mapping[str, KubeconfigEntry]]

    def entry(self, kind: str, name: str) -> KubeconfigEntry:
        """Return an entry of ``contexts``, ``clusters`` or ``users``.

        Raises:
            UsageError: there is none of that name; names those that there are.
        """
        found = self.entries[kind].get(name)
        if found is not None:
            return found
        known = list(self.entries[kind])
        shown = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
        raise UsageError(
            f"{self.shown} has no {_KINDS[kind]} {name!r} (it has: {shown or 'none'})",
            "Choose one with --context" if kind == "contexts" else "Correct the file",
        )

    @property
    def shown(self) -> str:
        """The files' names."""
        return ", ".join(str(file) for file in self.files)


def load(files: Sequence[Path]) -> Kubeconfig:
    """Read files and merge them; with several, those that do not exist are passed over.

    Raises:
        UsageError: a file cannot be read or used, or none is there, or none has contexts.
    """
    present = [file for file in files if file.exists()] if len(files) > 1 else list(files)
    if not present:
        raise UsageError(
            f"KUBECONFIG names {files[0]}, which does not exist",
            "Unset it, or name another with --kubeconfig",
        )
    current = ""
    entries: dict[str, dict[str, KubeconfigEntry]] = {kind: {} for kind in _KINDS}
    for file in present:
        data = parse(file)
        told = data.get("current-context") or ""
        if not isinstance(told, str):
            raise UsageError(f"{file}: current-context is not a string", "Correct the file")
        current = current or told
        for kind in _KINDS:
            for name, entry in _entries(data, kind, file).items():
                entries[kind].setdefault(name, entry)
    if not any(entries.values()) and not current:
        raise UsageError(
            f"{present[0]} is not a kubeconfig: it has no contexts", "Name another file"
        )
    return Kubeconfig(tuple(present), current, entries)


def parse(file: Path) -> dict[str, Any]:
    """Parse one kubeconfig file.

    Raises:
        UsageError: it is not there, cannot be read, is too large, or is not a kubeconfig.
    """
    text = _text(file)
    try:
        data = _json(text) or yaml.load(text, Loader=Loader)  # noqa: S506 - the safe loader's twin
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(
            f"The kubeconfig {file} is not valid YAML{where}", "Correct it, or name another"
        ) from error
    if data is not None and not isinstance(data, dict):
        raise UsageError(f"{file} is not a kubeconfig: it has no contexts", "Name another file")
    return data or {}


def _text(file: Path) -> str:
    other = "Name another with --kubeconfig, or start the lab's own: `labgrader cluster up`"
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"The kubeconfig {file} cannot be read: it is not a file", other)
        if found.st_size > MOST_BYTES:
            raise _too_long(file)
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The kubeconfig {file} cannot be read: {detail}", other) from error
    if text.count("\n") > MOST_LINES:
        raise _too_long(file)
    return text


def _too_long(file: Path) -> UsageError:
    return UsageError(
        f"The kubeconfig {file} is too long: at most {MOST_LINES} lines and"
        f" {MOST_BYTES // 1_000_000} MB are read",
        "Take the one context out: `kubectl config view --minify --flatten --context NAME > FILE`",
    )


def _json(text: str) -> Any:
    """Return JSON, which YAML is not quite: it may be indented with tabs; None for all else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _entries(data: Mapping[str, Any], kind: str, file: Path) -> dict[str, KubeconfigEntry]:
    """Return the named entries of one file."""
    listed = data.get(kind)
    if listed is None:
        return {}
    if not isinstance(listed, list):
        raise UsageError(f"{file}: {kind} is {_named(listed)}, not a list", "Correct the file")
    found: dict[str, KubeconfigEntry] = {}
    for one in listed:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise UsageError(f"{file}: an entry of {kind} has no name", "Correct the file")
        if name in found:
            raise UsageError(f"{file} has two {kind} named {name!r}", "Remove one of them")
        value = one.get(_KINDS[kind])
        if value is not None and not isinstance(value, dict):
            raise UsageError(
                f"{file}: {_KINDS[kind]} of {name!r} is {_named(value)}, not a map",
                "Correct the file",
            )
        found[name] = KubeconfigEntry(f"{_KINDS[kind]} {name!r}", value or {}, file)
    return found


def _named(value: object) -> str:
    """Return what a value is, in the words of YAML."""
    names = {list: "a list", dict: "a map", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "another type")
