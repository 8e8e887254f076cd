"""Conditions of requests (RFC 9110, 13)."""

from typing import Annotated

from fastapi import Header

IfMatch = Annotated[
    str | None,
    Header(
        max_length=1000, description="ETag as it was last seen: 412 VERSION_CONFLICT when it is another one by now."
    ),
]
