"""Reads tensors out of a PyTorch checkpoint without PyTorch, and refuses anything in it but tensors.

The format is the one torch.save wrote before 1.6 (`_legacy_save` in torch/serialization.py): magic number, protocol
version, system info and the pickled dictionary, then the keys of the storages, then each storage's length and bytes.
"""

import collections
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LENGTH_BYTES = 8


class NotTensors(Exception):
    """The file holds something else than a dictionary of tensors, or is cut off."""


class _Storage:
    """A run of numbers that tensors are views of; its values come at the end of the file."""

    def __init__(self, dtype: str, length: int) -> None:
        self.dtype = np.dtype(dtype)
        self.length = length
        self.values: npt.NDArray[Any] | None = None

    def fill(self, file: BinaryIO) -> None:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little", signed=True)
        data = file.read(self.length * self.dtype.itemsize)
        if length != self.length or len(data) != self.length * self.dtype.itemsize:
            raise NotTensors("a storage is cut off")
        self.values = np.frombuffer(data, self.dtype)


@dataclass(frozen=True)
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> npt.NDArray[Any]:
        if self.storage.values is None:
            raise NotTensors("a storage is missing")
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.strides, default=0) < 0 or last >= self.storage.length:
            raise NotTensors("a tensor reaches beyond its storage")
        steps = [stride * self.storage.dtype.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(self.storage.values[self.offset :], self.shape, steps, writeable=False)
        return np.ascontiguousarray(view).reshape(self.shape)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a checkpoint by name, as arrays. Raises NotTensors."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (pickle.UnpicklingError, EOFError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise NotTensors(f"{path.name} is no checkpoint of tensors only: {error}") from error


def _read(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    storages: dict[str, _Storage] = {}
    if _load(file, {}) != _MAGIC or _load(file, {}) != _PROTOCOL:
        raise NotTensors("no checkpoint of the format before PyTorch 1.6")
    _load(file, {})
    views = _load(file, storages)
    for key in _load(file, {}):
        storages[key].fill(file)
    if not all(isinstance(view, _View) for view in views.values()):
        raise NotTensors("the dictionary holds something else than tensors")
    return {name: view.array() for name, view in views.items()}


def _load(file: BinaryIO, storages: dict[str, _Storage]) -> Any:
    return _TensorUnpickler(file, storages).load()


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _View:
    if not isinstance(storage, _Storage):
        raise NotTensors("a tensor without a storage")
    return _View(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    _ALLOWED: ClassVar = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, length, *_ = pid
        if kind != "storage" or not isinstance(dtype, str):
            raise pickle.UnpicklingError("it refers to something else than a storage")
        return self._storages.setdefault(key, _Storage(dtype, length))
