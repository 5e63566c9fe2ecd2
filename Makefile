# `make` creates .venv from requirements.lock; every other target uses it.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
WORKERS ?= 2

.PHONY: install demo check test lint bench bench-server soak lock build clean
.DEFAULT_GOAL := install

install: $(INSTALLED)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fts needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The stamp makes the installation run once, and again when what it installs from has changed.
$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
# An environment that writes no bytecode would translate these libraries anew in every process; the solver's loops are
# translated at their first call.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m fts solve tests/golden/example/auction.json --output /dev/null
	@touch $@

# The exchange with a dozen bidders, the dashboards and JupyterLab; Ctrl-C stops them together.
demo: $(INSTALLED)
	$(BIN)/fts demo

# One worker runs a whole file, so that what a file sets up is set up once.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov=fts --cov-report=term

# The fast tests of these folders, about a minute; tests/README.md describes the markers.
FAST := tests/exchange tests/models tests/project tests/viz/test_pictures.py tests/solver/test_certificate.py \
	tests/native/test_books.py tests/native/test_small_parts.py tests/native/test_canonical.py
check: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not (browser or slow or hypothesis)" $(FAST)

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini

# Prints each figure with its peer beside it, measured in the same run; the clearing's table is in bench.csv too. Cost
# over size is drawn where a file is named: make bench PNG=scaling.png
# BLAS picks the kernel and the block sizes of this machine.
bench: $(INSTALLED)
	@unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE; status=0; \
	for file in $$(grep -l __main__ tests/bench/*.py | grep -v -e native.py -e scaling.py); do $(BIN)/python $$file || status=1; done; \
	$(BIN)/python tests/bench/scaling.py $(if $(PNG),--png $(PNG)) || status=1; \
	$(BIN)/python tests/bench/native.py --csv bench.csv || status=1; exit $$status

# The exchange under load, from other processes; needs wrk.
bench-server: $(INSTALLED)
	@unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE; \
	$(BIN)/python tests/bench/server/exchange.py && $(BIN)/python tests/bench/server/events.py

# The properties again, each on thousands of random markets, and what else takes longer than a change should wait.
soak: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --soak --hypothesis-profile=soak -m "hypothesis or soak"

# Resolves the dependencies anew; for newer versions: make lock UPGRADE=--upgrade
lock: | $(BIN)/uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--quiet --output-file requirements.lock $(UPGRADE)

build: $(INSTALLED)
	$(BIN)/uv build --quiet --out-dir dist

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
