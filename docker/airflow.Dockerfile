# Airflow with the DAGs, and with Spark: standalone clusters take Python in client mode only, so drivers run in here.
# The first layers are those of spark.Dockerfile.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt ./
RUN pip install --no-cache-dir --constraint constraints.txt uv \
 && python -m venv /opt/steelyard \
 && uv pip install --python /opt/steelyard/bin/python --no-cache --compile-bytecode \
    --constraint constraints.txt --requirement pyproject.toml --extra airflow pyspark faiss-cpu
COPY README.md LICENSE ./
COPY expectations expectations
COPY pipelines/steelyard pipelines/steelyard
RUN uv build --no-cache --wheel --out-dir /dist

FROM python:3.11-slim-bookworm
# No version: a Java with Debian's latest fixes is wanted, and old ones leave the mirrors.
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install --yes --no-install-recommends openjdk-17-jre-headless tini \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/steelyard /opt/steelyard
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    /opt/steelyard/bin/python -m pip install --no-cache-dir --no-deps /dist/*.whl \
 && ln -s /opt/steelyard/lib/python3.11/site-packages/pyspark /opt/spark
ENV PATH=/opt/steelyard/bin:$PATH \
    PYSPARK_PYTHON=/opt/steelyard/bin/python \
    SPARK_HOME=/opt/spark \
    SPARK_CONF_DIR=/etc/spark \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/srv/steelyard/dags \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://localhost:8080/execution/
COPY docker/spark-defaults.conf /etc/spark/
COPY spark_jobs /srv/steelyard/spark_jobs
COPY dags /srv/steelyard/dags

ARG UID=1000
RUN useradd --uid "$UID" --create-home steelyard \
 && install --directory --owner=steelyard /var/lib/spark/events /var/lib/airflow /srv/steelyard/runs
USER $UID
WORKDIR /srv/steelyard
EXPOSE 8080
# Scheduler, DAG processor, triggerer and database, and that the API answers at all.
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --start-interval=3s CMD ["python", "-c", "\
import json, sys, urllib.request as web; \
found = json.load(web.urlopen('http://localhost:8080/api/v2/monitor/health')); \
sys.exit(any(part['status'] != 'healthy' for part in found.values()))"]
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "standalone"]
