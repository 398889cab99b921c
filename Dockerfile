# Python 3.11: what the lock is resolved from and what the tests run on.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS builder
# A mirror may be named at build time; the hashes are checked all the same.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt requirements-assets.txt ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes -r requirements.txt
# Apache ECharts for the pages, served from this container: the pages load nothing from elsewhere.
RUN /opt/venv/bin/pip install --no-deps --require-hashes --only-binary :all: \
    --target build/assets -r requirements-assets.txt

FROM ${BASE}
LABEL org.opencontainers.image.title="tingfeng" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tingfeng \
 && install -d -o tingfeng -g tingfeng -m 0750 /data
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app/build/assets build/assets
COPY LICENSE NOTICE wsgi.py gunicorn.conf.py ./
COPY models models
COPY monitor monitor
COPY api api
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/tingfeng.db \
    TINGFENG_BIND=0.0.0.0:8000
# The root file system may be read-only: byte code is made here, data goes to /data.
RUN python -m compileall -q models monitor api
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:' + os.environ['TINGFENG_BIND'].rpartition(':')[2] + '/ready', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
