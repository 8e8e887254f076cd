"""Logs, traces and metrics, wired once for every service."""

import logging
import os
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter("mizzap_events_handled_total", "Events whose handling ended", ["durable", "outcome"])
HANDLING_SECONDS = Histogram("mizzap_event_handling_seconds", "Time a handler took", ["durable"])
DEAD_LETTERS = Counter("mizzap_dead_letters_total", "Events given up", ["durable", "code"])
OUTBOX_WAITING = Gauge("mizzap_outbox_waiting", "Events that wait in the outbox")
OUTBOX_PUBLISHED = Counter("mizzap_outbox_published_total", "Events the broker has acknowledged", ["subject"])
OUTBOX_REARMED = Counter("mizzap_outbox_rearmed_total", "Events to be published once more", ["reason"])
REQUESTS = Counter("mizzap_requests_total", "Answers to other services", ["method", "outcome"])


def set_up(service: str, log_level: str) -> None:
    """JSON logs on standard output; spans to the collector of OTEL_EXPORTER_OTLP_ENDPOINT, where that is set."""
    _set_up_logs(service, log_level)
    provider = TracerProvider(resource=Resource.create({"service.name": f"mizzap-{service}"}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def _set_up_logs(service: str, level: str) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # access logs carry query strings, and the WebSocket's token is one
    logging.getLogger("uvicorn.access").disabled = True
    for noisy in ("httpx", "httpcore", "uvicorn.error", "faststream"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    structlog.contextvars.bind_contextvars(service=service)


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event
