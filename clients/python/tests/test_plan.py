"""What has to travel is decided without a network."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from mizzap_client.folder import File
from mizzap_client.plan import HashedFile, plan


def hashed(name: str, sha256: str, size: int = 1, modified: float = 0) -> HashedFile:
    return HashedFile(File(Path("/photos") / name, name, size, modified), sha256)


CONTENTS = st.sampled_from("abcdef")
FOLDERS = st.dictionaries(st.sampled_from([f"{n}.jpg" for n in range(12)]), CONTENTS)
SERVERS = st.dictionaries(CONTENTS, st.sets(st.sampled_from([f"{n}.jpg" for n in range(12)]), min_size=1))


@given(FOLDERS, SERVERS)
def test_every_file_has_one_place_and_no_content_travels_twice(
    folder: dict[str, str], server: dict[str, set[str]]
) -> None:
    todo = plan([hashed(name, sha256) for name, sha256 in folder.items()], server)
    sent = [same.send for same in todo.work if same.send]
    adopted = [file for same in todo.work for file in same.adopt]
    assert Counter(file.name for file in [*todo.known, *sent, *adopted]) == Counter(list(folder))
    assert all(file.name in server[file.sha256] for file in todo.known)
    assert Counter(file.sha256 for file in sent) == Counter(set(folder.values()) - set(server))
    assert all(file.name not in server.get(file.sha256, ()) for file in adopted)


@given(FOLDERS, SERVERS)
def test_after_a_run_nothing_is_left_to_do(folder: dict[str, str], server: dict[str, set[str]]) -> None:
    files = [hashed(name, sha256) for name, sha256 in folder.items()]
    after = {sha256: set(names) for sha256, names in server.items()}
    for name, sha256 in folder.items():
        after.setdefault(sha256, set()).add(name)
    assert plan(files, after).work == ()


def test_the_bytes_of_copies_are_not_counted() -> None:
    todo = plan([hashed("a.jpg", "a", 10), hashed("b.jpg", "a", 10), hashed("c.jpg", "c", 5)], {"c": ["old.jpg"]})
    assert (todo.bytes_to_send, todo.files_to_bring) == (10, 3)


def test_the_oldest_of_several_copies_goes_first() -> None:
    todo = plan([hashed("backup/a.jpg", "a", modified=9), hashed("new/a.jpg", "a", modified=5)], {})
    assert todo.work[0].send and todo.work[0].send.name == "new/a.jpg"
