"""Variants of a lab: what a seed draws, what is replaced, and what lint finds of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from labgrader.author.lint import lint
from labgrader.content import catalog, variants
from labgrader.content.installed_labs import choose_lab
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import UsageError
from labgrader.model.manifest import Manifest
from labgrader.paths import STATE_VARIABLE

MINIMAL = Path(__file__).parents[2] / "labs" / "minimal"
WORDS = "variants:\n  lathe: [drill, press]\n  workshop: [garage]\n"
MANIFEST = Manifest("a", "A", "one", "1.0", variants={"red": ("blue", "green"), "80": ("81",)})


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The smallest lab, with variants."""
    root = shutil.copytree(MINIMAL, tmp_path / "lab")
    manifest = LabFolder(root).manifest
    manifest.write_text(manifest.read_text() + WORDS)
    return root


def test_a_seed_draws_the_same_every_time_and_seeds_differ() -> None:
    drawn = [tuple(sorted(variants.draw(MANIFEST, seed).items())) for seed in range(40)]
    assert drawn == [tuple(sorted(variants.draw(MANIFEST, seed).items())) for seed in range(40)]
    assert {dict(one)["red"] for one in drawn} == {"red", "blue", "green"}
    other = replace(MANIFEST, version="1.1")
    assert drawn != [tuple(sorted(variants.draw(other, seed).items())) for seed in range(40)]


def test_a_lab_without_variants_says_so() -> None:
    with pytest.raises(UsageError, match="The lab a has no variants"):
        variants.draw(replace(MANIFEST, variants={}), 1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("team-red, red-x, *red*", "team-blue, blue-x, *blue*"),
        ("reduced, Red, tired, _red", "reduced, Red, tired, _red"),
        ("a blue one is blue", "a red one is red"),
        ("8080: [80, 180, 80m]", "8080: [443, 180, 80m]"),
    ],
)
def test_whole_words_are_replaced_once(text: str, wanted: str) -> None:
    assert variants.replaced(text, {"red": "blue", "blue": "red", "80": "443"}) == wanted


def test_texts_parameters_solutions_and_cases_follow(lab: Path) -> None:
    packs = [choose_lab(str(lab), None, seed) for seed in range(12)]
    assert len({one.folder.root for one in packs}) > 1
    garage = next(one for one in packs if one.manifest.namespace == "garage")
    assert garage.manifest.variants == {}
    loaded = catalog.load(garage.folder.root)
    assert loaded.lab.namespace == "garage"
    for path in garage.folder.root.rglob("*.yaml"):
        assert "namespace: workshop" not in path.read_text()
    assert lint(garage.folder.root) == ([], [])
    assert "namespace: workshop" in (lab / "solutions/task-1/30-ticket.yaml").read_text()


def test_a_variant_is_written_once_and_anew_when_the_lab_changes(lab: Path) -> None:
    first = choose_lab(str(lab), None, 1).folder.root
    mark = first / "mark"
    mark.touch()
    assert choose_lab(str(lab), None, 1).folder.root == first
    assert mark.exists()
    task = LabFolder(lab).task_files[0]
    task.write_text(task.read_text() + "# changed\n")
    assert choose_lab(str(lab), None, 1).folder.root != first


def test_lint_finds_words_that_cannot_be_drawn(lab: Path) -> None:
    assert lint(lab) == ([], [])
    manifest = LabFolder(lab).manifest
    manifest.write_text(
        manifest.read_text().replace("[drill, press]", "[priority]") + "  nowhere: [else]\n"
    )
    told = [(one.rule, one.what) for one in lint(lab)[0]]
    assert told == [
        ("variants", "priority, which may stand for lathe, has a meaning of its own already"),
        ("variants", "the word nowhere stands in no file of the lab"),
    ]


def test_lint_finds_a_variant_that_breaks_a_rule(lab: Path) -> None:
    manifest = LabFolder(lab).manifest
    manifest.write_text(manifest.read_text() + '  "180": ["6"]\n')
    finding = lint(lab)[0][0]
    assert "in the variant with 180 as 6" in finding.what
    assert "6 seconds" in finding.what
