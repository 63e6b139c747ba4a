"""Collects the data of a session's report, for both shells."""

from __future__ import annotations

from labgrader.app.workbench import Workbench
from labgrader.content.checklists import load_goals
from labgrader.learning.drills import load_drills
from labgrader.learning.quiz import load_quiz
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.state import SessionState
from labgrader.learning.sessions.summary import Background, summarize
from labgrader.model.summary import Summary


def summary_of(workbench: Workbench, all_sessions: Sessions, record: SessionState) -> Summary:
    """Return how a session went, beside the others on this machine.

    Raises:
        LabError: the content or the session file cannot be read.
    """
    lab = workbench.catalog.lab
    content = Background(lab, load_goals(lab.root), load_quiz(lab.root), load_drills(lab.root))
    return summarize(record, all_sessions.records(), all_sessions.store.answers(lab.id), content)
