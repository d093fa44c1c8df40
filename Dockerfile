# One image for web, worker and sweeper; the command says which.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
# --build-arg LOCK=deliver adds what export_dataset --to and --push-to-hub need.
ARG LOCK=core
COPY requirements/${LOCK}.lock requirements/${LOCK}.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/${LOCK}.lock

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home woolgather && install -d -o woolgather /data
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 WOOLGATHER_VAR=/data WOOLGATHER_EMBEDDED=0
# Static files are the same for every container, so they are part of the image; the key is for this step alone.
RUN SECRET_KEY=only-while-the-image-is-built-and-never-for-serving-anybody-anything WOOLGATHER_VAR=/tmp/build \
    STATIC_ROOT=/app/staticfiles python manage.py collectstatic --noinput && rm -rf /tmp/build
ENV STATIC_ROOT=/app/staticfiles
USER woolgather
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--respawn-interval", "0.5", "config.wsgi:application"]
