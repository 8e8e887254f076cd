"""The time of day as an argument, so that a test can turn it by a month."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the moment, with its time zone."""


def utc_now() -> datetime:
    return datetime.now(UTC)
