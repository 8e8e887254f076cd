"""What is sealed opens where it belongs, and nowhere else."""

import json
from pathlib import Path

import pytest
from mizzap_common.sealed import BadKeyRing, KeyRing, SealBroken, new_key_ring

PLACE = "users/42/email"


@pytest.fixture
def ring_file(tmp_path: Path) -> Path:
    path = tmp_path / "ring.json"
    path.write_text(new_key_ring("2026-11"))
    return path


def with_another_key(path: Path, key_id: str) -> None:
    """As an operator rotates: a second key, which is the current one from now on."""
    ring, other = json.loads(path.read_text()), json.loads(new_key_ring(key_id))
    path.write_text(json.dumps({**ring, "current": key_id, "keys": {**ring["keys"], **other["keys"]}}))


def test_a_value_opens_at_its_place_alone(ring_file: Path) -> None:
    ring = KeyRing.from_file(ring_file)
    sealed = ring.seal("anaïs@example.fr", PLACE)
    assert ring.open(sealed, PLACE) == "anaïs@example.fr"
    assert b"example" not in sealed
    for elsewhere in ("users/43/email", "users/42/full_name"):
        with pytest.raises(SealBroken):
            ring.open(sealed, elsewhere)


def test_equal_values_are_sealed_differently(ring_file: Path) -> None:
    ring = KeyRing.from_file(ring_file)
    assert ring.seal("same", PLACE) != ring.seal("same", PLACE)


def test_no_changed_bit_opens(ring_file: Path) -> None:
    ring = KeyRing.from_file(ring_file)
    sealed = ring.seal("a@b.fr", PLACE)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            ring.open(bytes(changed), PLACE)
    for cut in range(len(sealed)):
        with pytest.raises(SealBroken):
            ring.open(sealed[:cut], PLACE)


def test_a_rotation_opens_the_old_and_seals_with_the_new(ring_file: Path) -> None:
    old = KeyRing.from_file(ring_file).seal("a@b.fr", PLACE)
    index = KeyRing.from_file(ring_file).index("a@b.fr", "users/email")
    with_another_key(ring_file, "2027-01")
    ring = KeyRing.from_file(ring_file)
    assert ring.open(old, PLACE) == "a@b.fr" and not ring.is_current(old)
    assert ring.is_current(ring.seal("a@b.fr", PLACE))
    assert ring.index("a@b.fr", "users/email") == index


def test_an_index_tells_equal_from_unequal(ring_file: Path, tmp_path: Path) -> None:
    ring = KeyRing.from_file(ring_file)
    assert ring.index("a@b.fr", "email") == ring.index("a@b.fr", "email")
    assert ring.index("a@b.fr", "email") != ring.index("a@b.fr", "place")
    other = tmp_path / "other.json"
    other.write_text(new_key_ring("2026-11"))
    assert KeyRing.from_file(other).index("a@b.fr", "email") != ring.index("a@b.fr", "email")


def test_of_several_index_keys_the_first_makes_and_each_of_them_finds(ring_file: Path) -> None:
    ring, other = json.loads(ring_file.read_text()), json.loads(new_key_ring("x"))
    old = KeyRing.from_file(ring_file)
    ring_file.write_text(json.dumps({**ring, "index": [other["index"], ring["index"]]}))
    both = KeyRing.from_file(ring_file)
    assert not old.changes_index and both.changes_index
    former, [new, *found] = old.index("a@b.fr", "email"), both.indexes("a@b.fr", "email")
    assert found == [former] and new == both.index("a@b.fr", "email") != former
    assert both.is_index(former, "a@b.fr", "email") and both.is_index(new, "a@b.fr", "email")
    assert not old.is_index(new, "a@b.fr", "email") and not both.is_index(former, "a@b.fr", "place")
    ring_file.write_text(json.dumps({**ring, "index": []}))
    with pytest.raises(BadKeyRing, match="no index key"):
        KeyRing.from_file(ring_file)


@pytest.mark.parametrize("content", ["", "{}", '{"current": "a", "keys": {"b": "AA=="}, "index": "AA=="}', "[]"])
def test_a_ring_that_is_none_is_refused_with_a_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_text(content)
    with pytest.raises(BadKeyRing, match="is not"):
        KeyRing.from_file(path)
    with pytest.raises(BadKeyRing, match="can't be read"):
        KeyRing.from_file(tmp_path / "none.json")


def test_a_current_key_that_is_not_there_is_refused(ring_file: Path) -> None:
    ring_file.write_text(json.dumps({**json.loads(ring_file.read_text()), "current": "gone"}))
    with pytest.raises(BadKeyRing, match="no key 'gone'"):
        KeyRing.from_file(ring_file)
