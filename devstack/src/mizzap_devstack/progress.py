"""What the user sees while the stack starts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """A line per part with the time it took; on a terminal, also what is still being waited for."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._waiting: list[str] = []
        self._status = self._console.status("")

    @contextmanager
    def part(self, name: str, detail: str = "") -> Iterator[None]:
        """Say that `name` is done, and how long that took, when the block ends without an error."""
        started = time.monotonic()
        self._wait_for([*self._waiting, name])
        try:
            yield
        finally:
            self._wait_for([other for other in self._waiting if other != name])
        seconds = time.monotonic() - started
        self.say(f"  [green]✓[/] {name:<12} [dim]{seconds:5.1f} s[/]  {detail}")

    def say(self, text: str) -> None:
        """A line of its own, rich markup allowed."""
        with contextlib.suppress(OSError):  # the terminal was closed: nobody reads, and the stack goes on
            self._console.print(text, soft_wrap=True)

    def _wait_for(self, names: list[str]) -> None:
        self._waiting = names
        self._status.update(f"[dim]{', '.join(names)} …[/]")
        if names:
            self._status.start()
        else:
            self._status.stop()
