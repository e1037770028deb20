# Everything happens inside .venv; the only things a machine must have are Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Hundreds of processes import the same modules: each would compile them again where an environment forbids bytecode.
unexport PYTHONDONTWRITEBYTECODE

# A third of a test's time is waiting for processes that it started, so more tests than processors run at once.
WORKERS := $(shell echo $$(( $$(nproc) * 3 / 2 )))

.PHONY: demo test soak docs check architecture bench format clean help
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## ?/  make \1\t/'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "rtgraph needs Python >= 3.11, $(PYTHON) is older. hint: make PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV) (torch is large: this takes a few minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@# Twice quiet: errors are shown, warnings about this machine's package indexes are not.
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@# As pip does with what it copies: where bytecode is forbidden later, each command would compile its modules.
	@$(BIN)/python -m compileall -q msgs nodes graphs launch
	@mkdir -p .typings/rtgraph
	@for name in msgs nodes graphs launch; do ln -sfn ../../$$name .typings/rtgraph/$$name; done
	@touch $(READY)

demo: $(READY)  ## Boxing at 60 Hz, first with one worker, then staggered: both summaries side by side
	@$(BIN)/rtgraph demo

test: $(READY)  ## run the tests
	@# First beside each other; then, one by one, tests that look at the lateness of real processes.
	@# One thread for numpy: others spin for 0.1 s in each process that imports it.
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m "not process and not snippets and not soak" --numprocesses $(WORKERS) --dist worksteal
	@# Only their modules: to collect all takes as long as several tests.
	@$(BIN)/python -m pytest -m "process and not soak" $$(grep -rl --include='test_*.py' 'mark\.process' tests)

soak: $(READY)  ## the long tests, and 10,000 cases of each property test: hours
	@RTGRAPH_EXAMPLES=10000 $(BIN)/python -m pytest -m "soak or hypothesis" --timeout=0 --numprocesses auto

docs: $(READY)  ## run every snippet of the docs
	@# Each waits about as long as it computes.
	@$(BIN)/python -m pytest -m snippets --numprocesses 4 --maxschedchunk 1 tests/test_docs.py

check: $(READY)  ## format, lint, imports and types
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.architecture --check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

architecture: $(READY)  ## compare imports with the contracts in pyproject.toml, and draw docs/architecture.md
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.architecture

format: $(READY)  ## apply formatting and lint fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## performance, as ratios against raw peers in the same run
	@$(BIN)/python -m tests.bench

clean:  ## remove the environment and every cache
	rm -rf $(VENV) .typings .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build
	find . -name __pycache__ -prune -exec rm -rf {} +
