# Every target makes what it needs: a virtual environment in .venv, by venv and pip alone.
#
#   make demo       install the service and run the demo, a first session from quote to exhausted budget
#   make test       install everything that the tests need and run them
#   make lint       ruff, rules and format         make types      mypy, strict
#   make contracts  who may import whom            make bench      the benchmarks (never part of `make test`)
#   make format     rewrite files to the format    make check      lint, types, contracts, test
#   make reference  write docs/reference.md        make async      write AsyncClient from Client
#   make docs       build the documentation as a site, build/site
#   make clean      remove .venv and caches

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# One more than there are cores: a test waits for its service now and then.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 1) + 1)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format types contracts bench reference async docs check clean

help:
	@sed -n 's/^#  //p' Makefile

demo: $(VENV)/.service
	$(BIN)/tacit-service demo $(ARGS)

serve: $(VENV)/.service
	$(BIN)/tacit-service demo --serve $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; fi

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	for file in benchmarks/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

reference: $(VENV)/.dev
	$(BIN)/python docs/reference.py

docs: $(VENV)/.dev
	$(BIN)/python -m mkdocs build --strict --quiet

async: $(VENV)/.dev
	$(BIN)/python client/unasync.py
	$(BIN)/ruff format client/tacit/async_client.py

check: lint types contracts test

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The stamps say what was installed, so that a second run starts at once and a changed pyproject.toml installs anew.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tacit needs Python 3.11 or newer; name one, as in: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python cannot make virtual environments; Debian has them in python3-venv" >&2; exit 1; }

$(VENV)/.service: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[service]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(PIP) --no-compile --editable '.[dev]'
	-@$(BIN)/python -m compileall -q -q -j 0 -x '/(sympy|fontTools|networkx|setuptools|pip|torch/(_inductor|testing|distributed|onnx))/' $(VENV)/lib
	@touch $@ $(VENV)/.service
