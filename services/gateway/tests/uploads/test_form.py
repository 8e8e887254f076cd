"""The multipart reader by itself: any cut of the same bytes gives the same parts, and a failure stays one."""

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
    async for part in Form(_TYPE, _cut(_body(parts), cut), 5).parts():
        pieces = []
        while len(piece := await part.read(step)) == step:
            pieces.append(piece)
        found.append((part.filename, b"".join([*pieces, piece])))
    assert found == parts


async def test_a_failed_form_never_seems_complete() -> None:
    whole = _body([("a.jpg", bytes(500)), ("b.jpg", bytes(500))])
    form = Form(_TYPE, _cut(whole[:400], 100), 5)
    with pytest.raises(BrokenForm):
        async for part in form.parts():
            for _ in range(2):
                with pytest.raises(BrokenForm):
                    await part.read(10_000)
