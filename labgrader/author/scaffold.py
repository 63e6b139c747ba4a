"""Skeletons of a check and of a task: what they need, with TODO where the author must decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import LabError, UsageError

_CHECK = '''\
"""TODO: what this file is about."""

from collections.abc import Iterator

from labgrader.api import Context, Evidence, Fact, Resource, check, dig, fact

CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")


@check()
def {name}(ctx: Context, name: str, key: str, value: str) -> Iterator[Fact]:
    """TODO: what this looks at in the cluster, and why. Learners read it."""
    found = ctx.require(
        CONFIG_MAP,
        name,
        ctx.namespace,
        fix=f"kubectl create configmap {{name}} -n {{ctx.namespace}}",
    )
    actual = dig(found, "data", {{}}).get(key)
    yield fact(
        f"{{key}} is {{value}}",
        actual == value,
        reason=f"{{key}} of the ConfigMap {{name}} is {{actual}}",
        expected=f"{{key}}: {{value}}",
        actual=f"{{key}}: {{actual}}",
        fix=f"kubectl edit configmap {{name}} -n {{ctx.namespace}}, and set {{key}}: {{value!r}}",
        evidence=[Evidence(CONFIG_MAP.describe(name, ctx.namespace), f"data.{{key}}", str(actual))],
    )
'''

_FAIL = """\
title: "TODO: what is wrong with this answer"
expect: failed
reason: does not exist
changes:
  - delete: {{apiVersion: v1, kind: ConfigMap, name: TODO, namespace: {namespace}}}
"""

_EQUIVALENT = """\
title: "TODO: how this answer differs, and is right all the same"
expect: passed
changes:
  - patch:
      apiVersion: v1
      kind: ConfigMap
      name: TODO
      namespace: {namespace}
      ops:
        - {{op: add, path: /metadata/labels, value: {{team: desk}}}}
"""

_CRITERION = """\
      - id: {name}
        check: {name}
        title: "TODO: what is graded, as a statement that is true when it passes"
        points: 20
        with: {{name: TODO, key: TODO, value: TODO}}
        docs: [https://kubernetes.io/docs/concepts/configuration/configmap/]
        hints:
          - "TODO: where to look first"
          - "TODO: what to type last"
"""

_TASK = """\
title: "TODO: what the learner does, as an order"
budget_seconds: 300
story: |
  TODO: why anybody would want this.
steps:
  - title: "TODO: the first step"
    instructions: |
      TODO: what to do, exactly: names, namespaces, values.
    snippets:
      - title: "TODO: the fast way"
        language: bash
        body: |
          kubectl create configmap TODO -n {namespace} --from-literal=TODO=TODO
    criteria: []    # `labgrader author new check NAME` shows what to put here; 20 points in all
"""

_SOLUTION = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: TODO
  namespace: {namespace}
data:
  TODO: TODO
"""


def new_check(root: Path, name: str) -> list[str]:
    """Write a check with two cases; return what to tell the author.

    Raises:
        UsageError: the name is no id, or something of it is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r} is no id", "Use small letters, digits and _, a letter first")
    cases = LabFolder(root).cases / name
    values = {"name": name, "namespace": _namespace(root)}
    made = write_new(
        {
            LabFolder(root).checks / f"{name}.py": _CHECK.format(**values),
            cases / "fail-absent.yaml": _FAIL.format(**values),
            cases / "equivalent-labelled.yaml": _EQUIVALENT.format(**values),
        }
    )
    told = ["Put this under `criteria:` of a step, and take the points from others of the task:"]
    return [*made, *told, "", *_CRITERION.format(**values).splitlines()]


def new_task(root: Path, number: int) -> list[str]:
    """Write a task and a solution to fill in; return what to tell the author.

    Raises:
        UsageError: there is such a task already.
    """
    folder = LabFolder(root)
    taken = folder.file_of_task(number)
    if taken:
        raise UsageError(f"There is a task {number} already: {taken}", "Take another number")
    values = {"namespace": _namespace(root)}
    made = write_new(
        {
            folder.tasks / f"task{number}-new.yaml": _TASK.format(**values),
            folder.solution(f"task{number}") / "10-new.yaml": _SOLUTION.format(**values),
        }
    )
    told = (
        f"List what the solution makes in {folder.reset},"
        f" and a fault for the demo in {folder.faults}"
    )
    return [*made, told, "`labgrader author lint` says what is still to be done"]


def write_new(files: Mapping[Path, str]) -> list[str]:
    """Write all files and tell of each.

    Raises:
        UsageError: one of them is there already; then none is written.
        LabError: the folder cannot be written.
    """
    for path in files:
        if path.exists():
            raise UsageError(f"{path} is there already", "Nothing was written; take another name")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            why = error.strerror or error
            raise LabError(f"{path} cannot be written: {why}", "Choose another folder") from error
    return [f"wrote {path}" for path in files]


def _namespace(root: Path) -> str:
    """Return the lab's namespace; a lab that cannot be read yet has none worth naming."""
    path = LabFolder(root).manifest
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        data = None
    return str(data.get("namespace", "TODO")) if isinstance(data, dict) else "TODO"
