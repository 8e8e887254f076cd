"""Progress bars for a person at a terminal."""

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from mizzap_client import schemas
from mizzap_client.plan import Plan
from mizzap_client.sync import Outcome, Watch

_NO_TASK = TaskID(-1)


class Bars(Watch):
    """A bar for each phase: hashing, uploading, processing. Failed files are named as they come."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("[bold]{task.description:<10}[/]"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:>5.0f} / {task.total:.0f}"),
            TextColumn("[dim]{task.fields[note]}[/]"),
            TimeElapsedColumn(),
            console=console,
        )
        self._console = console
        self._hashing = self._uploading = self._processing = _NO_TASK
        self._bytes_hashed = self._bytes_sent = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _begin(self, phase: str, total: int) -> TaskID:
        return self._progress.add_task(phase, total=total, note="")

    def found(self, files: int, size: int) -> None:
        self._hashing = self._begin("Hashing", files)

    def hashed(self, size: int) -> None:
        self._bytes_hashed += size
        self._progress.update(self._hashing, advance=1, note=human_size(self._bytes_hashed))

    def planned(self, todo: Plan) -> None:
        self._uploading = self._begin("Uploading", len(todo.known) + todo.files_to_bring)

    def sent(self, size: int) -> None:
        self._bytes_sent += size
        self._progress.update(self._uploading, note=human_size(self._bytes_sent))

    def finished(self, outcome: Outcome) -> None:
        if outcome.problem:
            self._console.print(Text.assemble(("  ✗ ", "red"), outcome.name, (f"  {outcome.problem.message}", "dim")))
        if self._uploading != _NO_TASK:
            self._progress.update(self._uploading, advance=1)

    def processing(self, now: schemas.ProgressNow, hints: Counter[str]) -> None:
        """How far the server is with the photos; ``hints`` counts what the WebSocket told."""
        if self._processing == _NO_TASK:
            self._processing = self._begin("Processing", now.photos)
        duplicates = hints["duplicate:detected"] - hints["duplicate:withdrawn"]
        note = f"{duplicates} duplicates" if now.pending else "choosing the best moments"
        self._progress.update(self._processing, completed=now.processed + now.failed, note=note)

    def processed(self, note: str) -> None:
        self._progress.update(self._processing, note=note)


def human_size(size: float) -> str:
    """In decimal units, as shops and phones count: "15.2 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
