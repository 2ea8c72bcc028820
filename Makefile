# One way to do each thing. `make demo` and `make test` need only python3 (3.11 or newer), make and the package
# registry that pip is configured for; everything they install stays in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
ARGS ?=
SEEDS ?= 10000
FROM ?= 0
SEED ?=
CORE_TESTS := tests/config tests/judge tests/model tests/plan

# pyright comes as a wheel with its node beside it. Without these it may ask a registry for a newer version of itself.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
unexport PYRIGHT_PYTHON_FORCE_VERSION PYRIGHT_PYTHON_PYLANCE_VERSION PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo check format test test-core test-quick test-lab proof sim bench bench-lab bench-lab-scale \
	bench-lab-throughput bench-flips bench-ways-back bench-deploys soak lab-refusals kill-matrix fault-matrix \
	fault-cells game-day lock-races mutants lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: setup  ## a blue/green deployment, a flip and a rollback on this machine, under load
	$(BIN)/teal demo $(ARGS)

test: check test-quick test-lab  ## all checks and all tests

setup: $(VENV)/.installed  ## create .venv with the locked tools and teal itself

check: setup  ## format, lint, types, architecture, size budget
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/style/test_size.py

format: setup  ## let ruff format, and mend what it can mend safely
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-quick: test-core setup  ## the tests without a lab
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not lab" $(addprefix --ignore=,$(CORE_TESTS)) $(ARGS)

test-core: setup  ## the tests of the pure core, with its coverage floor
	$(BIN)/coverage run -m pytest -q $(CORE_TESTS)
	$(BIN)/coverage report

test-lab: setup  ## the tests that start a lab: real processes, a real load balancer
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m lab $(ARGS)

proof: sim setup  ## what CI runs after `make test`: 10,000 seeds of the simulation, 100 cells of the kill matrix
	$(BIN)/python -m benchmarks.kill_matrix --sample 100 --jobs 3

sim: setup  ## seeded faults under virtual time: SEEDS=10000 FROM=0, or one seed as a story: SEED=123
	cd tests && ../$(BIN)/python -m sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(FROM)) $(ARGS)

bench: setup  ## start-up, status and rollback beside the plain aws command
	$(BIN)/python -m benchmarks.startup $(ARGS)

bench-lab: setup  ## what a lab costs: memory, and the time of an API call
	$(BIN)/python -m benchmarks.lab_budgets $(ARGS)

bench-lab-throughput: setup  ## requests per second through the lab's load balancer, beside Envoy bare
	$(BIN)/python -m benchmarks.lab_throughput $(ARGS)

bench-flips: setup  ## flips and rollbacks under load, counting unanswered requests
	$(BIN)/python -m benchmarks.flips $(ARGS)

bench-ways-back: setup  ## rollbacks on bad days: no lock store, no journal, green frozen, lock held, API throttled
	$(BIN)/python -m benchmarks.ways_back $(ARGS)

lab-refusals: setup  ## write docs/lab-refusals.md: what the lab refuses, beside moto
	PYTHONPATH=tests $(BIN)/python -m lab.conformance.page

kill-matrix: setup  ## teal killed before and after every call to AWS, gone on from in three ways, under load
	$(BIN)/python -m benchmarks.kill_matrix $(ARGS)

fault-matrix: setup  ## every call to AWS spoiled in nine ways, under load
	$(BIN)/python -m benchmarks.fault_matrix $(ARGS)

fault-cells: setup  ## the same in memory and in ten ways: botocore's own events, virtual time, every cell
	PYTHONPATH=tests $(BIN)/python -m spoilt $(ARGS)

game-day: setup  ## deploy, flip and rollback while the lab spoils its API by itself and a stranger edits, under load
	$(BIN)/python -m benchmarks.game_day $(ARGS)

bench-deploys: setup  ## deployments of tasks that need 2 s to listen, under load, counting unanswered requests
	$(BIN)/python -m benchmarks.deploys $(ARGS)

bench-lab-scale: setup  ## 200 tasks in 20 services: time until they are up, the lab at rest, teal status
	$(BIN)/python -m benchmarks.lab_scale $(ARGS)

soak: setup  ## half an hour under load: flips, rollbacks, dying tasks; unanswered requests and memory
	$(BIN)/python -m benchmarks.soak $(ARGS)

lock-races: setup  ## 1,000 rounds of real processes that race for the lock, in each store; 20 minutes or so each
	$(BIN)/python -m benchmarks.lock_races --store file $(ARGS)
	$(BIN)/python -m benchmarks.lock_races --store s3 $(ARGS)
	$(BIN)/python -m benchmarks.lock_races --store dynamodb $(ARGS)

mutants: setup  ## does a test fail when one thing is wrong in plan, execute or the lock? a part: ARGS="plan/lease.py --sample 50"
	nice -n 10 $(BIN)/python -m benchmarks.mutants $(ARGS)

lock: setup  ## write requirements/dev.txt anew from pyproject.toml and requirements/dev.in
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--no-emit-find-links --python-version 3.11 --universal \
		pyproject.toml requirements/dev.in -o requirements/dev.txt

clean:  ## remove what make made, .venv included
	rm -rf $(VENV) dist .coverage .coverage.* .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "teal needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Name another one: make $(or $(firstword $(MAKECMDGOALS)),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: its ensurepip is not installed." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv (or the one named like your python)" >&2; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.locked: requirements/dev.txt $(VENV)/.python
	@echo "installing the locked tools into .venv (once; this can take a few minutes)"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.locked
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
