# One file for every service: `app` is web, worker, beat and train (the command says which), `proxy` stands before them.
#   docker build .                                          what web, worker and beat need
#   docker build --build-arg LOCKS="core deliver observe" . versions on S3 or Google Cloud, tracing, error reports
#   docker build --build-arg LOCKS="core train" --build-arg TORCH="torch==2.13.0" .   the machine that trains
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG LOCKS=core
ARG TORCH=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements requirements
RUN python -m venv /venv \
    && for lock in ${LOCKS}; do /venv/bin/pip install --no-deps --require-hashes -r "requirements/${lock}.lock" || exit 1; done \
    && if [ -n "${TORCH}" ]; then /venv/bin/pip install "${TORCH}"; fi

FROM python:${PYTHON} AS app
# pg_dump and pg_restore, for manage.py backup: at least as new as the server in docker-compose.yml.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home woolgather \
    && install -d -o woolgather -m 700 /data
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 WOOLGATHER_VAR=/data WOOLGATHER_EMBEDDED=0 \
    STATIC_ROOT=/app/staticfiles
# Static files are the same for every container, so they are part of the image; the key is for this step alone.
RUN SECRET_KEY=only-while-the-image-is-built-and-never-for-serving-anybody-anything WOOLGATHER_VAR=/tmp/build \
    python manage.py collectstatic --noinput \
    && rm -rf /tmp/build \
    && python -m compileall -q config operations training exports leaderboard collector ui jobs
USER woolgather
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "jobs.liveness", "web"]
CMD ["python", "-m", "config.web", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--respawn-interval", "0.5"]

FROM caddy:2.11-alpine AS proxy
RUN adduser -D -H -u 10002 proxy && mkdir -p /data/caddy /config/caddy && chown -R proxy:proxy /data /config
COPY deploy/Caddyfile /etc/caddy/Caddyfile
USER proxy
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=5s --retries=3 CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/"]
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

# What `docker build .` makes when nobody names a target.
FROM app
