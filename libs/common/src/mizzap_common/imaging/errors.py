"""Why an image was refused. Each error survives pickling, since it is raised in a child process."""

from typing import ClassVar


class ImageError(Exception):
    """An image that can't be processed, however often it is tried. `code` is the REST API's error code."""

    code: ClassVar[str] = "IMAGE_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ImageUnreadable(ImageError):
    """The file claims to be an image and can't be decoded whole: damaged, cut off, or too costly to decode."""

    code = "IMAGE_UNREADABLE"


class ImageTooLarge(ImageError):
    """More pixels or frames than are decoded for anybody."""

    code = "IMAGE_TOO_LARGE"


class MediaUnsupported(ImageError):
    """No image format on the allow-list: video, SVG, TIFF, RAW, documents."""

    code = "MEDIA_UNSUPPORTED"
