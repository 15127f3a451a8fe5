# Every target makes what it needs on a fresh machine: a .venv with the versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt
BENCHMARKS = $(shell grep -l '^if __name__ ==' benchmarks/*.py)

.PHONY: demo test slow lint bench docs catalogue clean

# Everything from nothing: renders people, trains on them, writes runs/demo/report.html. Stopped, it
# goes on when it is called again.
demo: .venv/core.stamp
	$(BIN)/lookalike demo $(if $(wildcard runs/demo/demo.yaml),--resume)

# The fast tests. A worker is a process with one thread: more would fight over the cores.
test: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal --timeout 300

# The tests that train.
slow: .venv/dev.stamp
	$(BIN)/pytest -m slow --timeout 3600

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Speed, each script with its peer in the same run. LOOKALIKE_MARKET1501 lets it load real crops.
bench: .venv/dev.stamp
	@failed=0; for script in $(BENCHMARKS); do \
	    echo "== $$script"; $(BIN)/python $$script || failed=1; echo; \
	done; exit $$failed

docs: .venv/docs.stamp
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

# What the command's help says of methods, settings, benchmarks and protocols, from the code.
catalogue: .venv/core.stamp
	$(BIN)/python -m lookalike.cli.make_catalogue

# The library alone; the development tools bring it along.
.venv/core.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e '.[dev]'
	@touch .venv/core.stamp $@

.venv/docs.stamp: .venv/dev.stamp
	$(PIP) -e '.[docs]'
	@touch $@

clean:
	rm -rf .venv docs/_build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
