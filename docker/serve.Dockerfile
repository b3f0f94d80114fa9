# What every model server shares: an interpreter, the packages that serving needs, and nothing to install or compile
# with. `airloop.images` sends the wheels, whose hashes it checked, along with this file, and builds with --network none;
# the server's code and a model are layers above, put there without a build.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS packages
ARG BUILT_FOR=
LABEL dev.airloop.built-for=${BUILT_FOR}
ARG PACKAGES=/opt/airloop/packages
# Set for models without feature code: then XGBoost alone uses SciPy, and of it little more than sparse matrices.
ARG LEAN=
# Set for models whose trainer names packages of its own: what these import of their tests and headers is not known.
ARG WHOLE=
COPY requirements.txt /tmp/
COPY wheels/ /tmp/wheels/
RUN pip install --quiet --root-user-action=ignore --no-cache-dir --no-index --find-links /tmp/wheels \
        --require-hashes --no-deps --no-compile --target ${PACKAGES} -r /tmp/requirements.txt
# Nobody imports these while serving: tests, sources and headers to compile against, Arrow's network clients.
RUN set -eu; cd ${PACKAGES}; \
    if [ -z "${WHOLE}" ]; then \
    find . -type d \( -name tests -o -name testing -o -name include -o -name __pycache__ \) -not -path ./numpy/testing \
        -not -path ./numpy/_core/tests -prune -exec rm -rf {} +; \
    find . -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.pyi' -o -name '*.h' -o -name '*.hpp' \
        -o -name '*.c' -o -name '*.cc' -o -name '*.a' \) -delete; \
    fi; \
    if [ -n "${LEAN}" ]; then cd scipy; rm -rf cluster datasets differentiate fftpack integrate interpolate io misc \
        ndimage odr optimize signal spatial stats; cd ..; fi; \
    # A wheel has no links: the same library lies there under three names.
    for library in pyarrow/lib*.so.*.*.*; do name=${library##*/}; short=${name%.*.*}; \
        ln -sf $name pyarrow/$short; ln -sf $name pyarrow/${short%.*}; done; \
    rm -rf bin pyarrow/*flight* pyarrow/libarrow_s3* pyarrow/_s3fs* pyarrow/_gcsfs* pyarrow/_azurefs*
RUN python -m compileall -q -j 2 --invalidation-mode unchecked-hash ${PACKAGES}

FROM ${PYTHON} AS interpreter
ARG BUILT_FOR=
LABEL dev.airloop.built-for=${BUILT_FOR}
RUN set -eu; \
    rm -rf $(python -c 'import site; print(*(folder + "/*" for folder in site.getsitepackages()))'); \
    cd "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"; \
    rm -rf ensurepip idlelib lib2to3 pydoc_data test tkinter turtledemo config-*; \
    rm -rf /etc/pip.conf /usr/share/python-wheels /usr/local/include /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/* /root/.cache; \
    find /usr/bin /usr/local/bin \( -name 'pip*' -o -name 'idle*' -o -name '2to3*' -o -name 'wheel*' \) -delete; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +; \
    echo 'airloop:x:10001:10001::/var/lib/airloop:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'airloop:x:10001:' >> /etc/group; \
    # A volume takes over the mode of the folder that it is first mounted on; servers may run as another user.
    for folder in /run/airloop /var/lib/airloop /opt/airloop/store/predictions; do \
        mkdir -p $folder; chown 10001:10001 $folder; chmod 1777 $folder; done

FROM scratch
# By this label a build that died is found; what has a list of packages as well is whole.
LABEL dev.airloop.built-for=base
COPY --from=interpreter / /
COPY --from=packages /opt/airloop/packages /opt/airloop/packages
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
    LANG=C.UTF-8 \
    PYTHONPATH=/opt/airloop/include:/opt/airloop/packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=PASSIVE \
    AIRLOOP_HOME=/var/lib/airloop
WORKDIR /opt/airloop
USER 10001:10001
ENTRYPOINT ["python", "-m", "airloop.serving"]
