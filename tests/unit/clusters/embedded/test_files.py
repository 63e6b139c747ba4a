"""Private files, the lock, and how file errors are told."""

from __future__ import annotations

import errno
import stat
import threading

import pytest

from labgrader.clusters.embedded import files
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.provider import silent
from labgrader.errors import MachineError, ProviderError, UsageError


@pytest.fixture
def layout(tmp_path):
    (tmp_path / "one").mkdir()
    return ClusterLayout("one", tmp_path / "one")


def test_private_files_are_0600_and_written_only_when_they_change(tmp_path):
    path = tmp_path / "secret"
    assert files.write_private(path, b"a") is True
    assert files.write_private(path, b"a") is False
    path.chmod(0o644)
    assert files.write_private(path, b"a") is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "a loose mode is tightened"
    assert files.write_private(path, b"b") is True
    assert path.read_bytes() == b"b"
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays"


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    files.write_private(path, b"a")

    def full(_fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        files.write_private(path, b"b")
    assert path.read_bytes() == b"a"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_json_file_that_is_none_reads_as_empty(tmp_path, content):
    path = tmp_path / "f.json"
    path.write_bytes(content)
    assert files.read_json(path) == {}
    assert files.read_json(tmp_path / "missing") == {}


def test_a_full_disk_and_a_refused_file_are_one_line_with_a_next_step(layout):
    with (
        pytest.raises(MachineError, match="is full") as full,
        files.explained(layout),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "x")
    assert "Free at least" in full.value.next_step
    with (
        pytest.raises(ProviderError, match="x: Permission denied") as refused,
        files.explained(layout),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "x")
    assert str(layout.root) in refused.value.next_step


def test_the_second_waits_for_the_lock_and_says_so(layout):
    said: list[str] = []
    order: list[str] = []

    def second():
        with files.cluster_lock(layout, lambda component, message: said.append(message)):
            order.append("second")

    with files.cluster_lock(layout, silent):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            thread.join(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in said[0]


def test_the_lock_file_goes_with_the_cluster_and_a_waiter_takes_the_new_one(layout):
    entered = threading.Event()

    def second():
        with files.cluster_lock(layout, silent):
            entered.set()

    with files.cluster_lock(layout, silent):
        thread = threading.Thread(target=second)
        thread.start()
        layout.root.rmdir()
    thread.join()
    assert entered.is_set()
    assert not layout.lock.exists()


@pytest.mark.parametrize("name", ["default", "a", "a-1", "x" * 40])
def test_good_names(name, tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path))
    assert ClusterLayout.of(name).root == tmp_path.resolve() / "clusters" / name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a.b", "../x", "a/b", "x" * 41, "a\n"])
def test_bad_names(name, tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="cannot name a cluster"):
        ClusterLayout.of(name)
