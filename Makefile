# Each verb makes the virtual environment when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is installed: for the backend that Keras is told to use, with CUDA's libraries where the
# driver's own tool lists a card.
CARD := $(shell timeout 20 nvidia-smi -L 2>/dev/null | grep '^GPU ')
REQUIREMENTS := requirements$(if $(filter jax,$(KERAS_BACKEND)),-jax)$(if $(CARD),-gpu).txt
INSTALLED := $(VENV)/installed-$(REQUIREMENTS)
# A process a core; tests that share an expensive run stay together (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadgroup

.PHONY: run test test-all lint format fuzz audit lock bench

# A short search of the digits: every strategy, in minutes. README.md has the longer ones.
run: $(INSTALLED)
	$(BIN)/python run_search.py --max-epochs 9 --min-epochs 3 --configurations hyperband --iterations 3 \
		--most-iterations 3 --final-seeds 1

test: $(VENV)/installed-dev
	$(PYTEST) --durations=10

test-all: $(VENV)/installed-dev
	$(PYTEST) --durations=20 -m "slow or not slow"

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(INSTALLED): $(wildcard requirements*.txt)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@

$(VENV)/installed-dev: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Made up anew, a hundred times as much as in the suite: an hour or more.
fuzz: $(VENV)/installed-dev
	SCANLINE_FUZZ=$(or $(TIMES),100) $(BIN)/python -m pytest -m "slow or not slow" tests/test_fuzzing.py

# What a second of search buys, by us and by others, on recorded curves.
bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.replay benchmarks/records/curves_*.npz

$(VENV)/installed-bench: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

# Known weaknesses of what is installed, asked of PyPI.
audit: $(VENV)/installed-dev
	$(BIN)/python -m pip_audit --strict --requirement requirements.lock --disable-pip

# Every package that requirements.txt brings along, on any system, with the hashes of its files.
lock: $(VENV)/installed-dev
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" \
		--output-file requirements.lock requirements.txt
