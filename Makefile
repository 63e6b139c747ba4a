# `make lab` and `make test` do all their own set-up. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
JOBS ?= 3
# Screens wait for themselves more than they work.
FAST_JOBS ?= 5
FAST := tests/unit tests/contract tests/tui tests/browser tests/operator/unit
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
export UV_NO_PROGRESS := 1
unexport PYTHONPATH VIRTUAL_ENV
# Without bytecode on the disk each process compiles all that it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab test setup tools test-tools kube kube-wheel kube-cross kube-test lint format types imports unit screens changed \
	pytest faults verify-all bench images images-cross bare-root pictures architecture clean help

lab: setup kube images ## Set everything up and open the lab
	@$(BIN)/labgrader start

test: setup kube images lint types imports kube-test pytest ## Everything that CI checks

setup: tools .venv/.stamp ## .tools and .venv

tools:
	@$(PYTHON) tools/bootstrap.py

test-tools: tools ## What the tests drive the lab with (root on Debian: Chromium, tmux, shells)
	@$(PYTHON) tools/bootstrap.py --tests

.venv/.stamp: pyproject.toml uv.lock embedded/wheel/pyproject.toml labs/team-onboarding/pyproject.toml
	@$(UV) sync --quiet --locked --all-extras --no-install-workspace --python .tools/bin/python
	@$(UV) sync --quiet --locked --all-extras --python .tools/bin/python
	@touch $@

kube: tools ## Build the embedded Kubernetes (10 minutes once, then from the cache)
	@.tools/bin/python embedded/build.py

kube-wheel: tools ## The platform wheel labgrader-kube, in embedded/dist/
	@.tools/bin/python embedded/build.py --wheel

kube-cross: tools ## linux/arm64 and darwin/arm64, as wheels (outside CI)
	@.tools/bin/python embedded/build.py --os linux --arch arm64 --wheel
	@.tools/bin/python embedded/build.py --os darwin --arch arm64 --wheel

images: setup kube ## The images of the lab's pods (root on Debian; half a minute once)
	@cd embedded && ../.tools/bin/python -m images.build

images-cross: setup kube ## The same for arm64 (outside CI)
	@.tools/bin/python embedded/build.py --os linux --arch arm64 --out embedded/dist/arm64
	@cd embedded && ../.tools/bin/python -m images.build --arch arm64 \
		--kubectl dist/arm64/bin/labgrader-kube

kube-test: tools ## gofmt, go vet and the tests of the Go code
	@.tools/bin/python embedded/build.py --check

lint: setup ## ruff, and the format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup ## Let ruff put everything in shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup ## mypy, strict
	@$(BIN)/mypy

imports: setup ## One direction of imports
	@$(BIN)/lint-imports

pytest: setup test-tools kube images ## All tests, against the embedded API server
	@$(BIN)/pytest -n $(JOBS) --random-keys 10000 --seconds-by-group

unit: setup ## The fast tests: no cluster, no browser, no screens' pictures
	@$(BIN)/pytest -n $(FAST_JOBS) -m "not cluster and not browser and not screens" $(FAST)

screens: setup ## The screens against their pictures
	@$(BIN)/pytest -n $(FAST_JOBS) -m screens tests/tui

changed: setup ## The tests that the uncommitted change can concern (BASE=…: since then; ALL=1: with a cluster too)
	@$(BIN)/python tools/changed.py $(if $(BASE),--base $(BASE)) $(if $(ALL),--all) -n $(FAST_JOBS)

faults: setup kube ## 300 gradings through a gateway that answers wrongly (outside CI)
	@$(BIN)/pytest tests/cluster/test_gateway.py --faulty-runs 300

verify-all: setup kube images ## Every case: on simulated nodes, then those that need containers
	@$(BIN)/labgrader author verify --paste-fixes --allow-unjudged capability
	@$(BIN)/labgrader author verify --paste-fixes --lab team-onboarding
	@$(BIN)/labgrader author verify --paste-fixes --allow-unjudged capability --nodes real operator_rollout \
		operator_endpoints lease_held failover scaled_by_load operator_conduct algorithm_deletion \
		backup_restores reached_by_name algorithm_children operator_service
	@$(BIN)/pytest tests/cluster/nodes/test_foreign_operators.py --all-operators

bench: setup kube images ## Measure; the table is in bench/README.md
	@$(BIN)/python bench/run.py

architecture: setup ## Draw the packages and their imports into docs/architecture.md
	@$(BIN)/python tools/architecture.py

pictures: setup test-tools kube ## Make the README's pictures from the real program
	@$(BIN)/python tools/pictures.py

bare-root: ## Prove the README in a bare Debian root (root, mmdebstrap; half an hour)
	@sh tools/bare-root.sh

clean: ## Remove what set-up and builds made here (caches elsewhere stay)
	rm -rf .tools .venv dist embedded/dist embedded/wheel/src/labgrader_kube/_data

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | sort
