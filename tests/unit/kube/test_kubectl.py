"""What is believed of kubectl: only what the API server itself has answered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labgrader.clusters.kubectl import Kubectl
from labgrader.clusters.target import Target
from labgrader.errors import Unreachable
from labgrader.kube.protocols import Said

MARKED = (
    'I1128 12:00:00.000000       1 round_trippers.go:632] "Response" status="200 OK" headers=<\n'
    "\tAudit-Id: a\n\tContent-Type: application/json\n > milliseconds=5\n"
)
TWICE = MARKED.replace("\tAudit-Id: a\n", "\tAudit-Id: a\n\tAudit-Id: a\n")
PAGE = (
    'I1128 12:00:00.000000       1 round_trippers.go:632] "Response" status="404 Not Found"'
    " headers=<\n\tContent-Type: text/html\n > milliseconds=5\n"
)
REFUSED = MARKED + (
    "I1128 12:00:00.000000       1 helpers.go:247] server response object: {\n"
    '  "kind": "Status",\n  "details": {\n    "name": "p"\n  },\n  "code": 404\n}\n'
)
OLDER = (
    "I1128 12:00:00.000000       1 round_trippers.go:574] Response Status: 200 OK in 5 ms\n"
    "I1128 12:00:00.000000       1 round_trippers.go:577] Response Headers:\n"
    "I1128 12:00:00.000000       1 round_trippers.go:580]     Audit-Id: a\n"
)
WORDS = 'Error from server (NotFound): pods "p" not found\n'


def kubectl(folder: Path, err: str, code: int, *, marks: bool = True) -> Kubectl:
    """Return one that logs and says this, and ends with this code."""
    (folder / "kubectl.py").write_text(
        f"import sys\nsys.stderr.write({err!r})\nprint('out')\nsys.exit({code})\n"
    )
    target = Target("existing", folder / "kubeconfig", None)
    made = Kubectl(target, lambda: marks)
    made.__dict__["_program"] = [sys.executable, str(folder / "kubectl.py")]
    return made


@pytest.mark.parametrize("log", [MARKED, OLDER, MARKED + MARKED, REFUSED, ""])
def test_what_it_says_is_told_from_its_log(tmp_path: Path, log: str) -> None:
    said = kubectl(tmp_path, log + WORDS, 1).run(["get", "pods"], timeout=20)
    assert said == Said(1, "out\n", WORDS)


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("log", [PAGE, MARKED + PAGE, PAGE + MARKED, TWICE + PAGE + TWICE])
def test_a_page_is_no_answer(tmp_path: Path, log: str, code: int) -> None:
    with pytest.raises(Unreachable, match="not the API server's"):
        kubectl(tmp_path, log + WORDS, code).run(["get", "pods"], timeout=20)


def test_what_it_remembers_of_a_page_is_forgotten(tmp_path: Path) -> None:
    made = kubectl(tmp_path, PAGE, 0)
    cache = Path(made._environment["KUBECACHEDIR"])
    cache.mkdir(parents=True)
    with pytest.raises(Unreachable):
        made.run(["get", "pods"], timeout=20)
    assert not cache.exists()
    kubectl(tmp_path, MARKED + WORDS, 1)
    with pytest.raises(Unreachable):  # another call may have read it before
        made.run(["get", "pods"], timeout=20)


def test_where_no_answer_is_marked_all_are_taken(tmp_path: Path) -> None:
    said = kubectl(tmp_path, PAGE + WORDS, 1, marks=False).run(["get", "pods"], timeout=20)
    assert said == Said(1, "out\n", WORDS)
