# `make demo` and `make test` do all the set-up on a fresh machine; they need Python 3.11+, make and git.
PYTHON ?= python3
VENV ?= .venv
EXPORT_VENV ?= .venv-export
BIN := $(VENV)/bin
EXPORT_BIN := $(EXPORT_VENV)/bin
TORCH ?= torch==2.13.0

.PHONY: demo test test-export check bench format clean

demo: $(VENV)/.installed
	$(BIN)/retouch demo --output out

test: $(VENV)/.check-installed
	$(BIN)/python -m pytest -q -m "not torch" -n auto --dist loadfile

# The export stage alone needs PyTorch; it gets an environment of its own.
test-export: $(EXPORT_VENV)/.installed
	$(EXPORT_BIN)/python -m pytest -q tests/export tests/models/test_pull.py

check: $(VENV)/.check-installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

bench: $(VENV)/.check-installed $(EXPORT_VENV)/.installed
	$(BIN)/python tests/bench/peers.py --peer-python $(EXPORT_BIN)/python

format: $(VENV)/.check-installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all-cpu]'
	touch $@

$(VENV)/.check-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --upgrade --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group check
	touch $@

$(EXPORT_VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(EXPORT_VENV)
	$(EXPORT_BIN)/python -m pip install --quiet --upgrade --disable-pip-version-check 'pip>=25.1'
	$(EXPORT_BIN)/python -m pip install --quiet $(TORCH)
	$(EXPORT_BIN)/python -m pip install --quiet -e '.[export,cpu]' --group check --group check-export
	$(EXPORT_BIN)/python -m pip install --quiet --no-deps open_clip_torch   # for CLIP's vocabulary alone
	touch $@

clean:
	rm -rf $(VENV) $(EXPORT_VENV) out build dist
