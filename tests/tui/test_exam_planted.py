"""Every key of every screen in a running exam on a lab with planted strings: none is shown."""

from __future__ import annotations

import string

import pytest

from labgrader.content import catalog
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.model.modes import Mode
from labgrader.tui import shell
from labgrader.tui.bindings import bindings_of
from labgrader.tui.launch import Launch
from labgrader.tui.screens.lab import LabScreen
from tests.support.planted_lab import found_in, plant
from tests.tui.conftest import CLUSTER, NOON, StraightIn

KEYS = ["enter", "tab", "space", "f1", "ctrl+t", "ctrl+p", "left", "right", *string.ascii_lowercase]
KEYS += [*"[]!?", "f,n", "b,b", "q"]
LEAVES = {"q"}


@pytest.fixture
def planted(tmp_path, workbench, monkeypatch):
    """Return the workbench on the planted lab, in a folder of its own."""
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shell, "run", lambda workbench: None)
    workbench.catalog = catalog.load(plant(tmp_path / "content"))
    return workbench


def opened(planted, all_sessions, mode):
    all_sessions.start("final", "planted", CLUSTER.context, mode)
    session_recorder = SessionRecorder(all_sessions, "final")
    session_recorder.work_on("task1")
    return StraightIn(Launch(planted, lambda: all_sessions, now=lambda: NOON), session_recorder)


def seen(p, tmp_path) -> str:
    """Return what is painted, said, copied, and written into files."""
    files = [f for f in tmp_path.rglob("*") if f.is_file() and f.suffix in (".md", ".html", ".sh")]
    kept = [file.read_text() for file in files if "content" not in file.parts]
    titles = [str(p.app.title), str(p.app.sub_title), str(p.app.screen.title)]
    return "\n".join([p.screen(), *p.toasts(), p.app.clipboard, *titles, *kept])


async def walk(p, tmp_path) -> str:
    """Press every key, also in the windows that it opens; return all that was seen."""
    lab = next(s for s in p.app.screen_stack if isinstance(s, LabScreen))
    bound = [key for b in bindings_of(lab) for key in b.key.split(",")]
    told = [seen(p, tmp_path)]
    for keys in dict.fromkeys([*KEYS, *bound]):
        if keys in LEAVES:
            continue
        for key in keys.split(","):
            await p.press(key)
            told.append(seen(p, tmp_path))
        while p.app.screen is not lab:
            before = p.app.screen
            for key in ("s", "right", "escape"):
                if p.app.screen is before:
                    await p.press(key)
                    told.append(seen(p, tmp_path))
            if p.app.screen is before:
                await p.press("n" if before.__class__.__name__ == "ConfirmScreen" else "b")
    return "\n".join(told)


async def test_no_key_gives_anything_away_in_an_exam(play, planted, all_sessions, tmp_path):
    async with play((160, 48), other=opened(planted, all_sessions, Mode.EXAM)) as p:
        assert found_in(await walk(p, tmp_path)) == set()
        assert p.app.screen.mode is Mode.EXAM
    assert all_sessions.exam()


async def test_practice_shows_them_by_the_same_keys(play, planted, all_sessions, tmp_path):
    async with play((160, 48), other=opened(planted, all_sessions, Mode.PRACTICE)) as p:
        shown = seen(p, tmp_path)
        for keys in ("c", "w", "h", "p", "e"):
            await p.press(keys)
            shown += seen(p, tmp_path)
            await p.press("escape")
        assert found_in(shown) >= {"snippet", "erratum", "hint", "lesson", "why"}
