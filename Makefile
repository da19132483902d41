# `make` prints what one can do. Everything runs from .venv, which `make setup` builds from the committed lock.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
BIN := .venv/bin
PACKAGES := contracts service_kit stripe_sandbox invoice_service payment_service notification_service deploy.demo tests \
  contracts_tests kit_tests sandbox_tests invoice_tests payment_tests notification_tests
# Two processes keep two cores busy while Postgres clones databases; SIDE_BY_SIDE= runs one test after the other.
SIDE_BY_SIDE ?= -n 2 --dist loadgroup
export UV_PYTHON_DOWNLOADS ?= never
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup check lint types imports schemas-check signs format schemas test test-full audit sbom demo up down journey clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.current ## build .venv from the lock (uv is fetched into .tools where it is absent)

check: lint types imports schemas-check signs ## what CI checks: style, types, import contracts, schemas, house signs
	@echo "check: all good"

format: setup ## rewrite files in the one format and mend what ruff can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

schemas: setup ## export JSON Schema, AsyncAPI and OpenAPI from the code
	@$(BIN)/python -m contracts.schema_export
	@$(BIN)/python -m deploy.checks.api_document

test: setup ## every test that ends within seconds (ARGS=… goes to pytest)
	@$(BIN)/pytest -m "not slow" $(SIDE_BY_SIDE) $(ARGS)

test-full: setup ## every test, the slow ones too
	@$(BIN)/pytest $(ARGS)

audit: | $(UV) ## compare the lock with published advisories (asks osv.dev, so it is no part of check)
	@$(UV) audit --frozen --preview-features audit-command $(ARGS) \
	  || { echo "Where a component is named, uv lock --upgrade-package NAME; docs/security.md says how soon."; exit 1; }

sbom: | $(UV) ## print what the services are made of, as CycloneDX
	@$(UV) export --frozen --all-packages --no-dev --format cyclonedx1.5 --preview-features sbom-export --quiet $(ARGS)

demo: setup ## run it all here and watch two invoices get paid (ONCE=1 ends by itself)
	@exec $(BIN)/python -m deploy.demo $(if $(ONCE),--once) $(ARGS)

up: ## the same in containers: build, start, wait until healthy
	@$(PYTHON) deploy/new_env.py
	@docker compose --profile demo up --build --detach --wait

journey: setup ## play the journey against what `make up` started
	@exec $(BIN)/python -m deploy.demo --against-compose $(ARGS)

down: ## stop the containers and forget their data
	@docker compose --profile demo down --volumes --remove-orphans

clean: ## remove what was built (the demo's servers and .venv too)
	@rm -rf .venv .tools .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

lint: setup
	@$(BIN)/ruff check --quiet . || { echo "Remedy: make format, then mend by hand what is left."; exit 1; }
	@$(BIN)/ruff format --quiet --check . || { echo "Files are not in the one format. Remedy: make format."; exit 1; }

types: setup
	@$(BIN)/mypy --no-error-summary $(addprefix -p ,$(PACKAGES)) -m deploy.install -m deploy.new_env -m deploy.checks.house_signs -m deploy.checks.api_document \
	  || { echo "Remedy: type what mypy names; a cast or an ignore needs a reason beside it."; exit 1; }

imports: setup
	@$(BIN)/lint-imports --no-logo > .venv/imports.txt || { cat .venv/imports.txt; exit 1; }

schemas-check: setup
	@$(BIN)/python -m contracts.schema_export --check
	@$(BIN)/python -m deploy.checks.api_document --check

signs: setup
	@$(BIN)/python -m deploy.checks.house_signs

.venv/.current: uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml) | $(UV)
	@$(UV) sync --frozen --quiet
	@touch $@

.tools/uv/bin/uv:
	@bash deploy/checks/fetch_uv.sh "$(PYTHON)" .tools/uv
