# Every target does its own set-up: a virtual environment in VENV with what the target needs.
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= cli,test
BIN    := $(VENV)/bin
TEST   ?= -n 2 --dist loadfile -q

# The plugins are distributions of their own; what tests and checks them installs all of them.
PLUGINS := $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
COMMA   := ,

.DEFAULT_GOAL := help
.PHONY: help train test lint bench clean

help:  ## say what the targets are
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# One stamp for each set of extras, so that "make train" does not install what only tests need.
$(VENV)/.with-%: pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS))
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.version_info >= (3, 11) or sys.exit("nncore needs Python 3.11 or newer, and $(PYTHON) is " + v + "; name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing nncore[$*] into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]' \
		$(if $(filter test lint,$(subst $(COMMA), ,$*)),$(addprefix --editable ,$(PLUGINS)))
	@touch $@

train: $(VENV)/.with-cli  ## train a convolutional network on handwritten digits; ARGS= for options
	$(BIN)/nncore train $(ARGS)

test: $(VENV)/.with-$(EXTRAS)  ## run the tests; EXTRAS=cli,test,jax for the JAX ones too
	$(BIN)/python -m pytest $(TEST) $(ARGS)

lint: $(VENV)/.with-cli,lint  ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.with-cli  ## measure; writes JSON into benchmarks/results
	$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove environments and caches
	rm -rf $(VENV) .venv* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
