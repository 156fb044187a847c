# `make` lists the targets. Each makes .venv first where it is missing or older than the lock.

VENV := .venv
# Python compiles a module when it is first used, rather than pip all of them.
PIP := $(VENV)/bin/pip install -qq --disable-pip-version-check --no-compile
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

# The first of these that TensorFlow has wheels for, and whose tarfile unpacks safely (PEP 706);
# `make PYTHON=/path/to/python` chooses.
SUPPORTED := (3, 11, 4) <= sys.version_info < (3, 14)
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not $(SUPPORTED))' 2>/dev/null \
	&& echo $$name && break; done)

.DEFAULT_GOAL := help
.PHONY: help repro test test-all fuzz soak audit check bench bench-all ui results changes stale verify replicate \
	merge-driver plots-page lock upgrade resolve versions

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "make %-13s %s\n", $$1, $$2 }'

repro: $(VENV)/installed ## Run what is not up to date of the whole study
	@$(VENV)/bin/dvc repro
	@# A stage whose results are up to date does not run: its run in MLflow is written from them.
	@$(VENV)/bin/mnist-study sync || true

test: $(VENV)/developing ## Run the tests, in about five minutes
	@$(VENV)/bin/pytest -q -m 'not slow'

test-all: $(VENV)/developing ## Run all tests, the slow ones too
	@$(VENV)/bin/pytest -q

RUNS ?= 1000000
TARGET ?=
JOBS ?= 1
fuzz: $(VENV)/developing ## Look for inputs that break a reader: RUNS of each, for hours; of one TARGET
	@PYTHONPATH=src $(VENV)/bin/python -m tests.fuzz --runs $(RUNS) --jobs $(JOBS) $(TARGET)

MINUTES ?= 30
EXPERIMENTS ?= 200
soak: $(VENV)/developing ## Run EXPERIMENTS for MINUTES while processes are killed; see what is left
	@PYTHONPATH=src $(VENV)/bin/python -m tests.soak --minutes $(MINUTES) --experiments $(EXPERIMENTS)

# .ci/audit-ignored lists findings that are answered: an id, and why it does not matter here.
audit: ## Look the locks' packages up among known vulnerabilities; needs the network and pip-audit
	@ignored=$$(sed -n 's/^\([A-Za-z0-9-]*\): .*/--ignore-vuln \1/p' .ci/audit-ignored); \
	for lock in requirements.lock requirements-dev.lock; do \
		pip-audit --strict --disable-pip --no-deps --require-hashes --requirement $$lock $$ignored || exit 1; done

check: $(VENV)/developing ## Check lint, format, types and workflows
	@$(LOCKED) | awk '!seen[$$1]++' | while read name version; do \
		received=$$(sed -nE "/^libraries:/,\$$s/^  $$name: [\"']?([^\"' #]*).*/\1/p" params.yaml); \
		test -z "$$received" || test "$$received" = "$$version" || { \
			echo "error: params.yaml: libraries.$$name: expected $$version, as in requirements.lock, received" \
				"$$received; run make versions and make repro"; exit 1; }; done
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check . || { echo 'format differs; mend it with: ruff format .'; exit 1; }
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/zizmor --offline --quiet --no-progress .github/workflows
	@if command -v actionlint >/dev/null; then actionlint; \
		else echo 'actionlint is not installed: its check of the workflows is left out'; fi

# A clone has no data. Where nothing that is stale needs any, none are brought. Otherwise they come from
# DVC's cache, from the default remote where there is one that answers, or from the sources.
results: $(VENV)/installed ## Run what a change made stale, and bring or make what that needs
	@mkdir -p changes
	@{ $(VENV)/bin/dvc repro --allow-missing 2>&1 || echo 'not all of it ran'; } | tee changes/repro.log
	@! tail -n 1 changes/repro.log | grep -qx 'not all of it ran' || { \
		grep -q '^ERROR: failed to reproduce .*: .Errno 2. No such file' changes/repro.log || exit 1; \
		echo 'That stage needs data that are not in this folder: bringing or making them.'; \
		test -z "$$($(VENV)/bin/dvc config core.remote)" || $(VENV)/bin/dvc fetch --quiet --run-cache || \
			echo 'What could not be fetched from the remote is made again.'; \
		$(VENV)/bin/dvc checkout --quiet --allow-missing; \
		$(VENV)/bin/dvc repro; }
	@test -f report/index.html || $(VENV)/bin/dvc checkout --quiet report/index.html 2>/dev/null \
		|| $(VENV)/bin/dvc repro --quiet --single-item --force report

BASE ?= main
changes: $(VENV)/installed ## Say in changes/ what differs from BASE; fail for a significant loss
	@mkdir -p changes
	@case '$(BASE)' in \
	''|*[!0]*) ;; \
	*) echo 'BASE=$(BASE): a new branch has no base to compare with' | tee changes/comment.md; exit;; \
	esac; \
	git rev-parse --verify --quiet '$(BASE)^{commit}' >/dev/null || { \
		echo 'error: BASE=$(BASE): expected a commit, branch or tag, found none of that name'; exit 1; }; \
	$(VENV)/bin/mnist-study diff '$(BASE)' workspace --md --images changes/images --image-url images \
		> changes/index.md || true; \
	$(VENV)/bin/mnist-study diff '$(BASE)' workspace --md > changes/comment.md || test $$? -eq 2

stale: $(VENV)/installed ## Fail if the committed results are not those of the committed code
	@$(VENV)/bin/mnist-study stale

verify: $(VENV)/installed ## Run all of HEAD again in a clone, and compare every byte
	@$(VENV)/bin/mnist-study verify

replicate: $(VENV)/installed ## Train both nets with ten seeds; interrupted, it goes on where it stopped
	@$(VENV)/bin/mnist-study replicate
	@$(VENV)/bin/dvc repro

# Another interpreter with PyTorch, JAX and Optax, to measure them too: docs/benchmarks.md.
PEERS ?=
BENCHMARKS := pipeline loops steps time_to_accuracy instruction_sets throughput growth pictures
bench: $(VENV)/developing data/raw ## Take a quick look at the benchmarks, in under ten minutes
	@for name in $(filter-out throughput time_to_accuracy,$(BENCHMARKS)); do $(MAKE) --no-print-directory bench-$$name SHORT=--short || exit 1; done

bench-all: $(VENV)/developing data/raw ## Measure everything for the record, for some hours
	@for name in $(BENCHMARKS); do $(MAKE) --no-print-directory bench-$$name || exit 1; done
	@$(MAKE) --no-print-directory bench-processors
	@$(VENV)/bin/python -m benchmarks.tables

bench-steps bench-time_to_accuracy: SHORT += $(if $(PEERS),--peers $(PEERS))
bench-%:
	@echo 'benchmarks.$*:' && PYTHONPATH=src $(VENV)/bin/python -m benchmarks.$* $(SHORT)

data/raw:
	@$(VENV)/bin/dvc repro --quiet fetch

# `true` succeeds and changes nothing: the file stays as this branch has it. See .gitattributes.
merge-driver: ## Have Git merge what the pipeline makes without conflicts, in this clone
	@! git rev-parse --git-dir >/dev/null 2>&1 || { \
		git config merge.generated.name 'keep ours; make repro makes it anew' && \
		git config merge.generated.driver true; }

plots-page: ## Bundle the page of `dvc plots` anew, from npm
	@.dvc/plots/build

ui: $(VENV)/installed ## Open MLflow's pages on the results, a row an experiment, the best first
	@$(VENV)/bin/mnist-study ui || test $$? -eq 130

# One version for every Python, since results depend on it: params.yaml names those that matter.
# requirements-dev.lock has what only developers need, beside requirements.lock and with its versions.
RESOLVE := $(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11.4 \
	--generate-hashes --fork-strategy fewest --no-emit-index-url --no-annotate --no-header --quiet
LOCKED := sed -nE 's/^([A-Za-z0-9._-]+)==([^ ]+).*/\1 \2/p' requirements.lock requirements-dev.lock

lock: $(VENV)/developing ## Resolve both locks anew from pyproject.toml
	@$(MAKE) --no-print-directory resolve UPGRADE=--upgrade

PACKAGE ?=
upgrade: $(VENV)/developing ## Upgrade one PACKAGE, with what needs it; say what that makes stale
	@$(LOCKED) | grep -qi '^$(PACKAGE) ' || { \
		echo "error: PACKAGE=$(PACKAGE): expected a package of the locks, found none of that name"; exit 1; }
	@$(LOCKED) > $(VENV)/before
	@$(MAKE) --no-print-directory resolve UPGRADE='--upgrade-package $(PACKAGE)'
	@$(LOCKED) | diff $(VENV)/before - | sed -n 's/^</was/p; s/^>/now/p' | grep . \
		|| echo '$(PACKAGE): pyproject.toml, or another package, allows no newer version'
	@$(MAKE) --no-print-directory $(VENV)/developing
	@$(VENV)/bin/mnist-study stale workspace || test $$? -eq 1

resolve:
	@$(RESOLVE) $(UPGRADE) --group install --output-file requirements.lock
	@$(RESOLVE) $(UPGRADE) --group install --group dev --constraints requirements.lock \
		--output-file requirements-dev.lock
	@awk '/^[^ ]/ { keep = FILENAME != ARGV[1] && !($$0 in seen); seen[$$0] } keep' \
		requirements.lock requirements-dev.lock > $(VENV)/dev.lock && mv $(VENV)/dev.lock requirements-dev.lock
	@$(MAKE) --no-print-directory versions

versions: ## Write the versions of requirements.lock that results depend on into params.yaml
	@$(LOCKED) | awk '!seen[$$1]++' | while read name version; do \
		sed -i.old -E "/^libraries:/,\$$s/^(  $$name: )[^ #]*/\1\"$$version\"/" params.yaml; done; rm params.yaml.old

# The project itself, so that `mnist-study` is a command.
$(VENV)/installed: $(VENV)/locked pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@for packages in $(VENV)/lib/python3.*/site-packages; do \
		test ! -d "$$packages" || cp src/studykit/dvc.pth "$$packages" || exit 1; done
	@$(MAKE) --no-print-directory merge-driver
	@touch $@

$(VENV)/developing: $(VENV)/installed requirements-dev.lock
	@$(PIP) --require-hashes --requirement requirements.lock --requirement requirements-dev.lock
	@touch $@

# What is there stays, with whatever else was installed, unless it was not finished or is of another Python.
$(VENV)/locked: requirements.lock
	@# What a link leads to may be in use elsewhere.
	@test ! -L $(VENV) || { echo "error: $(VENV): expected a folder, received a link; remove it"; exit 1; }
	@test -n "$(PYTHON)" || { echo "error: expected Python 3.11.4 to 3.13 with venv," \
		"received $$(python3 --version 2>&1); install one, or name it: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; $(SUPPORTED) or sys.exit("error: expected Python 3.11.4 to 3.13," \
		" received %d.%d.%d; name another: make PYTHON=..." % sys.version_info[:3])'
	@echo "Installing into $(VENV) from requirements.lock; this takes a few minutes, once."
	@test -f $@ && test "$$($(VENV)/bin/python -V 2>&1)" = "$$($(PYTHON) -V 2>&1)" || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@$(PIP) --require-hashes --requirement requirements.lock || { \
		echo 'error: requirements.lock: not installed; if its versions do not go together: make upgrade PACKAGE=...'; exit 1; }
	@grep -q DVC_NO_ANALYTICS $(VENV)/bin/activate || \
		echo 'export DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true' >> $(VENV)/bin/activate
	@touch $@
