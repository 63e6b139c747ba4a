"""Deploys the reference solution of a task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labgrader.engine.manifests import Kinds, read_all
from labgrader.engine.ports import Cluster
from labgrader.model.errors import ContentError, LabError, Rejected
from labgrader.model.resource import Object, Resource, dig, name_of

READY_SECONDS = 10.0
"""How long a kind that was just defined may take until the API server serves it."""

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Solver:
    """Applies ``solutions/task-N/*.yaml`` in the order of their names.

    Args:
        root: the content folder.
        told: gets one line for every object.
    """

    cluster: Cluster
    root: Path
    told: Told

    def solve(self, task_id: str) -> None:
        """Apply one task's solution.

        Raises:
            ContentError: there is none.
            Rejected: the API server refuses an object; names it.
        """
        for path, manifest in self.manifests(task_id):
            kinds = Kinds(self.cluster)
            resource = self._await_kind(kinds, manifest, path)
            name, namespace = dig(manifest, "metadata.name"), dig(manifest, "metadata.namespace")
            try:
                self.cluster.apply(resource, manifest, namespace)
            except Rejected as error:
                label = resource.describe(name, namespace)
                raise LabError(f"The API server refuses {label}: {error.message}") from error
            self._await_established(resource, manifest)
            self.told(f"{task_id}: applied {resource.describe(name, namespace)}")

    def objects(self, task_id: str) -> Iterator[tuple[Resource, str | None, str]]:
        """Yield resource, namespace and name of what a task's solution deploys, in its order."""
        kinds = Kinds(self.cluster)
        for path, manifest in self.manifests(task_id):
            resource = self._await_kind(kinds, manifest, path)
            yield resource, dig(manifest, "metadata.namespace"), name_of(manifest)

    def manifests(self, task_id: str) -> Iterator[tuple[Path, Object]]:
        """Yield the file and each object of a task's solution."""
        folder = self.root / "solutions" / f"task-{task_id.removeprefix('task')}"
        files = sorted(folder.glob("*.yaml"))
        if not files:
            raise ContentError(f"There is no solution for {task_id} in {folder}")
        for path in files:
            for document in read_all(path):
                yield path, document

    def _await_kind(self, kinds: Kinds, manifest: Object, path: Path) -> Resource:
        version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
        found: list[Resource] = []

        def served() -> bool:
            resource = kinds.find(version, kind)
            found.extend([resource] if resource else [])
            return bool(found)

        if not wait_until(served, READY_SECONDS):
            raise LabError(
                f"The API server serves no {kind} of {version}, which {path.name} needs",
                "On an existing cluster run `labgrader cluster prepare` first",
            )
        return found[0]

    def _await_established(self, resource: Resource, manifest: Object) -> None:
        """Wait until a definition is in force, so that what follows is judged by it."""
        if resource.kind != "CustomResourceDefinition":
            return
        name = str(dig(manifest, "metadata.name"))

        def established() -> bool:
            conditions = dig(self.cluster.get(resource, name), "status.conditions", [])
            return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

        if not wait_until(established, READY_SECONDS):
            raise LabError(f"{resource.describe(name)} did not become established in time")


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Ask ``condition`` until it holds or ``seconds`` are over; say whether it held."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True
