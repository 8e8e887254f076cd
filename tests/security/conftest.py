"""A whole stack whose limits are out of the way: what is tried here is tried a thousand times a minute."""

from collections.abc import Iterator

import httpx
import pytest

from tests.security.people import Person
from tests.stack import Stack, running_stack

WIDE = {"MIZZAP_LIMITS_FACTOR": "1000"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("security") / "data", environment=WIDE) as running:
        yield running


@pytest.fixture(scope="session")
def document(stack: Stack) -> dict[str, object]:
    """The OpenAPI document as the gateway itself gives it."""
    answer = httpx.get(f"{stack.gateway}/openapi.json", trust_env=False)
    answer.raise_for_status()
    found: dict[str, object] = answer.json()
    return found


@pytest.fixture
def person(stack: Stack) -> Iterator[Person]:
    with Person(stack.gateway) as registered:
        yield registered
