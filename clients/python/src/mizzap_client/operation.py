"""One request of the interface, before anybody sends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from mizzap_client.errors import NotUnderstood
from mizzap_client.exchange import Send
from mizzap_client.schema import Schema

A_co = TypeVar("A_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Operation(Generic[A_co]):
    """``path`` is below the interface's root; with blanks to fill it comes as (template, values).

    ``answer`` is the class of the answer: a Schema, or bytes, or None where there is nothing to read. What is None in
    ``query`` and ``headers`` is left out.
    """

    method: str
    path: str | tuple[str, Mapping[str, object]]
    answer: type[A_co] | None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Schema | None = None
    signed: bool = True

    @property
    def filled(self) -> str:
        if isinstance(self.path, str):
            return self.path
        template, values = self.path
        return template.format_map({name: quote(str(value), safe="") for name, value in values.items()})

    def with_query(self, **values: Any) -> Self:
        return replace(self, query={**self.query, **values})

    @property
    def request(self) -> Send:
        options: dict[str, Any] = {}
        if params := {name: value for name, value in self.query.items() if value is not None}:
            options["params"] = params
        if self.body is not None:
            # a field that is left out stays as it is, one that is null is taken away
            options["json"] = self.body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        headers = {name: value for name, value in self.headers.items() if value is not None}
        return Send(self.method, self.filled, headers, options=options)

    def read(self, response: httpx.Response) -> A_co:
        """Raises NotUnderstood."""
        kind: Any = self.answer
        if kind is None:
            return None  # type: ignore[return-value]  # the type of None is the answer then
        try:
            found: Any = response.content if kind is bytes else kind.model_validate_json(response.content)
        except ValidationError as error:
            raise NotUnderstood(f"The server's answer is not one that this client knows: {error}") from error
        return found  # type: ignore[no-any-return]


class _Place(Protocol):
    @property
    def has_more(self) -> bool: ...


class Listed(Protocol[T_co]):
    """The answer of an operation that lists something, page by page."""

    @property
    def data(self) -> Sequence[T_co]: ...

    @property
    def pagination(self) -> _Place: ...
