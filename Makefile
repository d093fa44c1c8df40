# Woolgather. From a fresh clone: `make run` serves it, `make test` checks it. Python 3.11+, make and git are all it needs.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
# One process of tests more than there are processors: there is always one that waits for a browser or a training.
WORKERS := $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)

.DEFAULT_GOAL := help
.PHONY: help run demo test lint pytest pytest-postgres bench drills train-deps gguf-deps deliver-deps observe-deps dev-deps deps format locks messages screenshots clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Woolgather needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@touch $@

# A lock is installed again only when it changed.
$(VENV)/.core: requirements/core.lock | $(VENV)/.python
	@echo "Setting up Woolgather in $(VENV) (once, about a minute)…"
	@$(PIP) install --no-deps --require-hashes -r requirements/core.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock | $(VENV)/.core
	@echo "Installing what the tests need…"
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

deps: $(VENV)/.core ## Install what the app needs
dev-deps: $(VENV)/.core $(VENV)/.dev ## Install what the tests need

# Links that are printed or mailed lead to the port that is served.
run demo: export SITE_URL ?= http://localhost:$(PORT)

run: $(VENV)/.core ## Serve the app on SQLite with a worker beside it [PORT=8000]
	@$(PY) manage.py bootstrap --port $(PORT)
	@exec $(PY) -m config.supervisor --port $(PORT)

demo: export WOOLGATHER_VAR ?= $(CURDIR)/var/demo
demo: $(VENV)/.core ## The same on a separate database filled with demonstration content
	@$(PY) manage.py bootstrap --port $(PORT) --demo
	@exec $(PY) -m config.supervisor --port $(PORT)

test: dev-deps lint pytest ## Set up and run every check and test

lint: dev-deps ## Style, types, templates, the house plan, missing migrations
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports --cache-dir var/cache/import_linter
	@$(PY) -m djlint templates --lint --quiet
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check --fail-level WARNING
	@$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(PY) -m mypy .

pytest: dev-deps
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow" $(PYTEST_ARGS)

# What is written in Python alone (who may do what, what a bucket holds) is asked once, on SQLite, and so is whatever
# touches no database at all.
pytest-postgres: dev-deps
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not slow and not browser and not train" --database-only $(PYTEST_ARGS)

drills: dev-deps ## The long drills: real base model, many kills
	$(PY) -m pytest -m slow $(PYTEST_ARGS)

bench: dev-deps ## Print the benchmarks' figures
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

train-deps: $(VENV)/.core ## Install what finetune needs (torch and friends)
	@$(PIP) install --no-deps --require-hashes -r requirements/train.lock
	@$(PIP) install "torch==2.13.0"

# Of the source that carries llama.cpp's converter only that converter is kept. Nothing is compiled.
CONVERTER := $(VENV)/share/llama.cpp
CARRIED = llama_cpp_python-$$version/vendor/llama.cpp
$(CONVERTER)/VERSION: requirements/gguf.lock | $(VENV)/.python
	@rm -rf $(CONVERTER).part && mkdir -p $(CONVERTER).part/source
	@$(PIP) download --no-deps --no-binary llama-cpp-python --require-hashes -r requirements/gguf.lock -d $(CONVERTER).part/source
	@version=$$(sed -n 's/^llama-cpp-python==\([0-9.]*\).*/\1/p' $<) && cd $(CONVERTER).part && \
		tar -xzf source/*.tar.gz --strip-components 3 $(CARRIED)/convert_hf_to_gguf.py $(CARRIED)/conversion $(CARRIED)/gguf-py $(CARRIED)/LICENSE && \
		rm -rf source && echo "from llama-cpp-python $$version" > VERSION
	@rm -rf $(CONVERTER) && mv $(CONVERTER).part $(CONVERTER)

gguf-deps: $(CONVERTER)/VERSION ## Fetch llama.cpp's converter (for export_model --gguf)

deliver-deps: $(VENV)/.core ## Install what handing versions on needs (S3, Google Cloud Storage, the Hub)
	@$(PIP) install --no-deps --require-hashes -r requirements/deliver.lock

observe-deps: $(VENV)/.core ## Install what tracing and error reports need (OpenTelemetry, Sentry)
	@$(PIP) install --no-deps --require-hashes -r requirements/observe.lock

format: dev-deps ## Format the code
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

locks: $(VENV)/.python ## Resolve pyproject.toml into the hashed locks again
	@$(PIP) install uv
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -o requirements/core.lock pyproject.toml
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev -c requirements/core.lock -o requirements/dev.lock pyproject.toml
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra train -c requirements/core.lock -c requirements/dev.lock --excludes requirements/train-excludes.txt -o requirements/train.lock pyproject.toml
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra observe -c requirements/core.lock -c requirements/dev.lock -o requirements/observe.lock pyproject.toml
	@$(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra deliver -c requirements/core.lock -c requirements/dev.lock -c requirements/train.lock -o requirements/deliver.lock pyproject.toml

messages: $(VENV)/.core ## Find the texts of the site and compile their translations (needs GNU gettext)
	@$(PY) manage.py makemessages --locale de --no-location --ignore "$(VENV)/*" --ignore "tests/*" --ignore "benchmarks/*" --ignore "var/*"
	@$(PY) manage.py compilemessages --locale de --ignore "$(VENV)/*"

screenshots: dev-deps ## Take the README's screenshots from the demonstration content
	@$(PY) -m tests.browser.screenshots

clean: ## Remove what was installed and built (your data in var/ stays)
	rm -rf $(VENV) var/cache
