# Two commands: `make run` answers the example, `make test` checks everything.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PREDICT ?= 10
# What tests on a real scheduler may take, each kind for itself: a hung daemon must not hang all.
SERVICE_BUDGET_S ?= 600
# Many tests wait, for servers, children and clocks: half as many workers again as cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) '*' 3 / 2)
SERVICES := suite-slurm suite-ray
SUITES := suite-main suite-services

# On machines that only test, whatever is missing is a failure.
ifeq ($(CI),true)
export SEEDFLEET_REQUIRE_RUNTIMES := 1
endif

.PHONY: help run test $(SUITES) $(SERVICES) lint calibration bench lock clean

help:
	@echo "make run         set up $(VENV) and recover the generator behind examples/java_daily3.json"
	@echo "make test        set up $(VENV) and run every check that CI runs"
	@echo "make calibration set up $(VENV) and run the long calibration of the evidence"
	@echo "make bench       set up $(VENV) and print the benchmark tables"
	@echo "make lock        write requirements/*.lock anew from pyproject.toml"
	@echo "make clean       remove $(VENV)"

run: $(VENV)/trace.stamp
	$(BIN)/seedfleet trace recover examples/java_daily3.json --predict $(PREDICT)

# A red suite hides none of the others.
test: lint
	@$(MAKE) -j1 --no-print-directory --keep-going $(SUITES)

suite-main: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not calibration and not slurm and not ray"

# They wait more than they work, so side by side.
suite-services: $(VENV)/dev.stamp
	@$(MAKE) -j2 --output-sync=target --no-print-directory --keep-going $(SERVICES)

$(SERVICES): suite-%: $(VENV)/dev.stamp
	timeout -k 30 $(SERVICE_BUDGET_S) $(BIN)/python -m pytest -n auto --dist loadfile -m $* tests

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

calibration: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m calibration tests/evidence

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

lock: $(VENV)/dev.stamp
	sh tools/lock.sh $(BIN)/python

clean:
	rm -rf $(VENV)

$(VENV)/%.stamp: requirements/%.lock pyproject.toml tools/setup_venv.sh
	@sh tools/setup_venv.sh $(PYTHON) $(VENV) $*
	@touch $@
