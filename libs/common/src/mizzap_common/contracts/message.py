"""The base of everything that travels between services."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.alias_generators import to_camel


class Message(BaseModel):
    """A frozen value, camelCase in JSON like the REST API. Unknown fields are ignored, so that fields can be added."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def to_json(self) -> bytes:
        return self.model_dump_json(by_alias=True).encode()


class Parameters(Message):
    """What a query string says. Unknown ones are ignored, as everywhere on the web."""

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("A text can't contain the character NUL")  # PostgreSQL stores every other one
        return value


class Request(Parameters):
    """A question or a command. Unknown fields are refused: a caller's typing error must not be ignored."""

    model_config = ConfigDict(extra="forbid")
