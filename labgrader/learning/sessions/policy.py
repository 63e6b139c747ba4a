"""Policy of exams and timed sessions: one decision for each command, key and screen (ADR 23).

Pure: asked with the session's mode, answers with one line why not, or with nothing. What is not
listed here is refused in an exam, and a test fails for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from labgrader.model.modes import Level, Mode

RESULTS = "Results are shown when the exam ends"
RELIES = "On your own machine this exam relies on you"
END = "End it with `labgrader session end`"


class Rule(NamedTuple):
    """Why something is refused, in an exam and in a timed session; empty where it is allowed."""

    exam: str = ""
    timed: str = ""

    def why(self, mode: Mode) -> str:
        """Return why it is refused in ``mode``."""
        return {Mode.EXAM: self.exam, Mode.TIMED: self.timed}.get(mode, "")


def _never(what: str) -> Rule:
    return Rule(f"An exam has no {what}", f"A timed session has no {what}")


ALLOWED = Rule()
HIDDEN = Rule(RESULTS)
BUSY = Rule("Refused while an exam runs")
UNKNOWN = Rule("Not part of an exam")
HINTS, SOLUTIONS, LESSONS = _never("hints"), _never("solutions"), _never("lessons")
QUIZ, DRILLS = _never("quiz"), _never("drills")
EXPLANATIONS = Rule("An exam has no explanations of the checks")
MAP = Rule("An exam has no map")
CLOCK = Rule("The clock of an exam cannot be paused; `b` takes a break where the exam has breaks")
NO_PAUSE = Rule(timed="A timed session cannot be paused")

COMMANDS: Mapping[str, Rule] = {
    "author lint": UNKNOWN,
    "author new check": UNKNOWN,
    "author new lab": UNKNOWN,
    "author new task": UNKNOWN,
    "author pack": UNKNOWN,
    "author verify": UNKNOWN,
    "check": HIDDEN,
    "checklist": HIDDEN,
    "cluster audit": UNKNOWN,
    "cluster down": BUSY,
    "cluster kubeconfig": ALLOWED,
    "cluster list": ALLOWED,
    "cluster logs": ALLOWED,
    "cluster prepare": ALLOWED,
    "cluster shell": ALLOWED,
    "cluster status": ALLOWED,
    "cluster unprepare": BUSY,
    "cluster up": ALLOWED,
    "demo": SOLUTIONS,
    "doctor": ALLOWED,
    "drill": DRILLS,
    "explain": EXPLANATIONS,
    "hint": HINTS,
    "image load": ALLOWED,
    "labs": ALLOWED,
    "lesson": LESSONS,
    "map": MAP,
    "operator run": ALLOWED,
    "quiz": QUIZ,
    "reset": Rule("An exam has no reset; remove objects with kubectl"),
    "serve": ALLOWED,
    "session delete": BUSY,
    "session end": ALLOWED,
    "session export": HIDDEN,
    "session list": ALLOWED,
    "session pause": NO_PAUSE,
    "session report": HIDDEN,
    "session resume": ALLOWED,
    "session start": Rule("Another session cannot be started while an exam runs"),
    "solution": SOLUTIONS,
    "solve": SOLUTIONS,
    "start": ALLOWED,
    "tasks": ALLOWED,
}
"""Every command. ``start`` goes on with the exam, ``tasks`` shows its requirements, and ``session
list`` leaves its points out: what they show is decided below."""

SCREENS: Mapping[str, Rule] = {
    "BreakScreen": ALLOWED,
    "ConfirmScreen": ALLOWED,
    "DoctorScreen": ALLOWED,
    "DrillsScreen": DRILLS,
    "ExamHelpScreen": ALLOWED,
    "ExplainScreen": EXPLANATIONS,
    "HelpScreen": ALLOWED,
    "LabScreen": ALLOWED,
    "MapScreen": MAP,
    "PredictScreen": LESSONS,
    "QuizScreen": QUIZ,
    "ReportScreen": HIDDEN,
    "SolutionScreen": SOLUTIONS,
    "TimelineScreen": HIDDEN,
    "TermsScreen": ALLOWED,
    "TourScreen": Rule("The tour describes practice; `?` shows the keys of the exam"),
    "WelcomeScreen": ALLOWED,
}
"""Every screen of the lab that a learner can open."""

ACTIONS: Mapping[str, Rule] = {
    "app.focus_next": ALLOWED,
    "app.focus_previous": ALLOWED,
    "app.quit": ALLOWED,
    "copy": Rule("An exam shows nothing to copy"),
    "drills": DRILLS,
    "explain": EXPLANATIONS,
    "finish": ALLOWED,
    "help": ALLOWED,
    "hint": HINTS,
    "judge": HIDDEN,
    "level": Rule("An exam shows the requirements only", "A timed session shows requirements only"),
    "map": MAP,
    "more": Rule(RESULTS, "A timed session shows verdicts without reasons"),
    "predict": LESSONS,
    "quiz": QUIZ,
    "report": HIDDEN,
    "rest": ALLOWED,
    "shell": ALLOWED,
    "snippet": Rule("An exam shows nothing to copy"),
    "solution": SOLUTIONS,
    "step": ALLOWED,
    "timeline": HIDDEN,
    "timer": Rule(CLOCK.exam, NO_PAUSE.timed),
    "tour": SCREENS["TourScreen"],
    "write": Rule("An exam shows nothing to write"),
}
"""Every key of the lab's main screen, by its action; those of other screens go with the screen."""


def of_command(path: str, mode: Mode) -> str:
    """Return why the command called ``path`` (``session start``) is refused; empty if it is not."""
    return COMMANDS.get(path, UNKNOWN).why(mode)


def of_action(action: str, mode: Mode) -> str:
    """Return why an action of the lab's screen is refused; empty if it is not."""
    return ACTIONS.get(action, UNKNOWN).why(mode)


def of_screen(name: str, mode: Mode) -> str:
    """Return why a screen is refused; empty if it is not."""
    return SCREENS.get(name, UNKNOWN).why(mode)


def hides_results(mode: Mode) -> bool:
    """Whether nothing is judged for the learner before the end."""
    return mode is Mode.EXAM


def hides_reasons(mode: Mode) -> bool:
    """Whether a verdict comes without its reason."""
    return mode is not Mode.PRACTICE


def level(mode: Mode, wanted: Level) -> Level:
    """Return how much of the way is shown: only practice shows more than the requirements."""
    return wanted if mode is Mode.PRACTICE else Level.EXAM


def terms(minutes: float | None, pass_mark: float | None, breaks: float) -> tuple[str, ...]:
    """Return what is said before an exam starts, one line for each fact.

    Args:
        minutes: how long it takes; None without a limit.
        pass_mark: the points that are needed, None where none is set.
        breaks: minutes of breaks.
    """
    time = "There is no time limit." if minutes is None else f"You have {minutes:g} minutes."
    passing = () if pass_mark is None else (f"You pass with {pass_mark:g} points.",)
    rest = (f"Breaks: up to {breaks:g} minutes; a break hides the task.",) if breaks else ()
    return (time, *passing, *rest, *_TERMS)


_TERMS = (
    "Nothing is judged before the end. Then the cluster is graded once: that is your score.",
    "Allowed: kubectl with explain, --help, auth can-i, dry runs; completion, editor, tmux.",
    "Allowed: the Kubernetes documentation.",
    "Allowed: labgrader tasks, doctor, cluster status, cluster shell, cluster logs.",
    "Refused: snippets, hints, errata, explain, solution, solve, quiz, drill, lesson, map.",
    "Refused: report and export, until the exam ends.",
    "If labgrader or its cluster fails, the clock stops, and the report says for how long.",
    f"{RELIES}: nothing here can prevent looking elsewhere.",
)
