# First stage: the service and its dependencies in one virtual environment, which is all that the second stage takes.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml README.md ./
COPY client client
COPY service service
RUN python -m venv /opt/tacit \
 && /opt/tacit/bin/python -m pip install --no-cache-dir '.[service,postgres]'

# Second stage. /data holds policies and tables, mounted read-only. /var/lib/tacit is the service's own and must outlive
# the container: a lost ledger is a lost count of what was spent.
FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/tacit --create-home --shell /usr/sbin/nologin tacit
COPY --from=build /opt/tacit /opt/tacit
ENV PATH=/opt/tacit/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TACIT_HOST=0.0.0.0 \
    TACIT_PORT=8470 \
    TACIT_POLICIES=/data/policy.yaml \
    TACIT_LEDGER=sqlite:////var/lib/tacit/ledger.sqlite \
    TACIT_DATA_DIR=/var/lib/tacit/snapshots
USER 10001:10001
WORKDIR /var/lib/tacit
VOLUME ["/var/lib/tacit"]
EXPOSE 8470
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['TACIT_PORT']}/healthz\", timeout=2).close()"]
STOPSIGNAL SIGTERM
CMD ["tacit-service", "serve"]
