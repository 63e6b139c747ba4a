"""The record: what the audit log says was done, in the order in which it was done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labgrader.clusters.embedded import audit_log
from labgrader.clusters.embedded.audit_log import AuditRecord
from labgrader.kube.resources import Resource

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")


def event(verb: str, name: str, **more: Any) -> dict[str, Any]:
    about = {"resource": "tradingalgorithms", "apiGroup": "fintech.io", "namespace": "lab"}
    return {
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": "learner"},
        "objectRef": {**about, "name": name},
        "responseStatus": {"code": 200},
        "requestURI": "/apis",
        "stageTimestamp": "t",
        **more,
    }


def log(path: Path, *events: object) -> None:
    lines = [json.dumps(one, separators=(",", ":")) if one else "{half" for one in events]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_writes_to_the_type_come_oldest_first_rotated_parts_included(tmp_path: Path) -> None:
    log(tmp_path / "audit-2026-01-01T00-00-00.000.log", event("create", "a"))
    log(tmp_path / "audit-2026-01-02T00-00-00.000.log", event("patch", "a"))
    log(tmp_path / "audit.log", event("delete", "a"), None)
    deeds = AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab")
    assert [deed.verb for deed in deeds] == ["create", "patch", "delete"]
    assert {deed.user for deed in deeds} == {"learner"}


def test_a_log_that_is_renamed_just_before_it_is_read_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current, part = tmp_path / "audit.log", tmp_path / "audit-2026-01-01T00-00-00.000.log"
    log(current, event("create", "a", stageTimestamp="2026-01-01T00:00:01.5Z"))
    original = audit_log._new_lines

    def late(path: Path, read: dict[int, int]) -> list[bytes]:
        if path == current and not part.exists():
            current.rename(part)
            log(current, event("delete", "a", stageTimestamp="2026-01-01T00:00:02.5Z"))
        return original(path, read)

    monkeypatch.setattr(audit_log, "_new_lines", late)
    deeds = AuditRecord(current).audited_writes(ALGORITHM, "lab")
    assert [deed.verb for deed in deeds] == ["create", "delete"]


def test_reads_dry_runs_other_places_and_other_types_are_left_out(tmp_path: Path) -> None:
    elsewhere = {"resource": "tradingalgorithms", "apiGroup": "fintech.io", "namespace": "x"}
    log(
        tmp_path / "audit.log",
        event("get", "a"),
        event("create", "a", requestURI="/apis?dryRun=All"),
        event("delete", "a", requestObject={"kind": "DeleteOptions", "dryRun": ["All"]}),
        event("create", "a", objectRef=elsewhere),
        event("create", "a", objectRef={**elsewhere, "namespace": "lab", "apiGroup": "other.io"}),
        event("create", "a", stage="Panic"),
    )
    assert AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab") == []


def test_a_generated_name_is_taken_from_the_answer(tmp_path: Path) -> None:
    about = {"resource": "tradingalgorithms", "apiGroup": "fintech.io", "namespace": "lab"}
    made = {"metadata": {"name": "algo-x7"}}
    log(tmp_path / "audit.log", event("create", "", objectRef=about, responseObject=made))
    (deed,) = AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab")
    assert (deed.name, deed.after) == ("algo-x7", made)


def test_a_json_patch_is_a_deed_like_others(tmp_path: Path) -> None:
    body = [{"op": "remove", "path": "/metadata/finalizers"}]
    log(tmp_path / "audit.log", event("patch", "a", requestObject=body))
    (deed,) = AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab")
    assert (deed.verb, deed.name) == ("patch", "a")


def test_no_log_is_an_empty_record(tmp_path: Path) -> None:
    assert AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab") == []


def test_what_comes_later_is_read_and_nothing_twice(tmp_path: Path) -> None:
    record, path = AuditRecord(tmp_path / "audit.log"), tmp_path / "audit.log"

    def verbs() -> list[str]:
        return [deed.verb for deed in record.audited_writes(ALGORITHM, "lab")]

    log(path, event("create", "a"))
    assert verbs() == ["create"]
    line = json.dumps(event("patch", "a"), separators=(",", ":"))
    with path.open("a", encoding="utf-8") as file:
        file.write(line[:50])
        file.flush()
        assert verbs() == ["create"]  # half a line tells nothing yet
        file.write(f"{line[50:]}\n")
    assert verbs() == ["create", "patch"]
    path.rename(tmp_path / "audit-2026-01-01T00-00-00.000.log")
    log(path, event("delete", "a"))
    assert verbs() == ["create", "patch", "delete"]
    assert verbs() == ["create", "patch", "delete"]


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    record, path = AuditRecord(tmp_path / "audit.log"), tmp_path / "audit.log"
    log(path, event("create", "a"), event("patch", "a"))
    assert len(record.audited_writes(ALGORITHM, "lab")) == 2
    with path.open("r+", encoding="utf-8") as file:
        file.truncate()
        file.write(json.dumps(event("delete", "b"), separators=(",", ":")) + "\n")
    assert record.audited_writes(ALGORITHM, "lab")[-1].verb == "delete"


def test_words_in_an_object_do_not_hide_what_was_done_to_it(tmp_path: Path) -> None:
    body = {"spec": {"note": 'dryRun=All "verb":"get"'}}
    real = {"requestURI": "/apis", "verb": "create", "user": {"username": "me"}}
    log(tmp_path / "audit.log", {**event("create", "a"), **real, "requestObject": body})
    assert len(AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab")) == 1


def test_a_deed_names_the_pod_whose_token_was_used_and_where_it_came_from(tmp_path: Path) -> None:
    extra = {
        "authentication.kubernetes.io/pod-name": ["operator-1"],
        "authentication.kubernetes.io/pod-uid": ["u-1"],
    }
    user = {"username": "system:serviceaccount:lab:operator", "extra": extra}
    more = {"user": user, "userAgent": "python", "sourceIPs": ["10.0.0.7", "10.0.0.8"]}
    log(tmp_path / "audit.log", event("update", "a", **more), event("update", "a"))
    told, silent = AuditRecord(tmp_path / "audit.log").audited_writes(ALGORITHM, "lab")
    assert (told.pod, told.pod_uid, told.agent, told.address) == (
        *("operator-1", "u-1"),
        *("python", "10.0.0.7"),
    )
    assert (silent.pod, silent.pod_uid, silent.agent, silent.address) == ("", "", "", "")
