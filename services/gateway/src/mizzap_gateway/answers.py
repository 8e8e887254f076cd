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
