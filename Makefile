# Everything runs in .venv, which the first target that needs it sets up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINIMUM := .venv-minimum
EXTRAS := .venv-extras
BROWSER := .venv-browser
PROGRAM := .venv-program
DOCS := .venv-docs
GPU := .venv-gpu

.PHONY: train test long minimum extras browser program program-record gpu docs reproduce soak lint types unit clean

train: $(VENV)/train.stamp
	$(BIN)/python -m dcgan_jax.train --dataset=digits

test: lint types unit

# Two processes; a file's tests run in one, so that what they share is made once.
TWO := -n 2 --dist loadfile

# What `make test` leaves out, since each of them takes many seconds.
long: $(VENV)/test.stamp
	$(BIN)/pytest $(TWO) --durations=10 -m 'long and not slow'

LONG_TOO := -m 'not slow and not browser'

# With the oldest versions that pyproject.toml allows, the tests of what calls JAX, Flax,
# optax and orbax; programs are compiled as users do, which the tests else do not.
minimum: $(MINIMUM)/test.stamp
	XLA_FLAGS= $(MINIMUM)/bin/pytest $(TWO) $(LONG_TOO) tests/gan tests/models tests/runs tests/sample tests/train tests/features tests/latent tests/visualize

# The tests that `unit` skips for want of torch-fidelity, PyTorch, ONNX and notebooks.
# EXTRAS_TORCH may name a release of PyTorch of which there is a small build at hand.
EXTRAS_TORCH ?= torch
extras: $(EXTRAS)/test.stamp
	$(EXTRAS)/bin/pytest $(TWO) $(LONG_TOO) $(addprefix tests/evaluate/test_,fidelity.py quality.py following.py) \
		tests/export/test_main.py tests/experiments/test_notebooks.py

# The explorer's page in Chromium, which the system provides (apt-get install chromium).
browser: $(BROWSER)/test.stamp
	$(BROWSER)/bin/pytest -m browser tests/explore

# What a training step compiles to for a GPU, which need not be there. The counts are
# those of one release of XLA; `make program-record` writes them anew.
PROGRAM_JAX := 0.10.2
program: $(PROGRAM)/test.stamp
	XLA_FLAGS= $(PROGRAM)/bin/pytest -p no:cacheprovider tests/experiments/benchmarks/test_gpu_program.py

program-record: $(PROGRAM)/test.stamp
	$(PROGRAM)/bin/python experiments/benchmarks/gpu_program.py

# On a machine with an NVIDIA GPU: the tests of what it may compute otherwise than a CPU,
# about 5 minutes, then the benchmarks, about 10. Sums have an order of their own there
# only with XLA's deterministic operations, which the tests of equal bits need.
GPU_XLA := --xla_gpu_deterministic_ops=true
gpu:
	@nvidia-smi -L > /dev/null 2>&1 || { echo "make gpu needs an NVIDIA GPU, and nvidia-smi finds none on this machine" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(GPU)/test.stamp
	XLA_FLAGS="$$XLA_FLAGS $(GPU_XLA)" XLA_PYTHON_CLIENT_PREALLOCATE=false $(GPU)/bin/pytest -p no:benchmark -m 'gpu and not slow' tests
	$(GPU)/bin/python experiments/benchmarks/train_step.py --device=gpu
	$(GPU)/bin/python experiments/benchmarks/train_rate.py --device=gpu

# The documentation, into site/. Warnings are errors. It reads the docstrings without
# importing the package, so that its environment is small.
docs: $(DOCS)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/mypy

unit: $(VENV)/test.stamp
	$(BIN)/pytest $(TWO) --durations=10

# Every table and figure of the papers: what is there and what is not. With
# REPRODUCE_FLAGS=--fast all scripts run, small, in minutes.
reproduce: $(VENV)/test.stamp
	$(BIN)/python experiments/paper/all.py $(REPRODUCE_FLAGS)

# Hours; a part that was stopped goes on where it was.
soak: $(VENV)/test.stamp
	$(BIN)/python experiments/faults/reliability.py $(SOAK_FLAGS)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/train.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/test.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/train.stamp

$(MINIMUM)/test.stamp: pyproject.toml tests/minimum_versions.txt
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/pip install --quiet --editable '.[test]' --constraint tests/minimum_versions.txt
	touch $@

$(EXTRAS)/test.stamp: pyproject.toml
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/pip install --quiet --editable '.[eval,onnx,notebooks]' $(EXTRAS_TORCH) 'pytest>=9.0' 'pytest-xdist>=3.6'
	touch $@

$(BROWSER)/test.stamp: pyproject.toml
	$(PYTHON) -m venv $(BROWSER)
	$(BROWSER)/bin/pip install --quiet --editable '.[browser]'
	touch $@

# JAX's plugin alone: the libraries of CUDA are not needed to compile.
$(PROGRAM)/test.stamp: pyproject.toml Makefile
	$(PYTHON) -m venv $(PROGRAM)
	$(PROGRAM)/bin/pip install --quiet --editable . 'pytest>=9.0' jax==$(PROGRAM_JAX) jaxlib==$(PROGRAM_JAX)
	$(PROGRAM)/bin/pip install --quiet --no-deps jax-cuda13-plugin==$(PROGRAM_JAX) jax-cuda13-pjrt==$(PROGRAM_JAX)
	touch $@

$(GPU)/test.stamp: pyproject.toml
	$(PYTHON) -m venv $(GPU)
	$(GPU)/bin/pip install --quiet --editable '.[test,bench,cuda13]'
	touch $@

READ_DOCS_EXTRA := import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print(*extras["docs"])
$(DOCS)/docs.stamp: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet $$($(DOCS)/bin/python -c '$(READ_DOCS_EXTRA)')
	touch $@

clean:
	rm -rf $(VENV) $(MINIMUM) $(EXTRAS) $(BROWSER) $(PROGRAM) $(GPU) $(DOCS) site
