"""What is around every route: the middlewares, from the outermost to the innermost."""

from starlette.middleware import Middleware

from mizzap_gateway.bodies import Bodies
from mizzap_gateway.budgets import Budgets
from mizzap_gateway.callers import Callers, Identities
from mizzap_gateway.cors import Cors
from mizzap_gateway.etags import ETags
from mizzap_gateway.guessing import GuessLimits
from mizzap_gateway.idempotency import HEADER, REPLAYED, Idempotency
from mizzap_gateway.kept_answers import KeptAnswers
from mizzap_gateway.limits import Limiter, Limits
from mizzap_gateway.middleware import Refusals, SecurityHeaders
from mizzap_gateway.origins import LOCALHOST
from mizzap_gateway.query import ShownQuery
from mizzap_gateway.settings import GatewaySettings

STREAMED = frozenset({"/api/v1/photos/upload"})
"""Paths whose bodies are read bit by bit, by their own rules."""

_ASKED_HEADERS = [
    "Authorization", "Content-Type", HEADER, "If-Match", "If-None-Match", "If-Range", "Range", "traceparent",
    "tracestate",
]  # fmt: skip
_TOLD_HEADERS = [
    "Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", REPLAYED, "Location", "RateLimit", "RateLimit-Limit", "RateLimit-Policy",
    "RateLimit-Remaining", "RateLimit-Reset", "Retry-After",
]  # fmt: skip


def middlewares(
    settings: GatewaySettings, identities: Identities, budgets: Budgets, limiter: Limiter, kept: KeptAnswers
) -> list[Middleware]:
    return [
        Middleware(ShownQuery),
        Middleware(SecurityHeaders),
        Middleware(
            Cors,
            listed=settings.cors_origins,
            others=LOCALHOST if settings.cors_localhost else None,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_ASKED_HEADERS,
            expose_headers=_TOLD_HEADERS,
            max_age=3600,
        ),
        Middleware(Refusals),
        Middleware(Callers, identities=identities),
        # before the body is read: who is over the limit sends it for nothing
        Middleware(Limits, budgets=budgets, limiter=limiter),
        Middleware(
            Bodies, limit=settings.max_json_bytes, seconds=settings.body_seconds, streamed=STREAMED.__contains__
        ),
        Middleware(GuessLimits, budgets=budgets, limiter=limiter),
        Middleware(Idempotency, kept=kept, budgets=budgets, limiter=limiter, settings=settings),
        Middleware(ETags),
    ]
