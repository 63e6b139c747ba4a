"""The provider of existing clusters: installs what the lab needs, and removes it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labgrader.errors import LabError
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import CRD, Object, Resource, dig, name_of
from labgrader.util.bounded_yaml import read_documents

MARK = ("app.kubernetes.io/managed-by", "labgrader")
"""The label on everything that ``prepare`` adds, by which ``unprepare`` knows it again."""


@dataclass(frozen=True, slots=True)
class Existing:
    """Prepares one existing cluster.

    Args:
        folder: the monitoring CRDs, one per file.
        told: gets one line for every object.
    """

    cluster: Cluster
    folder: Path
    told: Callable[[str], None]

    def prepare(self) -> None:
        """Add the definitions that are not there; leave those that are alone."""
        for manifest in self._manifests():
            name = name_of(manifest)
            if self.cluster.get(CRD, name) is not None:
                self.told(f"already there: CustomResourceDefinition {name}")
                continue
            labels = manifest["metadata"].setdefault("labels", {})
            labels[MARK[0]] = MARK[1]
            self.cluster.create(CRD, manifest)
            self.told(f"added CustomResourceDefinition {name}")

    def unprepare(self) -> list[str]:
        """Remove what ``prepare`` added; return what had to stay because it is in use."""
        kept: list[str] = []
        for manifest in self._manifests():
            name = name_of(manifest)
            found = self.cluster.get(CRD, name)
            if found is None or (dig(found, "metadata.labels", {}).get(MARK[0]) != MARK[1]):
                continue
            users = self._instances(found)
            if users:
                kept.append(f"CustomResourceDefinition {name}: used by {', '.join(users)}")
                continue
            self.cluster.delete(CRD, name, uid=dig(found, "metadata.uid"))
            self.told(f"removed CustomResourceDefinition {name}")
        return kept

    def _manifests(self) -> list[Object]:
        found = [doc for path in sorted(self.folder.glob("*.yaml")) for doc in read_documents(path)]
        if not found:
            raise LabError(f"{self.folder} holds no definitions", "Run `make kube` in the checkout")
        return found

    def _instances(self, crd: Object) -> list[str]:
        names = dig(crd, "spec.names")
        version = next(v["name"] for v in dig(crd, "spec.versions") if v["served"])
        resource = Resource(dig(crd, "spec.group"), version, names["plural"], names["kind"])
        objects = self.cluster.list(resource) or []
        return [f"{dig(obj, 'metadata.namespace')}/{name_of(obj)}" for obj in objects]
