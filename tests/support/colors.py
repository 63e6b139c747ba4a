"""A small lab for tests of the author's tools: two ConfigMaps that should be blue, two checks."""

from __future__ import annotations

from pathlib import Path

CRITERION = """\
      - id: {name}
        check: {name}
        title: The {name} is right
        points: 10
        with: {{name: {name}}}
        docs: [https://kubernetes.io/]
        hints: [Look, Type]
"""
MANIFEST = """\
format: 1
id: small
version: "1"
title: Small
namespace: default
points: 20
"""

TASK = """\
title: Settings
story: Somebody needs settings.
budget_seconds: 60
steps:
  - title: Both
    instructions: Make them.
    criteria:
"""
CHECK = '''\
"""Colours."""

from labgrader.api import Resource, check, dig, fact

CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")


def judge(ctx, name, right):
    found = ctx.require(CONFIG_MAP, name, "default", fix="make it")
    colour = dig(found, "data.colour", "none")
    yield fact("colour", right(colour), reason=f"it is {colour}", expected="blue",
               actual=colour, fix="paint it")


@check()
def one(ctx, name):
    """Looks at the colour."""
    yield from judge(ctx, name, lambda colour: ONE)


@check()
def two(ctx, name):
    """Looks at the colour."""
    yield from judge(ctx, TWO, lambda colour: colour.lower() == "blue")
'''
RIGHT = 'colour.lower() == "blue"'


def config_map(name: str) -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n"
        "data: {colour: blue}\n"
    )


def answer(name: str, expect: str, colour: str) -> str:
    reason = "reason: it is red\n" if expect == "failed" else ""
    return (
        f"title: {colour}\nexpect: {expect}\n{reason}changes:\n  - patch:\n"
        f"      {{apiVersion: v1, kind: ConfigMap, name: {name}, namespace: default,\n"
        f"       ops: [{{op: replace, path: /data/colour, value: {colour}}}]}}\n"
    )


def write_lab(root: Path) -> None:
    """Write the whole lab into a folder: tasks, checks, solutions, and two cases for each check."""
    files = {
        "tasks/lab.yaml": MANIFEST,
        "tasks/task1-x.yaml": TASK + CRITERION.format(name="one") + CRITERION.format(name="two"),
        "checks/colours.py": CHECK.replace("ONE", RIGHT).replace("TWO", "name"),
        "solutions/breaks.yaml": "- {caught_by: one}\n",
    }
    entries = []
    for name in ("one", "two"):
        files[f"solutions/task-1/{name}.yaml"] = config_map(name)
        entries.append(
            "- {task: task1, apiVersion: v1, kind: ConfigMap, namespace: default,"
            f" name: {name}}}\n"
        )
        files[f"tests/checks/{name}/fail-red.yaml"] = answer(name, "failed", "red")
        files[f"tests/checks/{name}/equivalent-loud.yaml"] = answer(name, "passed", "BLUE")
    files["solutions/reset.yaml"] = "".join(entries)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
