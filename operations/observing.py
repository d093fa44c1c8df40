"""Error reports to Sentry and traces to OpenTelemetry: off unless a setting says where to, and without personal data.

Both libraries would send a lot of what must not leave: form fields, cookies, addresses, texts in exceptions and local
variables, paths with one-time tokens. So what is sent is built from lists of what is known to be harmless, not by
taking out what is known to be harmful. The log on this machine has the rest, under the request's id, which goes along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ui import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from sentry_sdk.types import Event, Hint

HOW = (
    "is set, but its library is not installed. Run “make observe-deps” "
    '(an image: WOOLGATHER_LOCKS="core observe" in .env, then build it again).'
)
FRAME = {"filename", "abs_path", "function", "module", "lineno", "in_app"}
EVENT = {
    *("event_id", "timestamp", "platform", "level", "logger", "server_name", "release", "environment", "sdk", "type"),
    *("transaction", "transaction_info", "start_timestamp", "fingerprint"),
}
CONTEXTS = {"runtime", "trace"}
TRACE = {"trace_id", "span_id", "parent_span_id", "op", "origin", "status"}
ATTRIBUTES = {
    *("http.request.method", "http.response.status_code", "http.route", "url.scheme", "network.protocol.version"),
    *("http.method", "http.status_code", "http.scheme", "http.flavor", "error.type", "exception.type"),
}


def start() -> None:
    """Begin to report where the settings say so. Raises ImproperlyConfigured where the library is not installed."""
    if settings.SENTRY_DSN:
        start_sentry(settings.SENTRY_DSN)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        start_traces(settings.OTEL_EXPORTER_OTLP_ENDPOINT)


def start_sentry(dsn: str) -> None:
    """Report errors, of requests and jobs, scrubbed."""
    try:
        import sentry_sdk
        from sentry_sdk.integrations.celery import CeleryIntegration
        from sentry_sdk.integrations.django import DjangoIntegration
    except ImportError as error:
        raise ImproperlyConfigured(f"SENTRY_DSN {HOW}") from error
    sentry_sdk.init(
        dsn=dsn,
        integrations=[DjangoIntegration(transaction_style="url", middleware_spans=False), CeleryIntegration()],
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=scrubbed,
    )


def scrubbed(event: Event, _hint: Hint) -> Event:
    """Return what of an error report may leave: where in the code it happened, on which route, and the request's id."""
    given: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {name: value for name, value in given.items() if name in EVENT}
    kept["tags"] = {"request_id": requests.current_id()} if requests.current_id() else {}
    if method := (given.get("request") or {}).get("method"):
        kept["request"] = {"method": method}
    found = (given.get("exception") or {}).get("values") or []
    if found:
        kept["exception"] = {"values": [_exception(one) for one in found]}
    template = (given.get("logentry") or {}).get("message")
    if template:
        # What was to be filled in is left out; the sentence is ours.
        kept["logentry"] = {"message": template if (given["logentry"].get("params")) else _first_words(template)}
    contexts = {name: value for name, value in (given.get("contexts") or {}).items() if name in CONTEXTS}
    if "trace" in contexts:
        contexts["trace"] = {name: value for name, value in contexts["trace"].items() if name in TRACE}
    kept["contexts"] = contexts
    return kept  # type: ignore[return-value]  # an Event by its names


def _exception(given: dict[str, Any]) -> dict[str, Any]:
    """Return an exception's type and places; what it says may quote a text or an address."""
    frames = (given.get("stacktrace") or {}).get("frames") or []
    return {
        "type": given.get("type"),
        "module": given.get("module"),
        "value": "(what it says is in the log)",
        "mechanism": {"type": (given.get("mechanism") or {}).get("type", "generic"), "handled": False},
        "stacktrace": {"frames": [{name: frame[name] for name in FRAME if name in frame} for frame in frames]},
    }


def _first_words(message: str) -> str:
    """Return the beginning of a message that was put together before it was logged, up to where values begin."""
    return message.partition(":")[0][:60]


def start_traces(endpoint: str) -> None:
    """Trace requests: one span each, with route, method and status."""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImproperlyConfigured(f"OTEL_EXPORTER_OTLP_ENDPOINT {HOW}") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "woolgather"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(harmless(exporter)))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(tracer_provider=provider, excluded_urls="healthz,readyz,metrics")


def harmless(exporter: SpanExporter) -> SpanExporter:
    """Return an exporter that hands on only what is known to be harmless."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Harmless(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([_harmless_span(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Harmless()


def _harmless_span(span: ReadableSpan) -> ReadableSpan:
    """Copy a span without addresses, paths, and what exceptions say."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Status

    def only_known(attributes: Any) -> dict[str, Any]:
        return {name: value for name, value in (attributes or {}).items() if name in ATTRIBUTES}

    attributes = only_known(span.attributes)
    method = attributes.get("http.request.method") or attributes.get("http.method") or "request"
    return ReadableSpan(
        name=f"{method} {attributes.get('http.route') or requests.NO_ROUTE}",
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=[Event(event.name, only_known(event.attributes), event.timestamp) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
