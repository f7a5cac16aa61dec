# make demo    install what is locked, then run the demo (ARGS=--headless ends after the summary)
# make test    every check and every test: what the continuous integration runs
# make check   format, lint, types and layers only
# make rehearse   a flip, a month of live billing, the way back, and a flip of all, on a demo of its own (ARGS="--in FOLDER" keeps it)
# make bench   each figure beside its limit
# make bench-metering   the pace at which pushed usage is taken, beside a bare INSERT of the same rows (ARGS=--help)
# make bench-delivery   the pace of messages beside a bare loop of the same HTTP client, and what bad endpoints cost the others
# make bench-odoo   the speed of a real Odoo (FCB_TEST_ODOO_URL …) beside a raw client
# make faults  200 imports with something going wrong in each, 200 ends each of the server, of its Postgres and of a receiver, and 1,000 of whoever has to do with messages on their way; FCB_TEST_SEED=17 plays one again
# make lock    resolve the requirements anew
# make clean   remove .venv; the demo's state is removed by `fcb reset`

SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
override VENV := .venv
# The one installer; an index or a cache is the machine's own configuration and never written here.
UV := $(VENV)/bin/uv --quiet
RUN := $(VENV)/bin/python -m
# Most of a test's time is waiting, and each process has a Postgres of its own.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadgroup

# What Python compiled once is kept: compiling all again is most of what starting a command costs, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: demo rehearse test check bench bench-metering bench-delivery bench-odoo faults lock clean again

# A virtual environment knows its own path and its Python: one that was moved, copied or lost its Python is made again.
ifneq ($(shell $(VENV)/bin/python -c 'import os; print(open("$(VENV)/place").read() == os.getcwd())' 2>/dev/null),True)
AGAIN := again
endif

# Paths are relative to this file, so that a folder with spaces and `make -C` work.
demo: $(VENV)/installed
	@$(VENV)/bin/fcb demo $(ARGS)

rehearse: $(VENV)/installed
	@$(VENV)/bin/fcb rehearse $(ARGS)

test: check
	@$(RUN) pytest $(SIDE_BY_SIDE) $(ARGS)

check: $(VENV)/installed-dev
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) mypy --python-version 3.10 fcb_host/src
	@$(VENV)/bin/lint-imports

bench: $(VENV)/installed-dev
	@$(RUN) benchmarks $(ARGS)

bench-metering: $(VENV)/installed-dev
	@$(RUN) benchmarks.metering $(ARGS)

bench-delivery: $(VENV)/installed-dev
	@$(RUN) benchmarks.delivery $(ARGS)

bench-odoo: $(VENV)/installed-dev
	@$(RUN) benchmarks.odoo $(ARGS)

faults: $(VENV)/installed-dev
	@FCB_TEST_ROUNDS=$${FCB_TEST_ROUNDS:-200} $(RUN) pytest fcb_pipelines_tests/faults/test_exactly_once.py fcb_pipelines_tests/faults/test_serve*.py fcb_pipelines_tests/api/test_idempotency_killed.py fcb_pipelines_tests/api/test_described.py fcb_pipelines_tests/receiver/test_faults.py $(ARGS)
	@FCB_TEST_ROUNDS=$${FCB_TEST_ROUNDS:-1000} $(RUN) pytest fcb_pipelines_tests/faults/test_journeys.py $(ARGS)

# A file that stays as it is keeps its time: a newer one asks for a new environment. What is locked already stays locked.
lock: $(VENV)/uv-installed
	@for each in requirements-bootstrap requirements requirements-dev; do \
		cp $$each.lock $$each.new && \
		$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --output-file $$each.new $$each.in || exit 1; \
		cmp -s $$each.new $$each.lock && rm $$each.new || mv $$each.new $$each.lock; \
	done

clean:
	rm -rf $(VENV)

# A stamp is written last: what was interrupted is done again, what is up to date is not looked at.
$(VENV)/installed: $(VENV)/uv-installed requirements.lock pyproject.toml fcb_host/pyproject.toml
	@echo "installing the locked dependencies" >&2
	@$(UV) pip install --python $(VENV)/bin/python --require-hashes -r requirements.lock
	@$(UV) pip install --python $(VENV)/bin/python --no-deps --no-build-isolation -e ./fcb_host -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "installing the locked dependencies of the checks and tests" >&2
	@$(UV) pip install --python $(VENV)/bin/python --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/uv-installed: requirements-bootstrap.lock $(AGAIN)
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: run  apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed, $(PYTHON) is older: run  make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing: run  apt-get install python3-venv" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@$(VENV)/bin/python -c 'import os; open("$(VENV)/place", "w").write(os.getcwd())'
	@touch $@
