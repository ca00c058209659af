# Two commands on a fresh machine: `make demo` and `make test`. Everything else is for those who work on the code.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
# torch is installed alone and first: pip then never weighs a newer torch, which would pull gigabytes of GPU libraries
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
BASE := $(VENV)/.installed-base
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench

.PHONY: demo test lint format unit nightly bench docs clean help

help:
	@echo "make demo    install, then train on the bundled Banking77 for 3 minutes"
	@echo "make test    install, then lint, types and tests"
	@echo "make lint    ruff and mypy only        make unit     pytest only"
	@echo "make nightly the long proofs           make bench    accuracy and speed against peers (hours)"
	@echo "make docs    rebuild docs/reference    make clean    remove caches and built files (runs stay)"

demo: $(RUN)
	$(BIN)/autogpt run banking77 --goal "route customer messages by intent" --time-limit 3m

test: lint unit

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(DEV)
	$(BIN)/python -m pytest -m "not nightly" -n logical --maxprocesses 4 --dist loadfile

nightly: $(DEV)
	$(BIN)/python -m pytest -m nightly

bench: $(BENCH)
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/speed.py

docs: $(DEV)
	$(BIN)/python docs/reference.py

$(BASE): constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) "$$(grep '^torch==' constraints.txt)"
	touch $@

$(RUN): $(BASE) pyproject.toml
	$(PIP_INSTALL) -e ".[offline]"
	touch $@

$(DEV): $(RUN)
	$(PIP_INSTALL) -e ".[dev]"
	touch $@

$(BENCH): $(DEV)
	$(PIP_INSTALL) -e ".[dev,bench]"
	touch $@

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
