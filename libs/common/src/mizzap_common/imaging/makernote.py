"""The one thing needed from maker notes: which burst an iPhone's photo belongs to."""

import struct

_SIGNATURE = b"Apple iOS\0"
_DIRECTORY_AT = 14  # after the signature, two bytes of version and the byte order "MM"
_ENTRY = struct.Struct(">HHI4s")
_BURST_UUID = 0x000B
_ASCII = 2


def apple_burst_id(note: bytes) -> str | None:
    """The `BurstUUID` of Apple's maker note, or None.

    Layout after https://exiftool.org/TagNames/Apple.html: a big-endian TIFF directory whose offsets count from the
    note's beginning.
    """
    if not note.startswith(_SIGNATURE) or len(note) < _DIRECTORY_AT + 2:
        return None
    (entries,) = struct.unpack_from(">H", note, _DIRECTORY_AT)
    for index in range(entries):
        at = _DIRECTORY_AT + 2 + index * _ENTRY.size
        if at + _ENTRY.size > len(note):
            return None
        tag, kind, count, value = _ENTRY.unpack_from(note, at)
        if tag == _BURST_UUID and kind == _ASCII:
            start = struct.unpack(">I", value)[0]
            return note[start : start + min(count, 64)].decode("ascii", "replace").rstrip("\0") or None
    return None
