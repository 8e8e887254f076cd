"""What a DecodePool and its children say to each other: length-prefixed pickles.

A child that an image has taken over could answer with a pickle that runs code in the service. So the service reads
answers with an unpickler that knows only plain values, numpy arrays, and the types and errors of MIZZAP itself.
"""

import importlib
import io
import pickle
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

BUFFER_BYTES = 1024**2
LONGEST_MESSAGE = 512 * 1024**2
LENGTH_BYTES = 8

_LENGTH = struct.Struct("!Q")
_PLAIN = {
    "builtins": frozenset({"bytearray", "complex", "frozenset", "set", "slice", "range"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
}


class ChildFailed(RuntimeError):
    """A child couldn't start, answered nonsense, or raised something that stays on its side."""


@dataclass(frozen=True)
class Setup:
    """The first message to a child."""

    parent: int
    timeout: float
    memory_bytes: int
    initializer: Callable[..., Any] | None
    initargs: tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """What became of a request: its result, or the exception it raised with the child's traceback."""

    value: Any
    traceback: str | None

    def result(self) -> Any:
        if self.traceback is None:
            return self.value
        self.value.add_note(f"In a decoding process:\n{self.traceback}")
        raise self.value


def length_of(message: bytes) -> bytes:
    return _LENGTH.pack(len(message))


def read_length(prefix: bytes) -> int:
    (length,) = _LENGTH.unpack(prefix)
    if length > LONGEST_MESSAGE:
        raise ChildFailed(f"A message of {length} bytes between a decoding process and its service.")
    return int(length)


def dump_answer(value: Any, traceback: str | None) -> bytes:
    return pickle.dumps((value, traceback), protocol=pickle.HIGHEST_PROTOCOL)


def load_answer(message: bytes) -> Answer:
    """Raises ChildFailed for anything but plain values, arrays and MIZZAP's own types."""
    try:
        value, traceback = _AnswerUnpickler(io.BytesIO(message)).load()
    except Exception as error:
        # what a hostile pickle makes the unpickler raise is up to its author
        raise ChildFailed(f"A decoding process gave an answer that isn't understood: {error}") from error
    if traceback is not None and not isinstance(value, Exception):
        raise ChildFailed("A decoding process gave an error that is none.")
    return Answer(value, traceback)


class _AnswerUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return getattr(importlib.import_module(module), name)
        # only what is imported already: importing runs code
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and found.__module__ == module:
            if module == "builtins" and issubclass(found, Exception):
                return found
            if module.startswith("mizzap_") and _is_data(found):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def _is_data(kind: type) -> bool:
    """Types that do nothing when they are made. Others could open connections, start processes …"""
    return is_dataclass(kind) or issubclass(kind, BaseModel | Enum | Exception | tuple)
