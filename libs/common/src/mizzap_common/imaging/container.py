"""Whether a file's container ends where it says: what the decoders of PNG and HEIF don't insist on.

libheif fills the missing tiles of a cut off HEIC with one colour, and libspng is content without the end of a PNG.
JPEG, WebP and GIF need no check here: libvips refuses them itself.
"""

from collections.abc import Iterator

_PNG_SIGNATURE_BYTES = 8
_HEIF_PARTS = frozenset({b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip"})


def is_cut_off(data: bytes, mime: str) -> bool:
    """Whether bytes are missing at the end. Bytes too many, as motion photos have them, don't matter."""
    if mime == "image/png":
        return _png_is_cut_off(data)
    if mime in ("image/heic", "image/avif"):
        return any(end > len(data) for _, end in _heif_boxes(data))
    return False


def _png_is_cut_off(data: bytes) -> bool:
    """PNG (ISO/IEC 15948): chunks of length, type, data and CRC, the last of them IEND."""
    at = _PNG_SIGNATURE_BYTES
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return False
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return True


def _heif_boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Type and end of the top-level boxes (ISO/IEC 14496-12), up to the first that HEIF doesn't know."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind not in _HEIF_PARTS:
            return
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0 reaches to the end of the file, whatever that is; the rest is nonsense
            return
        yield kind, at + size
        at += size
