"""Deploys the reference solution of a task.

``solutions/task-N/*.yaml`` are applied in the order of their names. ``manual/`` beside them holds
what a person makes where no operator does. A file ``*.acts.yaml`` is no manifest but a list of
changes (``engine/changes.py``), for what must be done and cannot be applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labgrader.engine import changes
from labgrader.engine.kinds import Kinds
from labgrader.engine.ports import Cluster
from labgrader.engine.waiting import wait_until
from labgrader.engine.yamlfile import read_documents
from labgrader.model.errors import ContentError, LabError, Rejected
from labgrader.model.resource import Object, Resource, dig, name_of

ACTS = ".acts.yaml"
BY_OPERATOR = ".operator.acts.yaml"
"""How acts end that make sense only where an operator runs; ``manual/`` has its own."""

READY_SECONDS = 10.0
"""How long a kind that was just defined may take until the API server serves it."""

GOING_SECONDS = 60.0
"""How long what is being deleted may take to go: a definition and a namespace are emptied first."""

Told = Callable[[str], None]


def folder_of(root: Path, task_id: str) -> Path:
    """Return the folder of a task's solution."""
    return root / "solutions" / f"task-{task_id.removeprefix('task')}"


@dataclass(frozen=True, slots=True)
class Solver:
    """Solves tasks on one cluster.

    Args:
        root: the content folder.
        told: gets one line for every object.
        manual: whether a person makes what an operator would (tasks without such a part are the
            same either way).
        patience: seconds that what is being deleted may take to go.
    """

    cluster: Cluster
    root: Path
    told: Told
    manual: bool = False
    patience: float = GOING_SECONDS

    def solve(self, task_id: str) -> None:
        """Apply one task's solution, once all of it that is being deleted is gone.

        Raises:
            ContentError: there is none.
            LabError: the API server refuses an object, or one that is being deleted does not go;
                names it.
        """
        self._await_gone(task_id)
        try:
            self._deploy(task_id)
        except LabError:
            # A reset that was cut short can have had one more deletion on its way.
            if not self._await_gone(task_id):
                raise
            self._deploy(task_id)

    def _deploy(self, task_id: str) -> None:
        for path in self._files(task_id):
            if path.name.endswith(ACTS):
                self._act(task_id, path)
                continue
            for manifest in read_documents(path):
                self._apply(task_id, path, manifest)

    def _apply(self, task_id: str, path: Path, manifest: Object) -> None:
        resource = self._await_kind(Kinds(self.cluster), manifest, path)
        name, namespace = dig(manifest, "metadata.name"), dig(manifest, "metadata.namespace")
        label = resource.describe(name, namespace)
        try:
            self.cluster.apply(resource, manifest, namespace)
        except Rejected as error:
            raise LabError(f"The API server refuses {label}: {error.message}") from error
        self._await_established(resource, manifest)
        self.told(f"{task_id}: applied {label}")

    def _await_gone(self, task_id: str) -> bool:
        """Wait for deletions under way of what the task deploys; say whether there were any.

        What is applied to an object on its way out is accepted, and goes with it.
        """
        kinds, found = Kinds(self.cluster), False
        for _, manifest in self.manifests(task_id):
            resource = kinds.find(str(manifest.get("apiVersion")), str(manifest.get("kind")))
            name, namespace = name_of(manifest), dig(manifest, "metadata.namespace")
            if resource and self._going(resource, name, namespace):
                found = True
                self._await_one_gone(task_id, resource, name, namespace)
        return found

    def _await_one_gone(
        self, task_id: str, resource: Resource, name: str, namespace: str | None
    ) -> None:
        label = resource.describe(name, namespace)
        self.told(f"{task_id}: {label} is being deleted; waiting until it is gone")
        if not wait_until(lambda: not self._going(resource, name, namespace), self.patience):
            raise LabError(
                f"{label} is being deleted and does not go",
                "`labgrader reset` says what holds it, and takes finalizers off nobody serves",
            )

    def _going(self, resource: Resource, name: str, namespace: str | None) -> bool:
        found = self.cluster.get(resource, name, namespace)
        return dig(found, "metadata.deletionTimestamp") is not None

    def _act(self, task_id: str, path: Path) -> None:
        """Do what cannot be applied."""
        for entries in read_documents(path):
            for act in entries:
                ((verb, body),) = act.items()
                changes.apply(self.cluster, [act], str(path))
                name = dig(body, "metadata.name") or body.get("name")
                self.told(f"{task_id}: {verb.replace('_', ' ')} {body['kind']} {name}")

    def objects(self, task_id: str) -> Iterator[tuple[Resource, str | None, str]]:
        """Yield resource, namespace and name of what a task's solution deploys, in its order."""
        kinds = Kinds(self.cluster)
        for path, manifest in self.manifests(task_id):
            resource = self._await_kind(kinds, manifest, path)
            yield resource, dig(manifest, "metadata.namespace"), name_of(manifest)

    def manifests(self, task_id: str) -> Iterator[tuple[Path, Object]]:
        """Yield the file and each object of a task's solution."""
        for path in self._files(task_id):
            if not path.name.endswith(ACTS):
                for document in read_documents(path):
                    yield path, document

    def _files(self, task_id: str) -> list[Path]:
        folder = folder_of(self.root, task_id)
        files = sorted(folder.glob("*.yaml"))
        if not files:
            raise ContentError(f"There is no solution for {task_id} in {folder}")
        own = sorted((folder / "manual").glob("*.yaml"))
        if not self.manual or not own:
            return files
        return [*(path for path in files if not path.name.endswith(BY_OPERATOR)), *own]

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
