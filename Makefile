# Each verb makes the virtual environment when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process a core; tests that share an expensive run stay together (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadgroup

.PHONY: run test test-all lint format

# A short search of the digits: every strategy, in minutes. README.md has the longer ones.
run: $(VENV)/installed
	$(BIN)/python run_search.py --max-epochs 3

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

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
