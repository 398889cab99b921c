# 听风 Tingfeng. `make demo` shows it, `make test` checks it, `make run` serves it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(VENV)/bin/pip --disable-pip-version-check --quiet
CHARTS := build/assets/instaui_echarts/static/echarts.esm.min.js
export PIP_NO_WARN_SCRIPT_LOCATION := 1

.PHONY: help setup demo demo-check run test lint bench bench-latency bench-crisis hard second docs lock screenshots clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo '需要 Python 3.11 以上 / Python 3.11 or newer is needed'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(CHARTS): requirements-assets.txt $(VENV)/.installed
	$(PIP) install --no-deps --require-hashes --only-binary :all: --upgrade \
	  --target build/assets -r requirements-assets.txt
	@touch $@

setup: $(VENV)/.installed $(CHARTS)  ## install what the service needs into .venv

demo: setup  ## replay real comments with a simulated crisis and leave the service running
	@$(PY) tools/demo.py

demo-check: setup  ## the same without a terminal: prints JSON, fails unless all is right
	@$(PY) tools/demo.py --check

run: setup  ## serve an empty service on http://127.0.0.1:8000
	@$(PY) tools/serve.py

test: setup $(VENV)/.installed-dev  ## everything that is checked, with what it needs
	@tools/install-servers.sh
	$(PY) -m pytest

lint: $(VENV)/.installed-dev  ## ruff, mypy --strict, import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

bench: setup $(VENV)/.installed-dev  ## speed, as ratios within one run
	@$(PY) tests/perf/bench.py

bench-latency: setup $(VENV)/.installed-dev  ## seconds from a mention to the robot, in the running service
	@$(PY) tests/perf/latency.py

bench-crisis: setup  ## the detector on the crisis benchmark in ../shared
	@$(PY) tools/bench_crisis.py

hard: setup  ## how the readings do on the hard sentences; HALF=open|held|both
	@$(PY) tools/hard.py --half $(or $(HALF),open)

second: setup  ## build the optional second opinion from ../shared/data into build/second: 20 minutes
	$(PIP) install -r requirements-extra.txt
	$(PY) -m tools.tune_second ../shared/data

docs: $(VENV)/.installed-dev  ## write the generated reference pages anew
	$(PY) tools/reference.py

screenshots: setup $(VENV)/.installed-dev  ## pictures of the pages, from the demonstration
	$(PY) tools/screenshots.py

lock:  ## resolve the pinned requirements anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q requirements-dev.in -o requirements-dev.txt

clean:  ## remove what was built; data stays
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
