# make demo: set up and run the whole pipeline on made-up card transactions.
# make test: set up, with what tests need, and run the suite.
PYTHON ?= python3
BIN := .venv/bin
# Each process of a test run imports the same modules, which should be compiled once.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo bench test test-defaults test-airflow test-deep test-members test-examples test-cluster test-faults test-long test-connect test-docker test-hostile check lint types contracts docker-lint dist submit clean

help:
	@grep -E '^# make' Makefile | sed 's/^# //'

.venv/ready:
	@command -v $(PYTHON) >/dev/null || { echo "steelyard needs Python 3.11 or later; $(PYTHON) was not found (set PYTHON=…)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "steelyard needs Python 3.11 or later, but $(PYTHON) is $$($(PYTHON) -V); set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@touch $@

.venv/local: .venv/ready pyproject.toml constraints.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[local]'
	@touch $@

.venv/test: .venv/local pyproject.toml constraints.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[local,airflow,test]'
	@touch $@

# By pip, which finds wheels as it is set up here: torch for CPUs is a tenth of torch for CUDA.
.venv/deep: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch safetensors
	@touch $@

# Members of ensembles that no test of `make test` needs. What they only draw with is left out.
.venv/members: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt lightgbm catboost
	@touch $@

# Spark's classes for tests, parsed once.
.venv/classes.jsa: .venv/test tests/class_archive.py tests/java_options.py
	@$(BIN)/python tests/class_archive.py 2>.venv/classes.log || \
		{ echo "no archive of Java's classes (.venv/classes.log): tests start slowly"; touch $@; }

demo: .venv/local
	$(BIN)/steelyard demo

test: .venv/classes.jsa
	$(BIN)/python -m pytest $(ARGS)

# make test-defaults: the same rows from any partitioning, with Spark's defaults (adaptive plans, compiled), once more.
test-defaults: .venv/classes.jsa
	STEELYARD_TEST_DEFAULTS=1 $(BIN)/python -m pytest -n 0 -m invariance $$(grep -rlw invariance tests/spark --include='*.py') $(ARGS)

# make test-examples: the example pipelines on the public tables that they are for.
test-examples: .venv/classes.jsa
	$(BIN)/python -m pytest -m examples tests/jobs $(ARGS)

# make test-deep: the neural network; installs torch, 200 MB or, with CUDA, several GB. Without torch it is skipped.
test-deep: .venv/deep .venv/classes.jsa
	$(BIN)/python -m pytest -n 0 -k 'network or neural' tests/simulation/test_network.py tests/simulation/test_monotone_network.py tests/spark/test_neural_network.py tests/spark/test_trainers.py $(ARGS)

# make test-members: ensembles of LightGBM and CatBoost; installs both, 100 MB. Without them they are skipped.
test-members: .venv/members
	$(BIN)/python -m pytest -n 0 tests/simulation/test_local_learner.py $(ARGS)

# make test-airflow: whole DAGs for real, by a scheduler and a Spark cluster that all tests share.
test-airflow: .venv/classes.jsa
	$(BIN)/python -m pytest -n 0 -m airflow_run tests/dags $(ARGS)

# make test-cluster: every stage through spark-submit on a Spark cluster, and a cluster that loses machines.
test-cluster: dist .venv/classes.jsa
	$(BIN)/python -m pytest -n 0 -m cluster tests/cluster $(ARGS)

# make test-faults: the long matrix of such losses, stage by stage; by hand.
test-faults: .venv/classes.jsa
	$(BIN)/python -m pytest -n 0 -m faults tests/cluster $(ARGS)

# make test-hostile: 2,000 hostile tables and bad commands (STEELYARD_HOSTILE_CASES for more); by hand.
test-hostile: .venv/classes.jsa
	$(BIN)/python -m pytest -m hostile tests/hostile $(ARGS)

# make test-long: checks that `make test` runs in part: on more samplers, trainers, tables and partitionings.
test-long: .venv/classes.jsa
	$(BIN)/python -m pytest -m long $(ARGS)

# make test-connect: data parts and models on Spark Connect, on a server of their own and on one in another process. Their
# other tests are those of classic sessions, run once more, without partitionings.
ON_CONNECT := tests/spark/guards $(patsubst %,tests/spark/test_%.py,neighbors splitting grouped_splits folds metrics tree_trainers)
test-connect: .venv/classes.jsa
	SPARK_TESTING=1 STEELYARD_TEST_REMOTE='local[2]' $(BIN)/python -m pytest --dist loadfile -m 'not classic and not invariance and not long' tests/connect $(ON_CONNECT) $(ARGS)

# make test-docker: the containers of docker/, built, started and used, where a Docker engine runs.
test-docker: .venv/test
	$(BIN)/python -m pytest -n 0 -m docker tests/docker $(ARGS)

# make check: lint, types, import contracts, Dockerfiles and compose.yaml.
check: lint types contracts docker-lint

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test
	$(BIN)/mypy

contracts: .venv/test
	$(BIN)/lint-imports

# Needs no engine, but Compose 2, as a plugin of Docker or by itself (COMPOSE=docker-compose).
COMPOSE ?= docker compose
docker-lint: .venv/test
	$(BIN)/hadolint docker/*.Dockerfile
	@if $(COMPOSE) version >/dev/null 2>&1; then $(COMPOSE) -f docker/compose.yaml config --quiet; \
	else echo "docker/compose.yaml was NOT checked: there is no Compose ($(COMPOSE))"; fi

# make bench: the table of speed, next to a script and to each part's best peer; ARGS=--full for full sizes.
bench: .venv/test
	$(BIN)/python benchmarks/bench.py $(ARGS)

# make dist: the wheel, and the zip that spark-submit's --py-files takes.
dist: .venv/test
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist .
	for wheel in dist/*.whl; do cp "$$wheel" "$${wheel%.whl}.zip"; done

# make submit STAGE=split PIPELINE=pipelines/card_fraud.yaml RUN=r1 ARGS="--set data.path=…": one stage through spark-submit.
submit: .venv/local
	@test -n "$(STAGE)" -a -n "$(PIPELINE)" || { echo "usage: make submit STAGE=split PIPELINE=pipelines/card_fraud.yaml RUN=r1"; exit 2; }
	SPARK_HOME="$$($(BIN)/python -c 'import pyspark, os; print(os.path.dirname(pyspark.__file__))')" \
	PYSPARK_PYTHON="$(CURDIR)/$(BIN)/python" PYSPARK_DRIVER_PYTHON="$(CURDIR)/$(BIN)/python" \
	JAVA_HOME="$$($(BIN)/steelyard doctor --java-home)" \
	$(BIN)/spark-submit --conf spark.ui.showConsoleProgress=false $(SUBMIT_ARGS) \
	spark_jobs/job_$(STAGE).py --pipeline $(PIPELINE) --run-id $(or $(RUN),r1) $(ARGS)

clean:
	rm -rf .venv dist
