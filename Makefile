# Everything a clinic or a developer types. `python3 -m launcher` does the work.
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help run serve test test-faults bench check lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Try it: demo clinic, simulated vendor, http://127.0.0.1:8000 (PORT=...)
	@$(PYTHON) -m launcher run

serve: ## Use it: the same processes, your clinics, the real vendor
	@$(PYTHON) -m launcher serve

test: ## Run the whole test suite, from nothing (ARGS="-k name" to choose)
	@$(PYTHON) -m launcher test $(ARGS)

test-faults: ## Run the long tests that break servers on purpose
	@$(PYTHON) -m launcher test tests/faults $(ARGS)

bench: ## Compare with what the same work could cost: a table, in minutes (ARGS=--quick: a run of seconds)
	@$(PYTHON) -m launcher bench $(ARGS)

check: ## Format, lint, types, architecture, templates, migrations
	@$(PYTHON) -m launcher check

lock: ## Compile requirements*.in to hashed lock files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements-dev.in -o requirements-dev.txt
	npm install --package-lock-only --ignore-scripts
	npm install --package-lock-only --ignore-scripts --prefix launcher/chromium
