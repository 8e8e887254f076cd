"""The image formats MIZZAP accepts, recognised by their first bytes and never by name or declared type."""

HEAD_BYTES = 64
"""How many bytes of a file's beginning `sniff` looks at."""

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/gif": "gif",
}
"""The allow-list, with the extension each type is stored and downloaded under."""

# https://mp4ra.org/registered-types/brands and ISO/IEC 23008-12 annex B; "heis", "hevs" and the like are sequences
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"mif1", b"mif2", b"msf1"})

_VIDEO_HEADS = (
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"FLV\x01"),
    (0, b"0&\xb2u"),  # ASF, WMV
)
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def sniff(head: bytes) -> str | None:
    """The MIME type of a file that begins with `head` (at least `HEAD_BYTES` of it, if it has as many).

    None is everything that is not on the allow-list, SVG, TIFF, PSD, PDF and video among it.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return _sniff_heif(head)


def is_video(head: bytes) -> bool:
    """Whether a file that `sniff` doesn't know looks like a video, so that the refusal can say so."""
    if head[4:8] == b"ftyp":
        return sniff(head) is None
    return head[4:8] in _QUICKTIME_BOXES or any(head[at:].startswith(magic) for at, magic in _VIDEO_HEADS)


def refusal(head: bytes) -> str:
    """A sentence for the user about a file that `sniff` refused."""
    if is_video(head):
        return "Videos are not supported yet."
    return "Not a supported photo format: JPEG, PNG, WebP, HEIC, AVIF and GIF are."


def _sniff_heif(head: bytes) -> str | None:
    if head[4:8] != b"ftyp":
        return None
    box = head[: min(int.from_bytes(head[:4], "big"), HEAD_BYTES)]
    major = box[8:12]
    compatible = {box[at : at + 4] for at in range(16, len(box) - 3, 4)}
    if major in _AVIF_BRANDS:
        return "image/avif"
    if major in _HEIC_BRANDS:
        return "image/heic"
    if major in _HEIF_BRANDS:
        return "image/avif" if compatible & _AVIF_BRANDS else "image/heic"
    return None
