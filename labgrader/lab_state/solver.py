"""Deploys the reference solution of a task.

``solutions/task-N/*.yaml`` are applied in the order of their names. ``manual/`` beside them holds
what a person makes where no operator does. A file ``*.acts.yaml`` is no manifest but a list of
changes (``lab_state/mutations.py``), for what must be done and cannot be applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ClusterError, ContentError, LabError, Rejected, Unreachable
from labgrader.kube.conditions import is_true
from labgrader.kube.obstacles import Obstacle, Obstacles, deletion, immutable
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig, name_of
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.util.bounded_yaml import read_documents

ACTS = ".acts.yaml"
BY_OPERATOR = ".operator.acts.yaml"
"""How acts end that make sense only where an operator runs; ``manual/`` has its own."""

READY_SECONDS = 10.0
"""How long a kind that was just defined may take until the API server serves it."""

GOING_SECONDS = 60.0
"""How long what is being deleted may take to go: a definition and a namespace are emptied first."""

Told = Callable[[str], None]


class NotApplied(LabError):
    """Some objects of a task's solution were not applied; the others were.

    Args:
        refused: one line for each, with the cause and what helps.
    """

    def __init__(self, task_id: str, refused: list[tuple[str, Obstacle]]) -> None:
        self.refused = [f"{label}: {obstacle}" for label, obstacle in refused]
        label, first = refused[0]
        if len(refused) == 1:
            super().__init__(f"{label} was not applied: {first.cause}", first.help)
        else:
            labels = ", ".join(label for label, _ in refused)
            super().__init__(f"{len(refused)} objects of {task_id} were not applied: {labels}")


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

        An object that cannot be applied does not keep the others from it.

        Raises:
            ContentError: there is none.
            NotApplied: the API server refuses objects; names them, the fields and what helps.
            LabError: an object that is being deleted does not go, or nothing can be applied.
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
        refused: list[tuple[str, Obstacle]] = []
        applied = False
        for path in self._files(task_id):
            if path.name.endswith(ACTS):
                if refused:
                    self.told(f"{task_id}: skipped {path.name}: not everything before was applied")
                else:
                    self._act(task_id, path)
                continue
            for manifest in read_documents(path):
                try:
                    self._apply(task_id, path, manifest)
                except LabError as error:
                    if isinstance(error, Unreachable) or (
                        isinstance(error, ClusterError) and not applied
                    ):
                        raise
                    refused.append(self._refused(task_id, manifest, error))
                else:
                    applied = True
        if refused:
            raise NotApplied(task_id, refused)

    def _apply(self, task_id: str, path: Path, manifest: Object) -> None:
        resource = self._await_kind(RestMapper(self.cluster), manifest, path)
        name, namespace = dig(manifest, "metadata.name"), dig(manifest, "metadata.namespace")
        self.cluster.apply(resource, manifest, namespace)
        self._await_established(resource, manifest)
        self.told(f"{task_id}: applied {resource.describe(name, namespace)}")

    def _refused(self, task_id: str, manifest: Object, error: LabError) -> tuple[str, Obstacle]:
        """Return what was not applied, why, and the next step."""
        name, namespace = name_of(manifest), dig(manifest, "metadata.namespace")
        label = Resource("", "", "", str(manifest["kind"])).describe(name, namespace)
        if not isinstance(error, Rejected):
            obstacle = Obstacles(self.cluster).of(error)
        elif immutable(error):
            obstacle = self._immutable(task_id, manifest, error)
        else:
            found = Obstacles(self.cluster).of(error)
            obstacle = Obstacle(f"the API server refuses it: {found.cause}", found.help)
        self.told(f"{task_id}: not applied: {label}: {obstacle.cause}")
        return label, obstacle

    def _immutable(self, task_id: str, manifest: Object, error: Rejected) -> Obstacle:
        group, _, version = str(manifest["apiVersion"]).rpartition("/")
        resource = Resource(group, version, "", str(manifest["kind"]))
        command = deletion(resource, name_of(manifest), dig(manifest, "metadata.namespace"))
        fields = ", ".join(error.fields) or "a field"
        definition = resource.kind == "CustomResourceDefinition"
        loss = " (this deletes all its resources as well)" if definition else ""
        return Obstacle(
            f"{fields} is immutable, and differs from the solution's: {error.message}",
            f"Delete the object and solve again{loss}: `{command} && labgrader solve {task_id}`",
        )

    def _await_gone(self, task_id: str) -> bool:
        """Wait for deletions under way of what the task deploys; say whether there were any.

        What is applied to an object on its way out is accepted, and goes with it.
        """
        kinds, found = RestMapper(self.cluster), False
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
        try:
            found = self.cluster.get(resource, name, namespace)
        except LabError:  # what cannot be read is applied all the same
            return False
        return dig(found, "metadata.deletionTimestamp") is not None

    def _act(self, task_id: str, path: Path) -> None:
        """Do what cannot be applied."""
        for entries in read_documents(path):
            for act in entries:
                ((verb, body),) = act.items()
                mutations.apply(self.cluster, [act], str(path))
                name = dig(body, "metadata.name") or body.get("name")
                self.told(f"{task_id}: {verb.replace('_', ' ')} {body['kind']} {name}")

    def objects(self, task_id: str) -> Iterator[tuple[Resource, str | None, str]]:
        """Yield resource, namespace and name of what a task's solution deploys, in its order."""
        kinds = RestMapper(self.cluster)
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
        folder = LabFolder(self.root).solution(task_id)
        files = sorted(folder.glob("*.yaml"))
        if not files:
            raise ContentError(f"There is no solution for {task_id} in {folder}")
        own = sorted((folder / "manual").glob("*.yaml"))
        if not self.manual or not own:
            return files
        return [*(path for path in files if not path.name.endswith(BY_OPERATOR)), *own]

    def _await_kind(self, kinds: RestMapper, manifest: Object, path: Path) -> Resource:
        version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
        found = kinds.wait_for(version, kind, READY_SECONDS)
        if found is None:
            raise LabError(
                f"The API server serves no {kind} of {version}, which {path.name} needs",
                "On an existing cluster run `labgrader cluster prepare` first",
            )
        return found

    def _await_established(self, resource: Resource, manifest: Object) -> None:
        """Wait until a definition is in force, so that what follows is judged by it."""
        if resource.kind != "CustomResourceDefinition":
            return
        name = str(dig(manifest, "metadata.name"))

        def established() -> bool:
            return is_true(self.cluster.get(resource, name), "Established")

        if not wait_until(established, READY_SECONDS):
            raise LabError(f"{resource.describe(name)} did not become established in time")
