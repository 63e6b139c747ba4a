"""How a lab's files are laid out. The only code that knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabFolder:
    """Where the parts of a lab are below ``root``; a part need not be there."""

    root: Path

    @property
    def tasks(self) -> Path:
        """The folder of the manifest, the tasks, and what one learns by."""
        return self.root / "tasks"

    @property
    def manifest(self) -> Path:
        """The manifest, which makes a folder a lab."""
        return self.tasks / "lab.yaml"

    @property
    def task_files(self) -> list[Path]:
        """The tasks in the order of the lab; a name up to its first dash is the task's id."""
        return sorted(self.tasks.glob("task*.yaml"))

    @property
    def checks(self) -> Path:
        """The folder of the check files."""
        return self.root / "checks"

    @property
    def checklists(self) -> Path:
        """The file with checklists, domains of the exam and paces."""
        return self.tasks / "checklists.yaml"

    @property
    def quiz_files(self) -> list[Path]:
        """The quiz, a file for each concept."""
        return sorted((self.tasks / "quiz").glob("*.yaml"))

    @property
    def drill_files(self) -> list[Path]:
        """The drills, a file each."""
        return sorted((self.tasks / "drills").glob("*.yaml"))

    @property
    def lesson_files(self) -> list[Path]:
        """The lessons, a file each."""
        return sorted((self.tasks / "lessons").glob("*.yaml"))

    @property
    def solutions(self) -> Path:
        """The folder of the reference solution."""
        return self.root / "solutions"

    def solution(self, task_id: str) -> Path:
        """The folder of a task's solution."""
        return self.solutions / f"task-{task_id.removeprefix('task')}"

    @property
    def all_solutions(self) -> list[Path]:
        """The folders of all tasks' solutions, whether or not there is such a task."""
        return sorted(self.solutions.glob("task-*"))

    @property
    def case_files(self) -> list[Path]:
        """The cases, a folder for each criterion."""
        return sorted(self.cases.glob("*/*.yaml"))

    @property
    def reset(self) -> Path:
        """The list of what the lab makes, in the order in which it goes."""
        return self.solutions / "reset.yaml"

    @property
    def faults(self) -> Path:
        """The faults that the demo plants."""
        return self.solutions / "breaks.yaml"

    @property
    def cases(self) -> Path:
        """The folder of the cases; a lab that is installed may have none."""
        return self.root / "tests" / "checks"

    def file_of_task(self, number: int) -> Path | None:
        """The file of the task with this number, if there is one."""
        return next(iter(sorted(self.tasks.glob(f"task{number}[-.]*"))), None)


def task_id(path: Path) -> str:
    """Return the id of the task in this file: its name up to the first dash."""
    return path.stem.split("-", 1)[0]
