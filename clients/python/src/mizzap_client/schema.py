"""The base of what the interface takes and answers."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Schema(BaseModel):
    """A frozen value, camelCase in JSON. Unknown fields of answers are ignored: a newer server may say more."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")
