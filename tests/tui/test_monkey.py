"""Random keys, answers and outages: no exception, and the lab is still there.

The keys come in bursts of one to two hundred, so that some meet a screen that has come to rest and
most meet one that is still busy with the keys before. Each seed is a test of its own; the fast loop
presses fewer keys than `make test`, which presses ten thousand (`--random-keys`).
"""

import random
from contextlib import nullcontext

import pytest
from textual import events
from textual.keys import _character_to_key

from labgrader.errors import Unreachable
from labgrader.model.result import Outcome
from labgrader.tui import shell
from labgrader.tui.screens.lab import LabScreen

SEEDS = (2026, 2027, 2028, 2029)
LONGEST_BURST = 200
ODDITY = "[bold red]x[/] \x1b[31mz \u202eabc 🦆"
PRESSED = [
    *"abcdefghijklmnoprstuvwxyz[]?!0123456789 NSGD",  # no q: it leaves, as it should
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab"),
    *("enter", "escape", "escape", "backspace", "delete", "f1", "ctrl+t", "ctrl+s", "ctrl+n"),
]


def answers(dice, lab, result):
    """Return results of some criteria, as a cluster that is worked on gives them."""
    some = dice.sample(list(lab.criteria()), 2)
    return [result(c.id, dice.choice(list(Outcome)), reason=ODDITY) for c in some]


def typed(key):
    """Return the event of a key, as a terminal's driver makes it."""
    if len(key) > 1:
        return events.Key(key, None)
    return events.Key(_character_to_key(key), key)


def bursts(dice, left):
    """Yield keys, burst by burst, until there were ``left``."""
    while left:
        count = min(left, dice.randint(1, LONGEST_BURST))
        left -= count
        yield dice.choices(PRESSED, k=count)


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_keys(seed, request, play, lab, result, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shell, "run", lambda bench: None)
    dice = random.Random(seed)
    keys = int(request.config.getoption("--random-keys")) // len(SEEDS)
    async with play((100, 30)) as p:
        monkeypatch.setattr(p.app, "suspend", nullcontext)
        for burst in bursts(dice, keys):
            for key in burst:  # as fast as a terminal sends them
                p.app.post_message(typed(key))
            await p.settle()
            await p.results(*answers(dice, lab, result))
            await p.change(ODDITY)
            if dice.random() < 0.1:
                await p.link(Unreachable(ODDITY))
                await p.link(None)
            if dice.random() < 0.1:
                await p.pilot.resize_terminal(dice.randint(20, 200), dice.randint(5, 60))
        for _ in range(20):
            await p.press("escape")
        assert p.app.is_running
        assert any(isinstance(screen, LabScreen) for screen in p.app.screen_stack)
        assert "\x1b" not in p.screen()
