"""What lies in the sample library: photos of a year, copies of them from everywhere, a burst, and files that fail."""

import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from PIL.ExifTags import GPS, IFD, Base

from mizzap_client.samples import scenes

SIZE = (1280, 960)


@dataclass(frozen=True)
class Shot:
    """One photo as it came out of the camera."""

    path: str
    scene: scenes.Scene
    seed: int
    taken: datetime
    camera: tuple[str, str]
    place: tuple[float, float] | None = None
    """Latitude and longitude in degrees."""
    portrait: bool = False
    """Held upright: stored lying down, with the EXIF orientation that turns it."""


PHONE = ("Apple", "iPhone 14")
CAMERA = ("FUJIFILM", "X-T4")

SHOTS = (
    Shot("2025 Tromsø/IMG_0101.jpg", scenes.aurora, 4, datetime(2025, 2, 3, 22, 41, 7), PHONE, (69.6492, 18.9553)),
    Shot("2025 Tromsø/IMG_0102.jpg", scenes.mountains, 4, datetime(2025, 2, 4, 9, 12, 44), PHONE, (69.6618, 18.9011)),
    Shot("2025 Holiday/DSCF0310.jpg", scenes.seaside, 4, datetime(2025, 7, 12, 20, 55, 31), CAMERA, (43.4832, -1.5586)),
    Shot("2025 Holiday/DSCF0327.jpg", scenes.balloons, 5, datetime(2025, 7, 14, 16, 3, 9), CAMERA, (44.9459, 1.8870)),
    Shot("2025 Holiday/DSCF0342.jpg", scenes.dunes, 5, datetime(2025, 7, 17, 8, 20, 58), CAMERA, (44.5898, -1.2135)),
    Shot("2025 Holiday/DSCF0351.jpg", scenes.mountains, 5, datetime(2025, 7, 19, 6, 47, 2), CAMERA, (42.7719, -0.1414)),
    Shot("Home/IMG_0440.jpg", scenes.flower, 4, datetime(2025, 5, 24, 11, 30, 15), PHONE),
    Shot("Home/IMG_0455.jpg", scenes.flower, 5, datetime(2025, 6, 2, 17, 8, 40), PHONE),
    Shot("Home/IMG_0502.jpg", scenes.forest, 4, datetime(2025, 10, 5, 8, 3, 27), PHONE, portrait=True),
    Shot("Home/IMG_0533.jpg", scenes.city_at_night, 4, datetime(2025, 11, 8, 18, 22, 50), PHONE, (48.8494, 2.2770)),
)
BURST = Shot("Home/IMG_0480.jpg", scenes.balloons, 0, datetime(2025, 8, 30, 7, 15, 20), PHONE, (47.3220, 5.0415))
BURST_FRAMES = 4
COPIED = datetime(2025, 12, 1)
"""When all that isn't from the camera was written: copies are younger than their originals."""


def develop(picture: scenes.Picture, seed: int) -> Image.Image:
    """Adds the grain of a sensor and rounds to 8 bits."""
    noise = np.random.default_rng([seed, 7]).normal(0, 0.012, picture.shape)
    return Image.fromarray((np.clip(picture + noise, 0, 1) * 255 + 0.5).astype(np.uint8))


def paint(shot: Shot, size: tuple[int, int] = SIZE) -> scenes.Picture:
    name_seed = zlib.crc32(shot.scene.__name__.encode())
    return shot.scene(np.random.default_rng([name_seed, shot.seed]), *size)


def exif_of(shot: Shot, taken: datetime | None = None) -> Image.Exif:
    taken = taken or shot.taken
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model] = shot.camera
    exif[Base.Orientation] = 6 if shot.portrait else 1
    times = exif.get_ifd(IFD.Exif)
    times[Base.DateTimeOriginal] = times[Base.DateTimeDigitized] = taken.strftime("%Y:%m:%d %H:%M:%S")
    times[Base.SubsecTimeOriginal] = f"{taken.microsecond // 10_000:02d}"
    if shot.place:
        latitude, longitude = shot.place
        place = exif.get_ifd(IFD.GPSInfo)
        place[GPS.GPSLatitudeRef], place[GPS.GPSLatitude] = "NS"[latitude < 0], degrees(latitude)
        place[GPS.GPSLongitudeRef], place[GPS.GPSLongitude] = "EW"[longitude < 0], degrees(longitude)
    return exif


def degrees(angle: float) -> tuple[float, float, float]:
    """EXIF wants degrees, minutes and seconds."""
    minutes, seconds = divmod(round(abs(angle) * 3600, 2), 60)
    return (float(minutes // 60), float(minutes % 60), seconds)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photographed(shot: Shot) -> bytes:
    image = develop(paint(shot), shot.seed)
    if shot.portrait:
        image = (
            image.crop((280, 0, 1000, 960))
            .resize((960, 1280), Image.Resampling.LANCZOS)
            .transpose(Image.Transpose.ROTATE_90)
        )
    return encoded(image, "JPEG", quality=90, exif=exif_of(shot))


def burst() -> Iterator[tuple[str, bytes]]:
    """Four frames within a second, the camera moving a little: a series, never duplicates. One is blurred."""
    wide = develop(paint(BURST, (SIZE[0] + 120, SIZE[1] + 90)), BURST.seed)
    for frame in range(BURST_FRAMES):
        left, top = 36 * frame, 12 + 22 * (frame % 3)
        image = wide.crop((left, top, left + SIZE[0], top + SIZE[1]))
        if frame == 2:
            image = image.filter(ImageFilter.BoxBlur(6))
        taken = BURST.taken + timedelta(seconds=0.28 * frame)
        path = BURST.path.replace("0480", f"{480 + frame:04d}")
        yield path, encoded(image, "JPEG", quality=90, exif=exif_of(BURST, taken))


def smaller(image: Image.Image, side: int) -> Image.Image:
    return ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)


def warm(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    toned = Image.merge("RGB", (red.point(lambda v: min(255, v * 1.10)), green, blue.point(lambda v: v * 0.82)))
    return ImageEnhance.Contrast(toned).enhance(1.12)


def signed(image: Image.Image) -> Image.Image:
    """With the photographer's name in the corner."""
    copy = image.copy()
    ImageDraw.Draw(copy).text((image.width - 250, image.height - 50), "© Camille 2025", "white", font_size=30)
    return copy


Variant = Callable[[Image.Image, bytes], bytes]
VARIANTS: tuple[tuple[str, str, Variant], ...] = (
    # the copy, the photo it was made from, how
    ("Backup/IMG_0101.jpg", "2025 Tromsø/IMG_0101.jpg", lambda _, original: original),
    ("Backup/IMG_0101 (1).jpg", "2025 Tromsø/IMG_0101.jpg", lambda _, original: original),
    ("Backup/old phone/IMG_0440.jpg", "Home/IMG_0440.jpg", lambda _, original: original),
    ("Backup/DSCF0310.png", "2025 Holiday/DSCF0310.jpg", lambda image, _: encoded(image, "PNG", compress_level=3)),
    ("Shared/without place.jpg", "2025 Holiday/DSCF0342.jpg", lambda _, original: without_metadata(original)),
    ("Shared/IMG-20250714-WA0003.jpg", "2025 Holiday/DSCF0327.jpg",
     lambda image, _: encoded(smaller(image, 1024), "JPEG", quality=48)),
    ("Shared/balloons.webp", "2025 Holiday/DSCF0327.jpg", lambda image, _: encoded(image, "WEBP", quality=75)),
    ("Shared/small.jpg", "2025 Holiday/DSCF0351.jpg", lambda image, _: encoded(smaller(image, 640), "JPEG", quality=80)),
    ("Shared/blossom small.jpg", "Home/IMG_0440.jpg",
     lambda image, _: encoded(smaller(image, 480), "JPEG", quality=70)),
    ("Edited/sunset warm.jpg", "2025 Holiday/DSCF0310.jpg",
     lambda image, _: encoded(warm(image), "JPEG", quality=88, exif=image.getexif())),
    ("Edited/mountains black and white.jpg", "2025 Tromsø/IMG_0102.jpg",
     lambda image, _: encoded(ImageOps.grayscale(image), "JPEG", quality=88, exif=image.getexif())),
    ("Edited/city signed.jpg", "Home/IMG_0533.jpg",
     lambda image, _: encoded(signed(image), "JPEG", quality=88, exif=image.getexif())),
    ("Edited/daisy mirrored.jpg", "Home/IMG_0455.jpg",
     lambda image, _: encoded(ImageOps.mirror(image), "JPEG", quality=88, exif=image.getexif())),
)  # fmt: skip


def without_metadata(jpeg: bytes) -> bytes:
    """The same compressed picture without its EXIF block (APP1), as a messenger or an editor strips it."""
    start = jpeg.index(b"\xff\xe1")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


def failures(originals: dict[str, bytes]) -> dict[str, bytes]:
    """Files that are no photos, empty or broken."""
    whole = originals["Home/IMG_0502.jpg"]
    return {
        "Backup/interrupted copy.jpg": whole[:600],
        "Backup/empty.jpg": b"",
        "Home/notes.txt": b"Things to pack: charger, tripod, warm gloves.\n",
    }


def make_samples(folder: Path) -> Path:
    """Writes the library into ``folder`` (made if missing): 30 files, the same bytes each time."""
    originals = {shot.path: photographed(shot) for shot in SHOTS}
    files = originals | dict(burst()) | failures(originals)
    taken = {shot.path: shot.taken for shot in (*SHOTS, BURST)}
    for path, source, variant in VARIANTS:
        with Image.open(io.BytesIO(originals[source])) as image:
            files[path] = variant(image, originals[source])
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        modified = taken.get(path, COPIED).timestamp()
        os.utime(target, (modified, modified))
    return folder
