"""What a run has brought about, for a person at a terminal."""

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mizzap_client.page import LANE_MEANINGS, duplicates_by_lane
from mizzap_client.report import LANES, Library, Report, whole_groups
from mizzap_client.report import Group as DuplicateGroup

LANE_STYLES = {"exact": "bright_blue", "pixel": "magenta", "near": "yellow", "similar": "bright_black"}
_GROUPS_SHOWN = 8
_MOMENTS_SHOWN = 20
_FAILED_SHOWN = 20


def print_summary(console: Console, report: Report, library: Library, *, folder: str, out: Path) -> None:
    console.print()
    console.print(
        Panel(
            _counts(report, library),
            title=Text.assemble(("MIZZAP", "bold"), f" · {folder}"),
            title_align="left",
            padding=(1, 2),
        )
    )
    if groups := whole_groups(library):
        console.print(_lanes(library), _groups(groups), sep="\n")
    else:
        console.print("\n[bold]Duplicates[/]  none: no photo is here twice")
    if report.moments:
        console.print(_moments(report))
    if report.failed:
        console.print(_failed(report))
    console.print(f"\n[bold]Report[/]  {(out / 'report.html').resolve().as_uri()}", soft_wrap=True)
    console.print(f"[dim]        {out / 'report.json'}[/]\n", soft_wrap=True)


def _counts(report: Report, library: Library) -> RenderableType:
    seconds = report.seconds
    rate = report.processed / seconds.total if seconds.total else 0.0
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_column(style="dim")
    table.add_row(str(report.photos), "photos", f"{report.stored} stored as {library.progress.stored} originals")
    table.add_row(str(report.processed), "processed", f"{report.renditions} renditions")
    table.add_row(
        str(len(library.groups)),
        "duplicate groups",
        f"{library.stats.total_duplicates} duplicates, {library.stats.space_to_free} could be freed",
    )
    table.add_row(str(len(report.moments)), "best moments", "")
    table.add_row(
        Text(str(len(report.failed)), "bold red" if report.failed else "bold green"), "not taken in",
        "each with its reason below" if report.failed else "every file is in",
    )  # fmt: skip
    times = f"upload {seconds.upload:.1f} s · processing {seconds.processing:.1f} s · {rate:.1f} photos a second in all"
    model = (
        f"model {report.model.id}, {report.model.dimensions} dimensions" if report.model.id else "no embedding model"
    )
    return Group(table, Text(f"\n{times}\n{model}", "dim"))


def _lanes(library: Library) -> RenderableType:
    found = duplicates_by_lane(library)
    table = _titled("Duplicates")
    for lane in LANES:
        if found[lane]:
            table.add_row(Text(lane, LANE_STYLES[lane]), str(found[lane]), Text(LANE_MEANINGS[lane], "dim"))
    return table


def _groups(groups: list[DuplicateGroup]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=False)
    table.add_column("lane")
    table.add_column("keep", overflow="fold")
    table.add_column("also there as", overflow="fold")
    for group in groups[:_GROUPS_SHOWN]:
        table.add_row(Text(group.lane, LANE_STYLES[group.lane]), Text(group.keeper, "green"), _copies(group))
    if (more := len(groups) - _GROUPS_SHOWN) > 0:
        table.add_row("", Text(f"and {more} more in the report", "dim"), "")
    return table


def _copies(group: DuplicateGroup) -> Text:
    return Text("\n".join(member for member in group.members if member != group.keeper))


def _moments(report: Report) -> RenderableType:
    table = _titled("Best moments")
    names = report.moments[:_MOMENTS_SHOWN]
    half = (len(names) + 1) // 2
    for row in range(half):
        cells: list[RenderableType] = []
        for index in (row, row + half):
            cells += [Text(f"{index + 1:2d}", "dim"), Text(names[index])] if index < len(names) else ["", ""]
        table.add_row(*cells)
    return table


def _failed(report: Report) -> RenderableType:
    table = _titled("Not taken in")
    for entry in report.failed[:_FAILED_SHOWN]:
        table.add_row(Text(entry.file), Text(entry.message, "dim"), Text(entry.code, "red"))
    if (more := len(report.failed) - _FAILED_SHOWN) > 0:
        table.add_row(Text(f"and {more} more in the report", "dim"), "", "")
    return table


def _titled(title: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, title=f"\n{title}")
    table.title_justify, table.title_style = "left", "bold"
    return table
