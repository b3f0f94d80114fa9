# MLflow's server. Airflow's image has its client alone.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

ARG PIP_INDEX_URL=
COPY docker/installer.requirements.txt docker/mlflow.requirements.txt /tmp/
RUN set -eu; \
    index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || echo https://pypi.org/simple)}; \
    pip install --quiet --root-user-action=ignore --no-cache-dir --no-compile --target /tmp/uv \
        --index-url "$index" --require-hashes -r /tmp/installer.requirements.txt; \
    python -m venv --without-pip /opt/venv; \
    UV_CACHE_DIR=/tmp/cache UV_DEFAULT_INDEX=$index /tmp/uv/bin/uv pip install --quiet --compile-bytecode \
        --require-hashes --python /opt/venv/bin/python -r /tmp/mlflow.requirements.txt; \
    rm -rf /tmp/*; \
    groupadd --gid 10001 airloop; \
    useradd --uid 10001 --gid airloop --create-home --shell /usr/sbin/nologin airloop; \
    install -d -o airloop -g airloop -m 750 /srv/mlflow

ENV PATH=/opt/venv/bin:$PATH \
    MLFLOW_DISABLE_TELEMETRY=true
COPY docker/answers.py /opt/answers.py
WORKDIR /srv/mlflow
USER 10001:10001
EXPOSE 5000
# Migrates its tables, or makes them, before it serves. The password is in the environment, not among the arguments.
CMD ["sh", "-c", "mlflow db upgrade \"$MLFLOW_BACKEND_STORE_URI\" && exec mlflow server --host 0.0.0.0 --port 5000 \
    --workers 1 --serve-artifacts --artifacts-destination /srv/mlflow/artifacts"]
