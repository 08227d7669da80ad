# make demo   install, ingest the sample archive, serve on http://127.0.0.1:8080 (PORT=… EPNTAP_HOME=…)
# make test   install and run the whole test suite against real PostgreSQL (WORKERS=… PYTEST_ARGS=…)
# make check  lint, types, import contract
# make bench  measure the budgets as ratios in one run
# make lock   write constraints.txt anew: the newest versions that pyproject.toml allows
# make speasy install Speasy in an environment of its own, for the tests that ask it
# make tscat  install TSCat likewise
# make accept what is too big for every run: the full amdadb, kill tests, all examples of properties

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
# exact versions; CONSTRAINTS= takes the newest that pyproject.toml allows
CONSTRAINTS ?= constraints.txt
# clients of the tests; what they depend on is not what the service depends on
SPEASY := speasy==1.9.1
TSCAT := tscat==0.5.1
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
export EPNTAP_HOME

.PHONY: demo test check docs bench speasy tscat accept format lock clean

$(VENV)/demo.stamp: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	touch $@

$(VENV)/dev.stamp: pyproject.toml $(CONSTRAINTS) $(VENV)/demo.stamp
	$(INSTALL) -e '.[dev,docs]'
	touch $@

demo: $(VENV)/demo.stamp
	$(BIN)/epntap demo --port $(PORT)

test: $(VENV)/dev.stamp
	$(BIN)/python -m tests $(if $(WORKERS),--workers $(WORKERS)) $(PYTEST_ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the site at /help; nothing is done where it is there and its pages have not changed
docs: $(VENV)/dev.stamp
	$(BIN)/python docs/_site/build_site.py

bench: $(VENV)/dev.stamp
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

build/speasy/stamp: Makefile
	$(PYTHON) -m venv build/speasy
	build/speasy/bin/pip install --quiet --disable-pip-version-check $(SPEASY)
	touch $@

speasy: build/speasy/stamp

build/tscat/stamp: Makefile
	$(PYTHON) -m venv build/tscat
	build/tscat/bin/pip install --quiet --disable-pip-version-check $(TSCAT)
	touch $@

tscat: build/tscat/stamp

accept: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m accept -s $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m "hypothesis and not accept" --hypothesis-profile=thorough $(PYTEST_ARGS)

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	{ head -n 1 constraints.txt; build/lock/bin/pip freeze --exclude-editable | LC_ALL=C sort -f; } > build/lock/new
	mv build/lock/new constraints.txt && rm -rf build/lock

clean:
	rm -rf $(VENV) voweb/help/site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
