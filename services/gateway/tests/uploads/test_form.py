"""The multipart reader by itself: any cut of the same bytes gives the same parts, and a failure stays one."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mizzap_gateway.form import BrokenForm, Form

_TYPE = "multipart/form-data; boundary=b"


def _body(parts: list[tuple[str, bytes]]) -> bytes:
    pieces = [
        f'--b\r\nContent-Disposition: form-data; name="files"; filename="{n}"\r\n\r\n'.encode() + d for n, d in parts
    ]
    return b"\r\n".join([*pieces, b"--b--\r\n"])


async def _cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


@settings(max_examples=60, deadline=None)
@given(
    datas=st.lists(st.binary(max_size=300) | st.sampled_from([b"\r", b"\r\n--", b"\r\n--bb", b"\n\r\n"]), min_size=1),
    cut=st.integers(1, 200),
    step=st.integers(1, 100),
)
async def test_every_cut_gives_the_same_parts(datas: list[bytes], cut: int, step: int) -> None:
    datas = [data for data in datas if b"\r\n--b" not in data]
    parts = [(f"{number}.jpg", data) for number, data in enumerate(datas)]
    found = []
    async for part in Form(_TYPE, _cut(_body(parts), cut), 5, 1).parts():
        pieces = []
        while len(piece := await part.read(step)) == step:
            pieces.append(piece)
        found.append((part.filename, b"".join([*pieces, piece])))
    assert found == parts


async def test_a_failed_form_never_seems_complete() -> None:
    whole = _body([("a.jpg", bytes(500)), ("b.jpg", bytes(500))])
    form = Form(_TYPE, _cut(whole[:400], 100), 5, 1)
    with pytest.raises(BrokenForm):
        async for part in form.parts():
            for _ in range(2):
                with pytest.raises(BrokenForm):
                    await part.read(10_000)


async def _at(rate: int, data: bytes, pause: float = 0.05) -> AsyncIterator[bytes]:
    """As a client sends it, so many bytes a second."""
    step = int(rate * pause)
    for start in range(0, len(data), step):
        yield data[start : start + step]
        await asyncio.sleep(pause)


async def _size(form: Form) -> int:
    return sum([len(await part.read(1 << 20)) async for part in form.parts()])


async def test_a_slow_line_gets_through() -> None:
    whole = _body([("f", bytes(12_000))])
    assert await _size(Form(_TYPE, _at(4000, whole), 1, 2000)) == 12_000


async def test_what_trickles_is_given_up() -> None:
    whole = _body([("f", bytes(4000))])
    with pytest.raises(BrokenForm, match="too slowly"):
        await _size(Form(_TYPE, _at(1000, whole), 0.4, 2000))


async def test_a_slow_store_is_not_the_client_s_fault() -> None:
    form, size = Form(_TYPE, _at(20_000, _body([("f", bytes(4000))])), 1, 25_000), 0
    async for part in form.parts():
        size += len(await part.read(500))
        await asyncio.sleep(1.5)
        size += len(await part.read(10_000))
    assert size == 4000
