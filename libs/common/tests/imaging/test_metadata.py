"""What a photo says of itself, and how little a broken tag harms."""

import csv
import random
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.makernote import apple_burst_id
from mizzap_common.imaging.metadata import parse_offset, parse_time, read_metadata
from PIL import Image


def exif_of(image: Image.Image) -> Image.Exif:
    exif = image.getexif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker\0junk", "  Model 7 ", "Editor 1.2"
    exif.get_ifd(0x8769).update(
        {0x9003: "2021:06:05 14:13:12", 0x9291: "250", 0x9011: "+02:00", 0xA431: "SN-42"},
    )
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 30.0), 3: "W", 4: (70.0, 30.0, 0.0)})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_every_kind_gives_its_exif(pictures: Any, kind: str) -> None:
    image = pictures.quadrants()
    found = read_metadata(pictures.encode(image, kind, exif=exif_of(image).tobytes()))
    assert found.taken_at == datetime(2021, 6, 5, 14, 13, 12, 250_000)
    assert found.offset_minutes == 120
    assert (found.camera_make, found.camera_model, found.software) == ("Maker", "Model 7", "Editor 1.2")
    assert found.camera_serial == "SN-42"
    assert (found.latitude, found.longitude) == (-33.8583333, -70.5)
    assert (found.width, found.height) == (96, 64)


def test_no_exif_is_no_error(pictures: Any) -> None:
    found = read_metadata(pictures.encode(pictures.quadrants(), "GIF"))
    assert (found.width, found.height, found.orientation) == (96, 64, 1)
    assert (found.taken_at, found.camera_make, found.latitude, found.burst_id) == (None,) * 4


def test_the_time_of_a_change_is_not_the_time_it_was_taken(pictures: Any) -> None:
    image = pictures.quadrants()
    exif = image.getexif()
    exif[0x0132] = "2022:01:01 00:00:00"
    found = read_metadata(pictures.encode(image, "JPEG", exif=exif))
    assert (found.taken_at, found.changed_at) == (None, datetime(2022, 1, 1))
    exif.get_ifd(0x8769)[0x9004] = "2021:01:01 00:00:00"
    assert read_metadata(pictures.encode(image, "JPEG", exif=exif)).taken_at == datetime(2021, 1, 1)
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    assert read_metadata(pictures.encode(image, "JPEG", exif=exif)).taken_at == datetime(2021, 1, 1)
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    assert read_metadata(pictures.encode(image, "JPEG", exif=exif)).taken_at == datetime(2020, 1, 1)


@pytest.mark.parametrize(
    ("text", "subseconds", "expected"),
    [
        ("2019:05:06 07:08:09", None, datetime(2019, 5, 6, 7, 8, 9)),
        ("2019-05-06T07:08:09.5", None, datetime(2019, 5, 6, 7, 8, 9, 500_000)),
        ("2019:05:06 07:08:09", "07", datetime(2019, 5, 6, 7, 8, 9, 70_000)),
        ("2019:05:06 07:08:09", "123456789", datetime(2019, 5, 6, 7, 8, 9, 123_456)),
        ("9999:12:31 23:59:59", "9" * 20, datetime.max),
        ("2019:05:06 07:08:09", "²", datetime(2019, 5, 6, 7, 8, 9)),
        ("2019:05:06 07:08:09", "no", datetime(2019, 5, 6, 7, 8, 9)),
        ("0000:00:00 00:00:00", None, None),
        ("2019:02:30 00:00:00", None, None),
        ("2019:05:06 24:00:00", None, None),
        ("0001:01:01 00:00:00", None, None),
        ("    :  :     :  :  ", None, None),
        ("٢٠١٩:05:06 07:08:09", None, None),
        ("", None, None),
        (None, "5", None),
    ],
)
def test_times(text: str | None, subseconds: str | None, expected: datetime | None) -> None:
    assert parse_time(text, subseconds)[0] == expected


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+02:00", 120),
        ("-0330", -210),
        ("Z", 0),
        ("+14:00", 840),
        ("+15:00", None),
        ("2", None),
        ("", None),
        (None, None),
    ],
)
def test_offsets(text: str | None, minutes: int | None) -> None:
    assert parse_offset(text) == minutes


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (45.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)},
        {2: (45.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)},
        {1: "X", 2: (45.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (45.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (45.0, 0.0, 0.0)},
    ],
)
def test_nonsense_is_no_position(pictures: Any, gps: dict[int, Any]) -> None:
    image = pictures.quadrants()
    exif = image.getexif()
    exif.get_ifd(0x8825).update(gps)
    found = read_metadata(pictures.encode(image, "JPEG", exif=exif))
    assert (found.latitude, found.longitude) == (None, None)


def test_a_zero_denominator_is_no_position(pictures: Any) -> None:
    image = pictures.quadrants()
    data = pictures.encode(image, "JPEG", exif=exif_of(image))
    broken = data.replace(struct.pack(">II", 33, 1), struct.pack(">II", 33, 0))
    broken = broken.replace(struct.pack("<II", 33, 1), struct.pack("<II", 33, 0))
    assert broken != data
    assert read_metadata(broken).latitude is None
    assert read_metadata(broken).camera_model == "Model 7"


def test_xmp_gives_time_and_burst_where_exif_has_none(pictures: Any) -> None:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description GCamera:BurstID="7bd8f6d0-1f2c-4a" '
        b'photoshop:DateCreated="2018-03-04T05:06:07.125+01:00"/></x:xmpmeta>'
    )
    for kind in ("JPEG", "WEBP", "HEIF"):
        found = read_metadata(pictures.encode(pictures.quadrants(), kind, xmp=xmp))
        assert found.burst_id == "7bd8f6d0-1f2c-4a"
        assert (found.taken_at, found.offset_minutes) == (datetime(2018, 3, 4, 5, 6, 7, 125_000), 60)


def apple_note(uuid: bytes) -> bytes:
    directory = struct.pack(">H", 1) + struct.pack(">HHII", 0x000B, 2, len(uuid) + 1, 14 + 2 + 12 + 4) + b"\0" * 4
    return b"Apple iOS\0\0\x01MM" + directory + uuid + b"\0"


def test_apples_burst(pictures: Any) -> None:
    uuid = b"CD6F7A7C-5F5B-4C4E-9B7A-1F3A7C1F3A7C"
    assert apple_burst_id(apple_note(uuid)) == uuid.decode()
    image = pictures.quadrants()
    exif = image.getexif()
    exif.get_ifd(0x8769)[0x927C] = apple_note(uuid)
    assert read_metadata(pictures.encode(image, "JPEG", exif=exif)).burst_id == uuid.decode()


def test_a_cut_or_scrambled_maker_note_is_harmless() -> None:
    note = apple_note(b"CD6F7A7C")
    chance = random.Random(3)
    for end in range(len(note)):
        apple_burst_id(note[:end])
    for _ in range(2000):
        scrambled = bytearray(note)
        for _ in range(4):
            scrambled[chance.randrange(10, len(note))] = chance.randrange(256)
        apple_burst_id(bytes(scrambled))


def test_scrambled_exif_never_raises(pictures: Any) -> None:
    image = pictures.quadrants()
    data = pictures.encode(image, "JPEG", exif=exif_of(image))
    begin, chance = data.index(b"Exif\0\0") + 6, random.Random(11)
    end = begin + 300
    for _ in range(600):
        scrambled = bytearray(data)
        for _ in range(chance.randrange(1, 8)):
            scrambled[chance.randrange(begin, end)] = chance.randrange(256)
        try:
            found = read_metadata(bytes(scrambled))
        except ImageError:
            continue
        assert {found.width, found.height} == {96, 64}
        assert found.latitude is None or -90 <= found.latitude <= 90


def test_real_cameras(shared_photos: Path) -> None:
    """Against the manifest beside the photos, which was made with another program."""
    compared = 0
    with (shared_photos / "manifest.tsv").open(encoding="utf-8") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            try:
                found = read_metadata((shared_photos / row["file"]).read_bytes())
            except ImageError:
                continue
            taken = row["taken"].rstrip("\0")
            if taken and not taken.startswith("0000"):
                assert found.taken_at is not None, row["file"]
                assert found.taken_at.strftime("%Y:%m:%d %H:%M:%S") == taken
            assert (found.camera_make or "") == row["make"]
            assert (found.camera_model or "") == row["model"].split("\0")[0]
            assert {found.width, found.height} == {int(row["width"]), int(row["height"])}
            compared += 1
    assert compared == 353
