# Two commands matter: `make demo` and `make test`. Each sets up what it needs, on a fresh Debian 12 too.

PYTHON ?= python3
export PYTHON

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_PROGRAMS := mosquitto
TEST_PROGRAMS := mosquitto mosquitto-clients prometheus systemd systemd-container debootstrap

ARGS ?=
PYTEST_ARGS ?=
LOCK_ARGS ?=
# One worker has the tests that keep real time by the clock, the other all the rest (tests/conftest.py).
TEST_WORKERS ?= --numprocesses 2

.PHONY: help demo test check format lock clean

help:
	@echo 'make demo [ARGS="--duration 90"]   a virtual CDU, a broker and the daemon, with a live table and a summary'
	@echo 'make test [PYTEST_ARGS="-k name"]  every check and every test'
	@echo 'make check                         lint, format, types, layers; no tests'
	@echo 'make format                        put the code into its format'
	@echo 'make lock                          resolve requirements.lock again'
	@echo 'make clean                         remove the virtual environment and all caches'

demo: $(READY)
	@.ci/setup programs $(DEMO_PROGRAMS)
	$(BIN)/coolantd demo $(ARGS)

test: check
	@.ci/setup programs $(TEST_PROGRAMS)
	$(BIN)/pytest $(TEST_WORKERS) $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The stamp makes the second run quick; a changed lock, project file or set-up makes it stale.
$(READY): requirements.lock pyproject.toml .ci/setup
	@.ci/setup venv $(VENV)
	@touch $@

# The build backend is locked too: an editable install then needs no isolated, unpinned environment.
# Keeps every pin that still fits; `make lock LOCK_ARGS=--upgrade` takes the newest of all.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv
	grep -v -e '^# Every package of' -e '^# Made by' requirements.lock >build/lock/resolved
	printf '%s\n' 'hatchling>=1.27,<2' editables | build/lock/bin/uv pip compile pyproject.toml - --all-extras --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet $(LOCK_ARGS) --output-file build/lock/resolved
	{ printf '%s\n' '# Every package of a development set-up, pinned and hashed: run time, extras, and the build backend.' \
	  '# Made by `make lock` from pyproject.toml; not edited by hand.'; cat build/lock/resolved; } > requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
