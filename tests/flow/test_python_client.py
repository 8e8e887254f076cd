"""The Python client against the whole stack: its README's examples, and each operation that only reads."""

import asyncio
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any
from uuid import uuid4

from mizzap_client import AsyncClient, Client, operations, schemas
from mizzap_client.errors import ApiError
from mizzap_client.samples import make_samples

from tests.stack import Stack

README = Path(__file__).resolve().parents[2] / "clients" / "python" / "README.md"
PASSWORD = "correct horse battery"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


async def test_the_readmes_examples_run(stack: Stack, tmp_path: Path) -> None:
    email = f"{uuid4()}@example.com"
    async with AsyncClient(stack.gateway) as client:
        await client.register(email, PASSWORD, ai=True)
    blocking, awaited = (
        example.replace("http://127.0.0.1:8080", stack.gateway).replace("camille@example.com", email)
        for example in examples()
    )
    folder = await asyncio.to_thread(make_samples, tmp_path / "samples")
    known: dict[str, Any] = {"password": PASSWORD, "folder": folder}
    exec(f"async def example():\n{textwrap.indent(awaited, '    ')}\n    return synced", known)
    assert (await known["example"]()).count("stored") > 0
    await asyncio.to_thread(exec, blocking, known)
    assert isinstance(known["album"], schemas.Album) and known["album"].name == "Été 2025"
    assert known["usage"].photos > 0
    assert isinstance(known["doubled"], list) and isinstance(known["best"], list) and known["cursor"]


def test_every_list_and_look_is_answered_as_the_client_expects(stack: Stack) -> None:
    """What takes no id. Those with one are the other flows' business."""
    with Client(stack.gateway) as client:
        client.register(f"{uuid4()}@example.com", PASSWORD, ai=True)
        looked = 0
        for name, make in inspect.getmembers(operations, inspect.isfunction):
            if any(one.default is inspect.Parameter.empty for one in inspect.signature(make).parameters.values()):
                continue
            operation = make()
            if operation.method != "GET":
                continue
            try:
                assert client.ask(operation) is not None, name
            except ApiError as refused:
                raise AssertionError(f"{name}: {refused}") from refused
            looked += 1
    assert looked >= 15
