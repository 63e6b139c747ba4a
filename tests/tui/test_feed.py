"""The grading thread: started, started again, broken, ended."""

import pytest

from labgrader.engine.events import CheckFinished
from labgrader.model.errors import ContentError
from labgrader.model.result import Outcome


async def test_leaving_ends_the_grading(play):
    async with play() as p:
        await p.press("q")
        assert p.app.return_code == 0  # None as long as nobody asked it to end
    assert p.live.closed.is_set()
    p.live.thread.join(10)
    assert not p.live.thread.is_alive()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("[b]no[/b] luck"), "RuntimeError: [b]no[/b] luck"),
        (ContentError("task1 is odd", "Mend it"), "task1 is odd. Mend it"),
    ],
)
async def test_an_error_in_the_thread_is_shown_and_r_starts_again(play, workbench, error, said):
    async with play() as p:
        p.live.fail(error)
        await p.settle()
        assert p.text("#news") == f"✘ Grading stopped (r starts it again): {said}"
        await p.press("r")
        assert len(workbench.lives) == 2
        assert "Grading stopped" not in p.screen()


async def test_judge_again_starts_anew_and_hears_no_echo(play, workbench, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        first = p.live
        await p.press("r")
        assert len(workbench.lives) == 2
        assert first.closed.is_set()
        # The old thread was in the middle of something: what it still says comes too late.
        first.listener(CheckFinished(result("namespace_active", Outcome.FAILED)))
        await p.settle()
        assert "✔ passed" in p.checks()
        await p.results(result("namespace_active", Outcome.FAILED))
        assert "✘ failed" in p.checks()
        assert p.text("#news") == "namespace_active failed ← judged again"


async def test_judge_again_waits_for_what_goes_on(play, workbench, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        await p.press("r", "r")
        assert len(workbench.lives) == 2
        assert p.toasts() == ["Judging already"]
