"""The envelopes of successful answers."""

from typing import Generic, Literal, TypeVar

from mizzap_common.contracts.library import Page
from mizzap_common.contracts.message import Message

T = TypeVar("T")


class Answer(Message, Generic[T]):
    success: Literal[True] = True
    data: T


class Pagination(Message):
    page: int
    limit: int
    total: int
    has_more: bool
    total_pages: int


class ListAnswer(Message, Generic[T]):
    success: Literal[True] = True
    data: list[T]
    pagination: Pagination


class CursorPagination(Message):
    """What is null is not known by cursor: counting would cost more the more there are."""

    page: int | None
    limit: int
    total: int | None
    has_more: bool
    total_pages: int | None
    next_cursor: str | None
    """Null at the end."""


class CursorListAnswer(Message, Generic[T]):
    success: Literal[True] = True
    data: list[T]
    pagination: CursorPagination


class Gone(Message):
    id: int
    """Of what was deleted."""


def pagination(asked: Page, total: int) -> Pagination:
    return Pagination(
        page=asked.page,
        limit=asked.limit,
        total=total,
        has_more=asked.page * asked.limit < total,
        total_pages=-(-total // asked.limit),
    )


def cursor_pagination(asked: Page, total: int | None, next_cursor: str | None, by_cursor: bool) -> CursorPagination:
    """Of a list that can be had page by page or by cursor; ``total`` is None when it was not counted."""
    return CursorPagination(
        page=None if by_cursor else asked.page,
        limit=asked.limit,
        total=total,
        has_more=next_cursor is not None if total is None else asked.page * asked.limit < total,
        total_pages=None if total is None else -(-total // asked.limit),
        next_cursor=next_cursor,
    )
