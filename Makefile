# `make` alone lists the verbs. CI calls the same ones.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)

# The first Python from 3.11 to 3.13 that really runs (a pyenv shim may be there and not work).
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c '$(FITS)' 2>/dev/null && echo $$name && break; done)

# Named after what it was made from: other requirements are another stamp, and an old one is instantly enough.
STAMP := $(VENV)/.setup-$(shell cat requirements.txt requirements-dev.txt | cksum | cut -d' ' -f1)

export PYTHONPATH := $(CURDIR)/include:$(CURDIR)/plugins
# With it every process would compile all it imports again: Airflow starts three times slower.
unexport PYTHONDONTWRITEBYTECODE
# Threads that wait for each other sleep instead of spinning: with more of them than cores a fit is ten times faster.
export OMP_WAIT_POLICY ?= PASSIVE

# The stack of docker-compose.yaml needs Docker and a Python, and no virtual environment.
COMPOSE := "$(PYTHON)" -m airloop.compose

.PHONY: help setup check format test test-unit test-slow test-docker test-kubernetes test-e2e test-browser demo \
	up down docs screenshots ui bench lock clean env compose-up compose-down compose-demo compose-backup compose-restore

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make the virtual environment from the pinned, hashed requirements
	@:

$(STAMP): requirements.txt requirements-dev.txt
	@"$(PYTHON)" -c '$(FITS)' 2>/dev/null || { \
		echo "make setup: '$(PYTHON)' is no Python 3.11, 3.12 or 3.13; install one or set PYTHON=/path/to/python"; exit 1; }
ifneq ($(UV),)
	@test -x $(PY) || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(PY) requirements.txt requirements-dev.txt
else
	@test -x $(PY) && $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		echo "make setup: $(PYTHON) cannot make a virtual environment; install its venv package (Debian: python3-venv) or uv"; exit 1; }
	$(PY) -m pip install --quiet --compile --require-hashes -r requirements.txt -r requirements-dev.txt
endif
	@# So that `python -m airloop` works in the activated environment without more.
	@echo "$(CURDIR)/include" > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/airloop.pth"
	@rm -f $(VENV)/.setup-*
	@touch $@

check: setup ## lint, format, types and layers
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: setup ## rewrite the code as `check` wants it
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

test: test-unit test-slow test-docker test-kubernetes test-e2e test-browser ## all tests

test-unit: setup ## the fast ones: two minutes on two cores
	$(PY) -m pytest -n auto --dist loadfile

test-slow: setup ## those that need seconds each, or whole processes
	$(PY) -m pytest -n auto --dist loadfile -m "slow and not e2e and not docker and not kubernetes"

test-docker: setup ## tests on a real Docker engine; skipped, with the reason, where there is none
	$(PY) -m pytest -m "docker and not kubernetes"

test-kubernetes: setup ## tests on a real Kubernetes cluster; skipped, with the reason, where there is none
	$(PY) -m pytest -m kubernetes

test-e2e: setup ## tests on a real Airflow and a real model server
	$(PY) -m pytest -m "e2e and not docker and not kubernetes"

test-browser: setup ## tests in a real Chromium, on the finished demo in AIRLOOP_DEMO_HOME or on a new one
	$(PY) -m pytest -m browser

demo: setup ## the whole loop on real flights: release, watch, retrain, release
	@$(PY) -m airloop demo

up: setup ## start Airflow and the model server
	@$(PY) -m airloop up

down: setup ## stop what `make up` started
	@$(PY) -m airloop down

env: ## make .env: secrets and ports of the stack in docker-compose.yaml
	@$(COMPOSE) env

compose-up: ## the whole stack in containers: build, migrate, start, wait until it is healthy
	@$(COMPOSE) up

compose-down: ## stop it; ERASE=yes removes its data as well
	@$(COMPOSE) down $(if $(filter yes,$(ERASE)),--erase)

compose-demo: ## the demo on that stack: models in containers behind the gateway
	@$(COMPOSE) demo

compose-backup: ## databases and volumes to backups/, or to the new folder TO=
	@$(COMPOSE) backup $(if $(TO),--to "$(TO)")

compose-restore: ## put the backup FROM= in the place of all data
	@test -n "$(FROM)" || { echo "make compose-restore: name a backup with FROM=backups/…"; exit 1; }
	@$(COMPOSE) restore "$(FROM)"

docs: setup ## build the site of docs/ into build/docs; a link that leads nowhere ends it
	$(PY) -m sphinx -b html -W --keep-going -n -q docs build/docs
	@echo "build/docs/index.html"

screenshots: setup ## take docs/pictures anew, of the finished demo in AIRLOOP_DEMO_HOME or of a new one
	$(PY) -m tests.browser.screenshots

ui: setup ## build the pages anew after a change below ui/; needs Node
	$(PY) ui/make_shapes.py
	npm --prefix ui ci --no-audit --no-fund
	npm --prefix ui run check
	npm --prefix ui test
	npm --prefix ui run build

# Some measure with what the tests have written.
bench: export PYTHONPATH := $(CURDIR):$(CURDIR)/include:$(CURDIR)/plugins
bench: setup ## print the benchmark tables
	@for file in benchmarks/*.py; do $(PY) $$file || exit 1; done

lock: LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock"
lock: setup ## compile the pinned requirements anew, those of the images too
	$(LOCK) --extra examples pyproject.toml -o requirements.txt
	$(LOCK) --group dev --constraint requirements.txt -o requirements-dev.txt
	$(LOCK) --extra examples --extra cluster --constraint requirements.txt pyproject.toml -o docker/airflow.requirements.txt
	$(LOCK) --constraint requirements-dev.txt docker/installer.in -o docker/installer.requirements.txt
	$(LOCK) --python-version 3.11 docker/mlflow.in -o docker/mlflow.requirements.txt

clean: ## remove the virtual environment, caches and .airloop (data, models, ledger)
	@if [ -x $(PY) ] && [ -d .airloop ]; then $(PY) -m airloop down || true; fi
	rm -rf $(VENV) .airloop .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks dist build
	find include plugins dags tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
