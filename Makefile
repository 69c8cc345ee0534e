# The two first commands: `make demo` shows what this is, `make test` proves it.
BIN := .venv/bin

# `python3`, or where that is too old, the newest that is there. PYTHON=… says otherwise.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11, 4))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c "$(NEW_ENOUGH)" 2>/dev/null && echo $$python && exit; done; echo python3)

# Where Python may keep no compiled sources, every start compiles those of all libraries: a second, and 40 MB.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test coverage slow lint docs bench clean

VIEWER := src/gigascene/serve/page/vendor/INTEGRITY

setup: .venv/.done $(VIEWER)

# The one part of the viewer that is not ours; taken only with the pinned checksum.
$(VIEWER): tools/fetch_openseadragon.py | .venv/.done
	@$(BIN)/python $< || echo "make setup goes on without it; gigascene view says what to do."

# Made anew when the pinned requirements change; nothing is fetched that has no hash.
.venv/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c "$(NEW_ENOUGH)" || { echo "gigascene needs Python 3.11.4 or newer, and found `$(PYTHON) --version 2>&1`. Say where: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -c "import gigascene.api.compose, gigascene.execute.coordinate"
	@touch $@

demo: setup
	$(BIN)/gigascene demo

# Tests wait a third of their time, slow ones half of it: WORKERS may be more than there are cores.
WORKERS ?= auto
test: setup lint
	$(BIN)/pytest -n $(WORKERS) -m "not slow" -q

# Which lines no fast test reaches.
coverage: setup
	$(BIN)/pytest -n auto -m "not slow" -q --cov --cov-report=term:skip-covered

# Whole products, other programs, a kill at every step: what .ci/run adds to `make test`.
slow: setup
	$(BIN)/pytest -n $(WORKERS) -m slow -q

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf src/gigascene/serve/page/vendor .venv build dist site demo .coverage* .mypy_cache .pytest_cache .ruff_cache
