"""The program of a DecodePool's child: reads jobs from its standard input, one after another, and answers."""

import ctypes
import math
import os
import pickle
import resource
import signal
import sys
import traceback
from typing import BinaryIO

from . import wire

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    """Run until the parent closes the pipe, kills this process, or dies itself."""
    requests, answers = _take_over_standard_streams()
    setup: wire.Setup = pickle.loads(_read(requests))  # noqa: S301 - written by the parent
    _die_with(setup.parent)
    answer = _initialize(setup)
    _limit(setup)
    _write(answers, answer)
    while True:
        try:
            request = _read(requests)
        except EOFError:
            return
        _limit_processor_time(setup.timeout)
        _write(answers, _work(request))


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The pipes of the parent, moved away from where a library's print() would write into them."""
    requests = os.fdopen(os.dup(0), "rb", buffering=wire.BUFFER_BYTES)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), 0)
    os.dup2(2, 1)
    return requests, answers


def _die_with(parent: int) -> None:
    """No orphans: the kernel kills this process when its parent dies, however that happens (Linux)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _initialize(setup: wire.Setup) -> bytes:
    try:
        if setup.initializer is not None:
            setup.initializer(*setup.initargs)
        return wire.dump_answer(None, None)
    except Exception as error:
        return _dump_error(error)


def _limit(setup: wire.Setup) -> None:
    """No core files, no writing to disk, and bounded memory: what is loaded already plus what a job may take.

    Nor may a decoder fill the log with complaints about a hostile file; errors cross over with their traceback.
    """
    os.dup2(0, 1)
    os.dup2(0, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    address_space = _address_space() + setup.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _limit_processor_time(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU,
        (math.ceil(used.ru_utime + used.ru_stime + seconds), resource.RLIM_INFINITY),
    )


def _work(request: bytes) -> bytes:
    try:
        function, args = pickle.loads(request)  # noqa: S301 - written by the parent
        return wire.dump_answer(function(*args), None)
    except Exception as error:
        return _dump_error(error)


def _dump_error(error: Exception) -> bytes:
    trace = "".join(traceback.format_exception(error))
    try:
        message = wire.dump_answer(error, trace)
        wire.load_answer(message)
        return message
    except Exception:
        # a type the parent refuses to load, or one that can't be pickled: its text crosses over instead
        return wire.dump_answer(wire.ChildFailed(f"{type(error).__name__}: {error}"), trace)


def _read(requests: BinaryIO) -> bytes:
    prefix = requests.read(wire.LENGTH_BYTES)
    if len(prefix) < wire.LENGTH_BYTES:
        raise EOFError
    return requests.read(wire.read_length(prefix))


def _write(answers: BinaryIO, message: bytes) -> None:
    view = memoryview(wire.length_of(message) + message)
    while view:
        view = view[answers.write(view) or 0 :]


if __name__ == "__main__":
    main()
