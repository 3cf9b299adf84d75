# Spark with steelyard: master, workers, history server and jobs are this one image; compose.yaml says what each runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt ./
# The libraries first, since they change less often than steelyard. uv heeds what [tool.uv] leaves out, pip doesn't.
RUN pip install --no-cache-dir --constraint constraints.txt uv \
 && python -m venv /opt/steelyard \
 && uv pip install --python /opt/steelyard/bin/python --no-cache --compile-bytecode \
    --constraint constraints.txt --requirement pyproject.toml pyspark faiss-cpu
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
    SPARK_WORKER_DIR=/var/lib/spark/work
COPY docker/spark-defaults.conf /etc/spark/
COPY spark_jobs /srv/steelyard/spark_jobs

# Whoever shall own what is written to mounted folders. Java and Spark need the number to have a name.
ARG UID=1000
RUN useradd --uid "$UID" --create-home steelyard \
 && install --directory --owner=steelyard /var/lib/spark/events /var/lib/spark/work /srv/steelyard/runs
USER $UID
WORKDIR /srv/steelyard
# Spark's Python workers outlive the executors that started them: somebody must collect them.
ENTRYPOINT ["tini", "--"]
