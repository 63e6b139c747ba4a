"""The grading thread: started, started again, broken, ended."""

import pytest

from labgrader.errors import ContentError
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


async def test_what_a_broken_grading_still_says_is_not_heard(play, workbench):
    async with play() as p:
        first = p.live
        first.fail(RuntimeError("no luck"))
        await p.settle()
        await p.press("r")
        assert len(workbench.lives) == 2
        # A watch of the old grading was in the middle of something: it comes too late.
        first.on_link(ContentError("the old one", "Mend it"))
        await p.settle()
        assert "the old one" not in p.screen()


async def test_judge_again_has_everything_judged_by_the_same_grading(play, workbench, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        await p.press("r")
        assert (len(workbench.lives), p.live.refreshed) == (1, 1)
        await p.results(result("namespace_active", Outcome.FAILED))
        assert "✘ failed" in p.checks()
        assert p.text("#news") == "namespace_active failed ← judged again"


async def test_judge_again_waits_for_what_goes_on(play, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        await p.press("r", "r")
        assert p.live.refreshed == 1
        assert p.toasts() == ["Judging already"]
