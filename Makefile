# make run    the whole of MIZZAP on this machine; Ctrl-C stops it
# make demo   PHOTOS=folder OUT=folder: the main job over your photos
# make check  make test    what CI runs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/common $(wildcard services/*) clients/python devstack
STAMP := $(VENV)/.installed

.PHONY: install run demo check test test-export format docs schemas lock quality chaos erasure fuzz bench bench-list bench-caches bench-targets clean

install: $(STAMP)

# --no-deps: the lock is complete, and pip has nothing left to resolve
$(STAMP): requirements/dev.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MIZZAP needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11.")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ./,$(PACKAGES))
	$(BIN)/python -m mizzap_devstack.tower
	@touch $@

run: install
	@$(BIN)/mizzap-devstack up

# PHOTOS and OUT come as the environment's, so that a name may have blanks and quotes in it
demo: install
	@$(BIN)/python -m mizzap_devstack.demo $(BIN)/mizzap demo $${PHOTOS:+--photos "$$PHOTOS"} --out "$${OUT:-out}"

# --- what is checked ---------------------------------------------------------------------------------------------

check: install
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy $(addprefix -p mizzap_,common auth photos albums thumbs dedup curation gateway client devstack)
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python tests/contract/check_migrations.py

test: install
	$(BIN)/pytest -m "not chaos and not bench and not erasure" --quiet

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install
	$(BIN)/python docs/generate.py

schemas: install
	$(BIN)/python tests/contract/test_schemas.py

lock:
	requirements/compile

clean:
	rm -rf $(VENV) .venv-export .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# --- what is measured --------------------------------------------------------------------------------------------

chaos: install
	$(BIN)/pytest -m chaos tests/chaos -s -v

erasure: install
	$(BIN)/pytest -m erasure tests/flow/test_leaving.py -s -v

fuzz: install
	MIZZAP_FUZZ_EXAMPLES=300 $(BIN)/pytest -m "not chaos" tests/security/test_schema.py --timeout 3600 --quiet

bench: install
	$(BIN)/python -m tests.bench.bench $(if $(PHOTOS),--photos "$(PHOTOS)")

bench-list: install
	$(BIN)/python -m tests.bench.listing

bench-caches: install
	$(BIN)/python -m tests.bench.caches

bench-targets: install
	$(BIN)/python -m tests.bench.targets $(if $(PHOTOS),--photos "$(PHOTOS)")

quality: install
	$(BIN)/python -m tests.quality.duplicates --seeds 1 2 3
	$(BIN)/pytest tests/quality -s -v

# --- the model export, in an environment of its own: torch is no part of an ordinary install ------------------------

EXPORT := .venv-export

test-export: $(EXPORT)/.installed
	$(EXPORT)/bin/python -m pytest -c libs/model_export/pyproject.toml --quiet libs/model_export/tests

# torch differs between package indexes: by version, not by hash
$(EXPORT)/.installed: libs/model_export/requirements.lock libs/model_export/pyproject.toml libs/common/pyproject.toml
	$(PYTHON) -m venv $(EXPORT)
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r libs/model_export/requirements.lock
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./libs/common
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ./libs/model_export
	@touch $@
