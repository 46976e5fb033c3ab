# The commands of this repository. `make help` lists them; CI runs the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# `make PYTHON=python3.12 …` chooses the Python; the default is the first suitable one.
PYTHON ?=
# More arguments for pytest or the program: `make test ARGS="-k late"`, `make demo ARGS=--help`.
ARGS ?=

# What `make test-one` runs: files or node ids (T=tests/pipeline/test_gates.py::test_gate_moves_back), or else a -k expression.
T ?=

# Processes that share the tests, each with servers of its own; 0: all in one process.
PROCESSES ?= 2

BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: help setup venv lock format lint types texts test test-one test-unit test-property screens mutants faults bench bench-long bench-publish bench-bounds bench-shapes bench-tenants bench-lives bench-api bench-tracker bench-console ops demo clean

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## create .venv from requirements.lock; again after it changed

venv: setup ## the same as setup

$(INSTALLED): requirements.lock pyproject.toml
	@python="$$($(find_python))"; \
	if ! [ -x $(BIN)/python ] || ! $(BIN)/python -m pip --version > /dev/null 2>&1; then \
		echo "creating .venv with $$python"; \
		rm -rf .venv; \
		"$$python" -m venv .venv; \
	fi
	@quiet=--quiet; if [ -t 1 ]; then quiet=; fi; \
	pip="$(BIN)/python -m pip install $$quiet --disable-pip-version-check"; \
	echo "installing the $$(grep -c '^[a-z]' requirements.lock) packages of requirements.lock (a minute or two)"; \
	$$pip --require-hashes --only-binary :all: -r requirements.lock; \
	echo "installing engagement, so that changes of the code take effect at once"; \
	$$pip --no-deps --no-build-isolation -e .; \
	touch $@; \
	echo "ready: $(BIN)/engagement --help"

lock: ## write requirements.lock, and its parts for the image (-run, -build), from pyproject.toml
	@python="$$($(find_python))"; \
	folder="$$(mktemp -d)"; \
	trap 'rm -rf "$$folder"' EXIT; \
	"$$python" -m venv "$$folder"; \
	"$$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv; \
	compile="$$folder/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header"; \
	$$compile --all-extras --group dev -o requirements.lock pyproject.toml; \
	$$compile -c requirements.lock -o ops/requirements-run.lock pyproject.toml; \
	$$compile -c requirements.lock --group build -o ops/requirements-build.lock

format: $(INSTALLED) ## format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(INSTALLED) ## check the code with ruff, and the layers with import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED) ## check types with mypy
	$(BIN)/mypy

texts: $(INSTALLED) ## bring the console's translations up to date with its code; what is new is empty
	@mkdir -p .cache
	$(BIN)/pybabel -q extract -F pyproject.toml --no-location --omit-header -k N_ -k say -o .cache/console.pot consumer/web/console
	@for language in consumer/web/console/translations/*.po; do \
		$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --omit-header -w 116 -i .cache/console.pot \
			-o $$language -l $$(basename $$language .po) || exit 1; \
	done

test: $(INSTALLED) ## run all tests; starts the servers they need
	$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal $(ARGS)

test-one: $(INSTALLED) ## run the tests of T=, files, node ids or a -k expression; starts the servers they need
	$(if $(T),,$(error name the tests: make test-one T=tests/pipeline/test_gates.py, or T="cooldown and not late"))
	$(BIN)/python -m pytest -n 0 $(if $(filter tests/% -%,$(firstword $(T))),$(T),-k "$(T)") $(ARGS)

test-unit: $(INSTALLED) ## run the tests that need no server
	$(BIN)/python -m pytest tests/unit $(ARGS)

screens: $(INSTALLED) ## run the console's tests and leave pictures of its pages in tests/out/screens
	ENGAGEMENT_TEST_SCREENS=1 $(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal tests/console $(ARGS)

test-property: $(INSTALLED) ## run the property tests, which compare with the oracle
	$(BIN)/python -m pytest tests -k propert $(ARGS)

mutants: $(INSTALLED) ## break the code in one place after another; the test named for each must fail
	$(BIN)/python -m tests.mutants $(ARGS)

faults: $(INSTALLED) ## kill, freeze and disconnect everything, more than 100 times; figures in bench/out/faults.json
	ENGAGEMENT_TEST_LONG=1 $(BIN)/python -m pytest tests/kafka/test_faults.py $(ARGS)

bench: $(INSTALLED) ## measure throughput and latency beside floor and plain consumer, flatness; figures in bench/out/latest.json
	$(BIN)/python -m bench ratio latency flatness $(ARGS)

bench-long: $(INSTALLED) ## measure a run over 1,000,000 events beside one over 250,000
	$(BIN)/python -m bench long $(ARGS)

bench-publish: $(INSTALLED) ## measure a publish over a million contacts, its cost to a worker, pages of lists
	$(BIN)/python -m bench publish lists $(ARGS)

bench-bounds: $(INSTALLED) ## measure what bounds and bands cost a worker, and a publish over a million contacts
	$(BIN)/python -m bench bounds bounded-publish $(ARGS)

bench-shapes: $(INSTALLED) ## measure two workers, all duplicates, one hot contact, all late events, all old ones
	$(BIN)/python -m bench two-workers duplicates shapes old $(ARGS)

bench-tenants: $(INSTALLED) ## measure what one hostile account costs others, and changes beside load; figures in bench/out too
	$(BIN)/python -m bench tenants changes $(ARGS)

bench-lives: $(INSTALLED) ## measure what purges, deletions and joins of many contacts cost live traffic; figures in bench/out/lives.json
	$(BIN)/python -m bench lives $(ARGS)

bench-api: $(INSTALLED) ## measure the API over a million contacts beside the bare framework; figures in bench/out/api.json
	$(BIN)/python -m bench api $(ARGS)

bench-tracker: $(INSTALLED) ## measure the tracker's calls per second beside the same server that does nothing; figures in bench/out/tracker.json
	$(BIN)/python -m bench tracker $(ARGS)

bench-console: $(INSTALLED) ## measure the console's pages over a million contacts, and 200 people who watch; figures in bench/out/console.json
	$(BIN)/python -m bench console $(ARGS)

ops: $(INSTALLED) ## check alerts with promtool, and names in dashboard, runbook and Compose against the code
	$(BIN)/python -m pytest tests/unit/test_alert_rules.py tests/unit/test_dashboard.py tests/unit/test_compose.py $(ARGS)

demo: $(INSTALLED) ## show everything on embedded servers: 20,000 events, scores, the proof; on a terminal the console then
	@if [ -t 1 ]; then set -- --serve; fi; $(BIN)/engagement demo "$$@" $(ARGS)

clean: ## remove everything made here: environment, caches, the broker of the tests
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis bench/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Print the first Python that is new enough and can create an environment; else say what is missing.
define find_python
fits='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; \
for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14); do \
	if "$$python" -c "$$fits" > /dev/null 2>&1; then echo "$$python"; exit 0; fi; \
done; \
{ echo "No Python 3.11 or newer with venv and ensurepip among: $(or $(PYTHON),python3 python3.11 to 3.14)."; \
	echo "Install one (on Debian and Ubuntu also its package python3-venv), or name it: make PYTHON=/path/to/python …"; } >&2; \
exit 1
endef
