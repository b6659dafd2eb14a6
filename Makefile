# Everything runs in a .venv of the project's own, made with uv where it is there and with pip otherwise.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

ifeq ($(UV),)
  MAKE_VENV   = test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
  INSTALL     = $(BIN)/python -m pip install --quiet --disable-pip-version-check
else
  MAKE_VENV   = test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
  INSTALL     = uv pip install --quiet --python $(BIN)/python
endif

.PHONY: demo test soak check bench format clean

demo: $(VENV)/.demo ## run the main job: invoices from file to booked
	$(BIN)/python -m examples.invoices

test: $(VENV)/.dev ## run every test
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage report

soak: $(VENV)/.dev ## kill workers by the dozen, then take long walks through the ledger's states; about an hour
	ABPO_SOAK=1 $(BIN)/python -m pytest tests/soak tests/ledger/test_states.py tests/gates/machine

check: $(VENV)/.dev ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(VENV)/.bench ## measure; see benchmarks/README.md
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.demo: pyproject.toml
	@echo "setting up $(VENV) (once)"
	@$(MAKE_VENV)
	@$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@echo "adding the peers to measure against (once)"
	@$(INSTALL) -e '.[bench]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@echo "adding the tools for tests and checks (once)"
	@$(INSTALL) -e '.[dev]'
	@touch $@
