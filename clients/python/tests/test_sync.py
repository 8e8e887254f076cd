"""A folder comes to the server whole, each content once, and every file has an outcome."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from mizzap_client import errors
from mizzap_client import sync as module
from mizzap_client.api import AsyncClient
from mizzap_client.sync import Outcome, Watch, sync


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.name: outcome.problem.code if outcome.problem else outcome.status for outcome in outcomes}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_everything_once_and_nothing_the_second_time(client: AsyncClient, gateway: Any, tmp_path: Path) -> None:
    contents = {f"{n}.jpg": f"photo {n}".encode() for n in range(20)}
    copies = {"copy/0.jpg": b"photo 0", "copy/1.jpg": b"photo 1", ".DS_Store": b"junk"}
    folder = put(tmp_path, contents | copies)
    gateway.stored = {sha256(b"photo 5"): ["5.jpg"], sha256(b"photo 6"): ["other name.jpg"]}
    first = await sync(client, folder)
    assert statuses(first.outcomes) == {name: "stored" for name in contents} | {
        "5.jpg": "known", "6.jpg": "adopted", "copy/0.jpg": "adopted", "copy/1.jpg": "adopted"
    }  # fmt: skip
    assert [outcome.name for outcome in first.outcomes] == sorted([*contents, "copy/0.jpg", "copy/1.jpg"])
    assert sorted(body for _, _, body in gateway.bodies) == sorted(set(contents.values()) - {b"photo 5", b"photo 6"})
    assert first.junk == [".DS_Store"]
    assert first.bytes_sent == sum(len(body) for _, _, body in gateway.bodies)
    second = await sync(client, folder)
    assert set(statuses(second.outcomes).values()) == {"known"}
    assert len(gateway.bodies) == 18 and second.bytes_sent == 0


async def test_files_that_fail_are_named_and_the_run_goes_on(client: AsyncClient, gateway: Any, tmp_path: Path) -> None:
    folder = put(tmp_path, {"a.txt": b"no photo", "b.txt": b"no photo", "empty.jpg": b"", "z.jpg": b"photo"})
    (folder / "gone.jpg").symlink_to(folder / "nowhere")
    result = await sync(client, folder, at_once=1)
    assert statuses(result.outcomes) == {
        "a.txt": "MEDIA_UNSUPPORTED", "b.txt": "MEDIA_UNSUPPORTED", "empty.jpg": "FILE_EMPTY",
        "gone.jpg": "FILE_UNREADABLE", "z.jpg": "stored",
    }  # fmt: skip
    assert (result.count("stored"), len(result.failed)) == (1, 4)
    assert gateway.requests["/photos/adopt"] == 0


async def test_bytes_that_went_away_after_the_question_are_sent(
    client: AsyncClient, gateway: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {"a.jpg": b"photo", "b.jpg": b"photo"})
    gateway.stored = {sha256(b"photo"): ["old.jpg"]}

    class Deleting(Watch):
        def planned(self, todo: object) -> None:
            gateway.stored.clear()

    result = await sync(client, folder, watch=Deleting())
    assert statuses(result.outcomes) == {"a.jpg": "stored", "b.jpg": "adopted"}
    assert len(gateway.bodies) == 1


async def test_a_file_that_was_edited_after_hashing_is_sent_as_it_is(
    client: AsyncClient, gateway: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {"a.jpg": b"before"})

    class Editing(Watch):
        def planned(self, todo: object) -> None:
            put(folder, {"a.jpg": b"after an edit"})

    assert statuses((await sync(client, folder, watch=Editing())).outcomes) == {"a.jpg": "stored"}
    assert list(gateway.stored) == [sha256(b"after an edit")]


async def test_a_file_that_disappears_meanwhile_is_named(client: AsyncClient, tmp_path: Path) -> None:
    folder = put(tmp_path, {"a.jpg": b"photo"})

    class Removing(Watch):
        def planned(self, todo: object) -> None:
            (folder / "a.jpg").unlink()

    assert statuses((await sync(client, folder, watch=Removing())).outcomes) == {"a.jpg": "FILE_UNREADABLE"}


async def test_a_lost_server_ends_the_run_and_the_next_goes_on(
    client: AsyncClient, gateway: Any, refuse: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {f"{n}.jpg": f"photo {n}".encode() for n in range(6)})
    client.patience = 0.3

    class Losing(Watch):
        def finished(self, outcome: Outcome) -> None:
            gateway.answers["/photos/upload"] = [refuse(503, "UNAVAILABLE") for _ in range(50)]

    with pytest.raises(errors.Unreachable):
        await sync(client, folder, at_once=1, watch=Losing())
    gateway.answers.clear()
    result = await sync(client, folder)
    assert (result.count("known"), result.count("stored")) == (1, 5)
    assert sorted(name for _, _, name in gateway.bodies) == [f"photo {n}".encode() for n in range(6)]


async def test_a_file_at_which_the_line_breaks_each_time_is_named(
    client: AsyncClient, gateway: Any, line: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {f"{n}.jpg": f"photo {n}".encode() for n in range(6)} | {"bad.jpg": b"poison"})
    line.poison, client.patience = b"poison", 0.3
    result = await sync(client, folder, at_once=2)
    assert statuses(result.outcomes) == {f"{n}.jpg": "stored" for n in range(6)} | {"bad.jpg": "INTERRUPTED"}


async def test_a_file_that_the_server_asks_for_again_and_again_is_named(
    client: AsyncClient, gateway: Any, refuse: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {"a.jpg": b"photo a", "b.jpg": b"photo b"})
    gateway.answers["/photos/upload"] = [refuse(409, "UPLOAD_AGAIN") for _ in range(50)]
    client.patience = 0.3

    class Mending(Watch):
        def finished(self, outcome: Outcome) -> None:
            gateway.answers.clear()

    result = await sync(client, folder, at_once=1, watch=Mending())
    assert statuses(result.outcomes) == {"a.jpg": "UPLOAD_AGAIN", "b.jpg": "stored"}


async def test_a_line_that_breaks_at_everything_ends_the_run(
    client: AsyncClient, gateway: Any, line: Any, tmp_path: Path
) -> None:
    folder = put(tmp_path, {f"{n}.jpg": f"photo {n}".encode() for n in range(6)})
    client.patience = 0.3

    class Losing(Watch):
        def finished(self, outcome: Outcome) -> None:
            line.poison = b"HTTP/1.1"

    with pytest.raises(errors.Unreachable):
        await sync(client, folder, at_once=1, watch=Losing())
    assert len(gateway.bodies) == 1


async def test_big_files_go_alone(
    client: AsyncClient, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BIG_BYTES", 100)
    folder = put(tmp_path, {f"{n}.jpg": bytes([n]) * (200 if n % 2 else 10) for n in range(10)})
    under_way, at_once = 0, []
    real = client.upload

    async def watched(path: Path, name: str, digest: str, size: int, *rest: Any) -> Any:
        nonlocal under_way
        under_way += 1
        at_once.append((size, under_way))
        try:
            return await real(path, name, digest, size, *rest)
        finally:
            under_way -= 1

    monkeypatch.setattr(client, "upload", watched)
    assert (await sync(client, folder, at_once=4)).count("stored") == 10
    assert max(number for size, number in at_once if size == 10) == 4
    assert {number for size, number in at_once if size == 200} == {1}


async def test_a_missing_folder_is_an_error(client: AsyncClient, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await sync(client, tmp_path / "nowhere")
