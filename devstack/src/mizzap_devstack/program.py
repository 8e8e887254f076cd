"""A program to run as a child process, and what ties the child's life to ours."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

# <linux/prctl.h>
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """How one process of the stack is started and stopped.

    `env` is all the environment it gets; `grace` is the seconds it has between the stop signal and SIGKILL;
    `death_signal` is what the kernel sends it when we die without stopping it. With a `live_url`, the supervisor
    replaces the process when that address, once it has answered 200, stops doing so.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    live_url: str | None = None

    def options(self) -> dict[str, Any]:
        """The keyword arguments shared by subprocess.Popen and asyncio.create_subprocess_exec.

        Start it from a thread that lives as long as the child: Linux sends the parent-death signal when the
        thread that started the child ends (prctl(2), PR_SET_PDEATHSIG).
        """
        return {
            "env": dict(self.env),
            "cwd": self.cwd,
            "stdin": subprocess.DEVNULL,
            # A session of its own: Ctrl-C in the terminal reaches only us, and we stop things in order.
            "start_new_session": True,
            "preexec_fn": die_with(os.getpid(), self.death_signal),
        }


def die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program, so that it gets the signal when process `parent` dies, even of kill -9."""
    if _LIBC is None:
        return None

    def ask_kernel() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask_kernel


def base_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every process may inherit: where programs and temporary files are, the language, nothing secret."""
    names = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
    )
    return {name: environment[name] for name in names if name in environment}


def spawn(program: Program, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start `program` with its output in `log`."""
    return subprocess.Popen(program.argv, stdout=log, stderr=subprocess.STDOUT, **program.options())


def stop(process: subprocess.Popen[bytes], program: Program) -> None:
    """Ask the process to stop, wait `grace` seconds, then kill what is left of its process group."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(program.grace)
    kill_group(process.pid)
    process.wait()


def kill_group(leader: int) -> None:
    """SIGKILL for all that a dead or dying session leader has left behind, such as its worker processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
