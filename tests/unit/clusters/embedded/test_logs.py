"""Logs: bounded when written, quoted when something fails, followed when asked."""

from __future__ import annotations

import pytest

from labgrader.clusters.embedded import logs
from labgrader.clusters.embedded.boundedlog import BoundedLog, telling_line
from labgrader.errors import UsageError


def test_a_log_never_takes_more_than_two_files(tmp_path):
    log = BoundedLog(tmp_path / "x.log", limit=1000)
    for number in range(500):
        log.write(b"line %04d\n" % number)
    assert {path.name for path in tmp_path.iterdir()} == {"x.log", "x.log.1"}
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert (tmp_path / "x.log").read_bytes().endswith(b"line 0499\n")


def test_a_log_goes_on_where_an_earlier_run_stopped(tmp_path):
    BoundedLog(tmp_path / "x.log", limit=10).write(b"123456\n")
    BoundedLog(tmp_path / "x.log", limit=10).write(b"abcdef\n")
    assert (tmp_path / "x.log.1").read_bytes() == b"123456\n"


def test_a_log_that_cannot_be_written_keeps_its_last_words(tmp_path):
    log = BoundedLog(tmp_path / "missing" / "x.log")
    log.write(b"panic: no space left on device\n")
    assert telling_line(log.tail) == "panic: no space left on device"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", ""),
        (b"\n \n", ""),
        (b"one\ntwo\n", "two"),
        (b"E1123 06:59:22 bad\nI1123 06:59:23 bye\n", "E1123 06:59:22 bad"),
        (b'{"level":"fatal","msg":"x"}\ngoroutine 1\n', '{"level":"fatal","msg":"x"}'),
        (b"panic: x\n\ngoroutine 1 [running]:\n", "panic: x"),
        (b"Error: bind\nUsage:\n  x\n", "Error: bind"),
        (b"\xff\xfe bad\n", "\ufffd\ufffd bad"),
    ],
)
def test_the_line_that_says_most(content, line):
    assert telling_line(content) == line


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path))
    folder = tmp_path / "clusters" / "default" / "logs"
    folder.mkdir(parents=True)
    (folder / "etcd.log.1").write_text("a\nb\n")
    (folder / "etcd.log").write_text("c\nd\n")
    return folder


def test_tail_reaches_into_the_older_file(stored):
    log = logs.path("default", "etcd")
    assert logs.tail(log, 0) == ""
    assert logs.tail(log, 1) == "d\n"
    assert logs.tail(log, 3) == "b\nc\nd\n"
    assert logs.tail(log, 99) == "a\nb\nc\nd\n"


def test_follow_goes_on_in_the_new_file(stored):
    log = logs.path("default", "etcd")
    lines = logs.follow(log, 1)
    assert next(lines) == "d\n"
    with log.open("a") as stream:
        stream.write("e\n")
    assert next(lines) == "e\n"
    log.replace(stored / "etcd.log.1")
    log.write_text("f\n")
    assert next(lines) == "f\n"
    lines.close()


def test_a_component_without_a_log_is_a_usage_error_that_names_the_others(stored):
    assert logs.components("default") == ["etcd"]
    with pytest.raises(UsageError, match=r"no log of '\.\./\.\./x'") as error:
        logs.path("default", "../../x")
    assert "etcd" in error.value.next_step
