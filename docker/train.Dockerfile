# What steps that run in containers share: the project's locked packages without Airflow. `airloop.images` sends the
# wheels, whose hashes it checked, along with this file, and builds with --network none; the project's code is a layer
# above, put there without a build.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS packages
ARG BUILT_FOR=
LABEL dev.airloop.built-for=${BUILT_FOR}
COPY requirements.txt /tmp/
COPY wheels/ /tmp/wheels/
RUN pip install --quiet --root-user-action=ignore --no-cache-dir --no-index --find-links /tmp/wheels \
        --require-hashes --no-deps --no-compile --target /opt/airloop/packages -r /tmp/requirements.txt
RUN rm -rf /opt/airloop/packages/bin; \
    python -m compileall -q -j 2 --invalidation-mode unchecked-hash /opt/airloop/packages \
        || echo 'some packages bring files for another Python'

FROM ${PYTHON}
# By this label a build that died is found; what has a list of packages as well is whole.
LABEL dev.airloop.built-for=base
RUN set -eu; \
    rm -rf $(python -c 'import site; print(*(folder + "/*" for folder in site.getsitepackages()))') \
        /usr/local/bin/pip* /usr/share/python-wheels /etc/pip.conf; \
    echo 'airloop:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'airloop:x:10001:' >> /etc/group; \
    mkdir -p /srv/airloop/home /srv/airloop/store; \
    chown -R 10001:10001 /srv/airloop; chmod -R 1777 /srv/airloop
COPY --from=packages /opt/airloop/packages /opt/airloop/packages
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONPATH=/opt/airloop/include:/opt/airloop/packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=PASSIVE \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    AIRLOOP_HOME=/srv/airloop/home
WORKDIR /opt/airloop
USER 10001:10001
ENTRYPOINT ["python", "-m", "airloop"]
CMD ["--help"]
