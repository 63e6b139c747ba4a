"""Makes a state folder as version 0.1 (e482f52) left it: sessions, answers, and a stopped cluster.

``python -m tests.support.state_of_0_1 FOLDER`` writes one to look at.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

LAB = "operator-pipeline"
SESSION, ASKED = "2026-11-20-101500", "crd-established"
_WRITES = ["create", "update", "patch", "delete", "deletecollection"]
_TABLES = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, at TEXT NOT NULL,
    kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX events_by_session ON events (session, id);
CREATE TABLE answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, lab TEXT NOT NULL,
    question TEXT NOT NULL, concept TEXT NOT NULL, mark TEXT NOT NULL
);
PRAGMA user_version = 2;
"""


def make(state: Path) -> Path:
    """Write the folder; return the cluster's own one."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sessions(state / "sessions.sqlite3")
    cluster = state / "clusters" / "default"
    for part in ("conf", "run", "audit"):
        (cluster / part).mkdir(mode=0o700, parents=True)
    _json(cluster / "cluster.json", {"port": 43211, "nodes": "simulated"})
    _json(cluster / "run" / "status.json", {"state": "stopped", "adopted": True})
    _json(cluster / "conf" / "audit-policy.yaml", policy())
    return cluster


def policy() -> dict[str, Any]:
    """Return the audit policy of every cluster that version 0.1 started; it kept no Leases."""
    space = ["trading-platform"]
    secret = [
        {"group": "", "resources": ["secrets", "serviceaccounts/token"]},
        {"group": "authentication.k8s.io"},
    ]
    wide = [
        {"group": "apiextensions.k8s.io", "resources": ["customresourcedefinitions"]},
        {"group": "rbac.authorization.k8s.io"},
        {"group": "admissionregistration.k8s.io"},
    ]
    own = {"group": "", "resources": ["namespaces"], "resourceNames": ["", *space]}
    leases = {"group": "coordination.k8s.io", "resources": ["leases"]}
    rules = [
        {"level": "None", "users": ["system:apiserver", "system:kube-scheduler", "labgrader:kwok"]},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system", "system:nodes"]},
        {"level": "Metadata", "resources": secret, "namespaces": space},
        {"level": "None", "resources": secret},
        {"level": "RequestResponse", "resources": [{"group": "fintech.io"}], "verbs": _WRITES},
        {"level": "Request", "resources": wide, "verbs": _WRITES},
        {"level": "None", "resources": [leases]},
        {"level": "Metadata", "namespaces": space, "verbs": _WRITES},
        {"level": "Metadata", "resources": [own], "verbs": _WRITES},
        {"level": "None"},
    ]
    head = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
    return {**head, "omitStages": ["RequestReceived"], "omitManagedFields": True, "rules": rules}


def _sessions(path: Path) -> None:
    clock = {"_clock": ["boot", 10.0]}
    context = "labgrader-default"
    begun = {"lab": LAB, "context": context, "mode": "practice", "factor": 1.0, **clock}
    connection = sqlite3.connect(path)
    connection.executescript(_TABLES)
    events = [
        (SESSION, "2026-11-20T10:15:00+00:00", "started", json.dumps(begun)),
        (SESSION, "2026-11-20T10:16:00+00:00", "paused", json.dumps(clock)),
    ]
    insert = "INSERT INTO events (session, at, kind, data) VALUES (?,?,?,?)"
    connection.executemany(insert, events)
    answer = ("2026-11-20T10:20:00+00:00", LAB, ASKED, "crd", "right")
    insert = "INSERT INTO answers (at, lab, question, concept, mark) VALUES (?,?,?,?,?)"
    connection.execute(insert, answer)
    connection.commit()
    connection.close()
    path.chmod(0o600)


def _json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")
    path.chmod(0o600)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
