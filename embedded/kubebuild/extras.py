"""Makes what stands beside the binary: CRDs, versions, and the licences of what is linked in."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from .errors import BuildError
from .toolchain import ROOT, Go, Target

# The monitoring objects that the lab uses; the generator makes the whole group.
_WANTED = {"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"}
_TYPES = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"

# A phrase that only this licence has, in the order in which to look.
_LICENCES = (
    ("Apache-2.0", "Apache License"),
    ("MPL-2.0", "Mozilla Public License"),
    ("BSD-3-Clause", "Neither the name"),
    ("BSD-2-Clause", "Redistributions in binary form"),
    ("ISC", "Permission to use, copy, modify, and"),
    ("MIT", "Permission is hereby granted, free of charge"),
    ("Unlicense", "unencumbered software released into the public domain"),
)


def write_crds(go: Go, out: Path) -> None:
    """Generate the CRDs with controller-gen from the types that crds/go.mod pins."""
    print("Generating the monitoring CRDs ...", flush=True)
    out.mkdir()
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        go.run(
            "tool",
            "controller-gen",
            "crd:crdVersions=v1",
            f"paths={_TYPES}",
            f"output:crd:dir={scratch}",
            cwd=ROOT / "crds",
        )
        for made in Path(scratch).iterdir():
            if made.stem.rpartition("_")[2] in _WANTED:
                made.rename(out / made.name)
    if len(list(out.iterdir())) != len(_WANTED):
        raise BuildError(
            f"controller-gen did not make the CRDs of {' and '.join(_WANTED.values())}: "
            "look at the version of the types in embedded/crds/go.mod."
        )


def write_versions(go: Go, binary: Path, out: Path) -> None:
    """Write what the binary says about itself; it is read, as it may be for another system."""
    found = json.loads(go.run("run", "./internal/versions/print", str(binary)))
    out.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")


def write_licences(go: Go, target: Target, out: Path, module: Path = ROOT) -> None:
    """Name every module that is linked in and its licence, then give each text once."""
    listed = go.run(
        "list",
        "-deps",
        "-f",
        "{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}",
        ".",
        cwd=module,
        target=target,
    )
    table: list[str] = []
    texts: dict[str, list[str]] = {}
    for line in sorted(set(listed.splitlines())):
        name, _, rest = line.partition(" ")
        version, _, folder = rest.partition(" ")
        if not folder or not version:
            continue  # this module itself
        text = _licence_text(Path(folder))
        table.append(f"{name} {version}: {_licence_name(text)}")
        texts.setdefault(text, []).append(name)
    head = "Go modules that are linked in, and their licences. The texts follow.\n"
    body = (f"\n{'=' * 78}\n{', '.join(names)}\n\n{text}" for text, names in texts.items() if text)
    out.write_text("\n".join([head, *table, *body]) + "\n", encoding="utf-8")


def _licence_text(folder: Path) -> str:
    for pattern in ("LICEN[CS]E*", "licen[cs]e*", "COPYING*"):
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _licence_name(text: str) -> str:
    flat = " ".join(text.split())
    return next((name for name, phrase in _LICENCES if phrase in flat), "see its source")
