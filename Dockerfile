# The image of Airflow's services: locked packages in one layer, the project's code in the last one.
#
#     docker build -t airloop/airflow .
#
# An index of your own: --build-arg PIP_INDEX_URL=https://… ; a proxy: --build-arg https_proxy=… (Docker knows that name).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE}

ARG PIP_INDEX_URL=
COPY docker/installer.requirements.txt docker/airflow.requirements.txt /tmp/
# uv does in half a minute what takes pip three; both check every hash. Neither stays, nor what they downloaded.
RUN set -eu; \
    index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || echo https://pypi.org/simple)}; \
    pip install --quiet --root-user-action=ignore --no-cache-dir --no-compile --target /tmp/uv \
        --index-url "$index" --require-hashes -r /tmp/installer.requirements.txt; \
    python -m venv --without-pip /opt/venv; \
    UV_CACHE_DIR=/tmp/cache UV_DEFAULT_INDEX=$index /tmp/uv/bin/uv pip install --quiet --compile-bytecode \
        --require-hashes --python /opt/venv/bin/python -r /tmp/airflow.requirements.txt; \
    rm -rf /tmp/*; \
    groupadd --gid 10001 airloop; \
    useradd --uid 10001 --gid airloop --create-home --shell /usr/sbin/nologin airloop; \
    # A named volume takes over owner and mode of the folder that it is first mounted on.
    install -d -o airloop -g airloop -m 755 /srv/airloop /srv/airloop/home /srv/airloop/store /opt/airflow/logs; \
    install -d -o airloop -g airloop -m 1777 /srv/airloop/store/predictions; \
    chown airloop:airloop /opt/airflow

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/airloop/include:/opt/airloop/plugins \
    # Airflow writes the warnings of its own dependencies into every task's log.
    PYTHONWARNINGS=ignore::DeprecationWarning \
    OMP_WAIT_POLICY=PASSIVE \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airloop/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airloop/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    AIRLOOP_HOME=/srv/airloop/home \
    AIRLOOP_STORE=/srv/airloop/store

WORKDIR /opt/airloop
COPY . /opt/airloop/
RUN chmod -R go+rX . && python -m compileall -q include plugins
USER 10001:10001
ENTRYPOINT []
CMD ["airflow", "version"]
