"""What the pool's tests run in its children."""

import os
import signal
import time
from typing import Any

loaded: list[Any] = []


def load(value: Any) -> None:
    loaded.append(value)


def load_or_fail(value: Any) -> None:
    raise ValueError(f"no model at {value}")


def what_was_loaded() -> Any:
    return loaded


def process_id() -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def echo(value: Any) -> Any:
    return value


def hang() -> None:
    signal.pause()


def hang_once(marker: str) -> str:
    try:
        os.mkdir(marker)
    except FileExistsError:
        return "second"
    signal.pause()
    return "never"


def burn() -> None:
    while True:
        pass


def wait(seconds: float) -> str:
    time.sleep(seconds)
    return "waited"


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def killed_once(marker: str) -> str:
    try:
        os.mkdir(marker)
    except FileExistsError:
        return "second"
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def allocate(megabytes: int) -> int:
    return len(bytearray(megabytes * 1024**2))


def write_file(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b"x")


def chatter() -> str:
    print("noise", flush=True)
    os.write(1, b"more noise\n")
    return "fine"


class OwnError(Exception):
    """A type that the service doesn't know."""


def raise_own_error() -> None:
    raise OwnError("the details")


class RunsCode:
    """Unpickled without care, this makes a folder in the service."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (self.marker,)


def answer_with_code(marker: str) -> Any:
    return RunsCode(marker)
