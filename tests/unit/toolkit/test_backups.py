"""What a backup wrote: read within bounds, compared with the cluster, secrets never shown."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from labgrader.errors import MissingCapability
from labgrader.toolkit.backup_names import names_date, uses_date
from labgrader.toolkit.backups import (
    MARK,
    MAX_BYTES,
    MAX_FILES,
    READER,
    TooMuch,
    Written,
    essence,
    faults_of,
    files_of,
    objects_in,
    stripped,
    total_of,
)
from labgrader.toolkit.cron import schedule
from labgrader.toolkit.jobs import once_only
from labgrader.toolkit.scripts import run_by, unrunnable
from labgrader.toolkit.shell.syntax import syntax_error
from labgrader.toolkit.volumes import config_maps, lasting, written

ALGORITHM: dict[str, Any] = {
    "apiVersion": "fintech.io/v1",
    "kind": "TradingAlgorithm",
    "metadata": {
        "name": "one",
        "namespace": "trading-platform",
        "uid": "u",
        "resourceVersion": "7",
        "managedFields": [{}],
        "labels": {"a": "b"},
    },
    "spec": {"limits": 5},
    "status": {"phase": "Active"},
}


def file(content: bytes | str, path: str = "/b/x.yaml") -> Written:
    data = content.encode() if isinstance(content, str) else content
    return Written(path, 1, len(data), data)


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_only_what_is_new_is_read() -> None:
    body = base64.b64encode(b"kind: X\n").decode()
    printed = f"{MARK}3 8 /b/new.yaml\n{body}\n{MARK}900 8 /b/old one.yaml\n\n{MARK}end\n"
    (new,) = files_of(printed, 10)
    assert (new.path, new.content) == ("/b/new.yaml", b"kind: X\n")


def test_old_files_beside_do_not_push_new_ones_out(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 50):
        old = tmp_path / f"old-{number}"
        old.touch()
        os.utime(old, (1_600_000_000, 1_600_000_000))
    (tmp_path / "new.yaml").write_text("kind: X\n")
    told = subprocess.run(
        ["sh", "-c", READER, "sh", str(tmp_path)],
        env={**os.environ, "FRESH": "60", "MINUTES": "2"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (new,) = files_of(told, 60)
    assert (new.path, new.content) == (str(tmp_path / "new.yaml"), b"kind: X\n")
    assert total_of(told) == MAX_FILES + 51


def test_a_listing_without_its_end_is_none() -> None:
    with pytest.raises(TooMuch, match="more than can be read"):
        files_of(f"{MARK}3 8 /b/new.yaml\n", 10)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ALGORITHM),
        json.dumps({"kind": "List", "items": [ALGORITHM]}),
        f"---\nx: 1\n---\n{json.dumps(ALGORITHM)}\n",
        gzip.compress(json.dumps(ALGORITHM).encode()),
        tar({"a/b.yaml": json.dumps(ALGORITHM).encode()}),
        tar({"../../etc/passwd": json.dumps(ALGORITHM).encode()}, "w:gz"),
    ],
    ids=["json", "list", "documents", "gzip", "tar", "tar.gz with an odd name"],
)
def test_objects_are_found_however_they_are_packed(content: bytes | str) -> None:
    found, wrong = objects_in([file(content)])
    assert (found, wrong) == ([ALGORITHM], [])


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"x" * (MAX_BYTES + 10)),
        gzip.compress(b"x")[:-6],
        b"\x1f\x8bnonsense",
        "a: &a [x]\nb: [" + "*a, " * 50 + "]",
        "[" * 500,
        "a: b: c",
        b"\xff\xfe\x00",
        "x" * (MAX_BYTES + 1),
    ],
    ids=["bomb", "cut", "no gzip", "aliases", "nesting", "no yaml", "no text", "too long"],
)
def test_what_cannot_be_read_is_said_and_harms_nobody(content: bytes | str) -> None:
    found, wrong = objects_in([file(content)])
    assert found == []
    assert len(wrong) == 1 or content == b"\xff\xfe\x00"


def test_an_object_is_compared_without_what_the_server_gave_it() -> None:
    bare = stripped(ALGORITHM)
    assert "status" not in bare
    assert set(bare["metadata"]) == {"name", "namespace", "labels"}
    assert essence(bare) == essence(ALGORITHM)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([], "not in the backup"),
        ([{**ALGORITHM, "spec": {"limits": 6}}], "not what the cluster has"),
        ([{**ALGORITHM, "spec": {"limits": 6}}, ALGORITHM], ""),
    ],
)
def test_faults_of_a_backup(found: list[dict[str, Any]], told: str) -> None:
    why = faults_of(ALGORITHM, found, lambda body: "")
    assert (told in why) if told else why == ""


def test_the_server_s_refusal_is_a_fault() -> None:
    assert faults_of(ALGORITHM, [ALGORITHM], lambda body: "no") == "no"


NIGHTLY = ["0 2 * * *", "00 02 */1 * *", "0 2 ? * sun-sat", "0 2 1-31 jan-dec 0-7", "0 2 * * */1"]


@pytest.mark.parametrize("text", NIGHTLY)
def test_every_spelling_of_two_in_the_morning(text: str) -> None:
    found = schedule(text)
    assert found is not None
    assert (found.minutes, found.hours, found.daily) == ({0}, {2}, True)


@pytest.mark.parametrize("text", ["* 2 * * *", "0 2 * * 1-5", "0 2 1 * *", "@daily", "0 2/6 * * *"])
def test_other_times(text: str) -> None:
    found = schedule(text)
    assert found is not None
    assert (found.minutes, found.hours, found.daily) != ({0}, {2}, True)


@pytest.mark.parametrize("text", ["", "0 2 * *", "60 2 * * *", "0 2 0 * *", "0 2 * * x"])
def test_what_is_no_schedule(text: str) -> None:
    assert schedule(text) is None


def test_a_script_is_read_and_never_run(tmp_path: Any) -> None:
    mark = tmp_path / "ran"
    assert syntax_error(f"#!/bin/sh\ntouch {mark}\n") == ""
    assert syntax_error("#!/bin/sh\nif true\n")
    assert syntax_error('echo "never closed\n')
    assert not mark.exists()


def test_a_shell_that_is_not_here_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingCapability):
        syntax_error("echo")


def test_volumes_that_last_and_those_that_go() -> None:
    spec = {
        "volumes": [
            {"name": "a", "emptyDir": {}},
            {"name": "b", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "c", "configMap": {"name": "script"}},
            {"name": "d", "projected": {"sources": [{"configMap": {"name": "more"}}]}},
            {"name": "e", "nfs": {}},
        ],
        "containers": [
            {
                "volumeMounts": [
                    {"name": "a", "mountPath": "/a"},
                    {"name": "b", "mountPath": "/b"},
                    {"name": "c", "mountPath": "/c"},
                    {"name": "e", "mountPath": "/e", "readOnly": True},
                    {"name": "missing", "mountPath": "/m"},
                ]
            }
        ],
    }
    assert [one["name"] for one in lasting(spec)] == ["b"]
    assert [place for _, place in written(spec)] == ["/a", "/b"]
    assert config_maps(spec) == ["script", "more"]


@pytest.mark.parametrize(
    "script",
    [
        'd=/b/$(date +%F)\nkubectl get x >"$d/x"',
        'd="/b/`date +%Y%m%d`"\nmkdir -p $d',
        "cd /b/$(TZ=UTC date -u +'%s')",
        "NOW=$(date)\nOUT=/b/${NOW// /-}\ntar czf $OUT.tgz /tmp/x",
        "printf -v day '%(%Y-%m-%d)T' -1\nmkdir /b/$day",
        "stamp() { date +%j; }\nexport OUT=/b/$(stamp)\nkubectl get x > $OUT/x",
        "mkdir /b/$EPOCHSECONDS",
        'if mkdir "/b/$(date -I)"; then true; fi',
        'save "$(date +%A)" x',
    ],
)
def test_a_place_that_is_named_by_the_date(script: str) -> None:
    assert uses_date(script, "bash")


@pytest.mark.parametrize(
    "script",
    [
        "kubectl get x > /b/x",
        'echo "$(date): begin"\nkubectl get x > /b/x',
        "d=$(date +%F)\necho $d | tee /dev/null\nkubectl annotate x last=$d\nmkdir /b/x",
        "mkdir /b/$(date +%H%M)",
        "mkdir /b/$(date +%Y)",
        "# mkdir /b/$(date +%F)\nmkdir /b/x",
        "d=/b/$HOSTNAME\nmkdir $d",
    ],
)
def test_a_place_that_is_the_same_every_night(script: str) -> None:
    assert not uses_date(script, "bash")


DAY = 1_795_881_600.0  # 2026-11-28 16:00 UTC


@pytest.mark.parametrize(
    ("path", "formats"),
    [
        ("20261128-160000/x.yaml", ()),
        ("2026/11/28/x.yaml", ()),
        ("lab of 28.11.2026/x", ()),
        ("backup_28-Nov-26/x", ("%d-%b-%y",)),
        ("lab-1795881599.tar.gz", ()),
        ("29-11/x", ()),  # it is tomorrow in the east
        ("Saturday/x", ("%A",)),
        ("332/x", ("%j",)),
        ("2026332/x", ()),
        ("Nov28-16/x", ("%b%d-%H",)),
    ],
)
def test_a_path_with_the_date_in_it(path: str, formats: tuple[str, ...]) -> None:
    assert names_date(path, DAY, formats)


@pytest.mark.parametrize(
    ("path", "formats"),
    [("latest/x.yaml", ()), ("20250101/x", ()), ("v1.37/x", ()), ("1600/x", ("%H%M",))],
)
def test_a_path_without_it(path: str, formats: tuple[str, ...]) -> None:
    assert not names_date(path, DAY, formats)


def test_the_scripts_that_a_pod_runs() -> None:
    maps = {
        "s": {
            "data": {"a.sh": "sh /x/b.sh >>log", "b.sh": "true", "unused.sh": "x", "note": "no"},
        }
    }
    pod = {
        "containers": [
            {"name": "c", "command": ["bash", "-euo", "pipefail", "-c", "/x/go"]},
            {"name": "d", "command": ["ls"]},
        ],
        "volumes": [{"configMap": {"name": "s", "items": [{"key": "a.sh", "path": "bin/go"}]}}],
    }
    found = {one.place: one for one in run_by(pod, maps.get)}
    assert [name.split()[-1] for name in found] == ["c", "data[a.sh]", "data[b.sh]"]
    assert [one.writes for one in found.values()] == [False, True, False]


def test_what_keeps_a_shell_from_running_what_it_can_read() -> None:
    assert "line 2" in unrunnable("# a comment\r\nset -e\r\n")
    assert "UTF-8" in unrunnable("s\0e\0t\0")
    assert unrunnable("#!/bin/sh\nprintf 'a\\r\\n'\n") == ""


def test_a_job_keeps_its_own_deadline_where_that_is_less() -> None:
    assert once_only({"activeDeadlineSeconds": 1}, 60)["activeDeadlineSeconds"] == 1
    assert once_only({"activeDeadlineSeconds": 600}, 60)["activeDeadlineSeconds"] == 60
    made = once_only({"completions": 5, "ttlSecondsAfterFinished": 0, "suspend": True}, 60)
    assert made == {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "activeDeadlineSeconds": 60,
    }
