"""What has been asked for and what is being waited for: bars in a terminal, elsewhere a line for each thing done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

ACTIVE = "ACTIVE"
CALL, WHAT, BAR, STATE = 25, 29, 10, 11  # widths, 80 together with the gaps


class Steps:
    """A list of steps; while it is entered in a terminal, each shows how far it is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}", style="cyan", table_column=_column(CALL)),
            TextColumn("{task.fields[what]}", table_column=_column(WHAT)),
            BarColumn(BAR, table_column=_column(BAR)),
            TextColumn("{task.fields[state]}", justify="right", table_column=_column(STATE)),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Steps:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def begin(self, call: str, what: str) -> TaskID:
        """Show that a method of boto3 is called, and for what."""
        return self._bars.add_task(call, total=None, what=what, state="")

    def show(self, step: TaskID, statuses: Sequence[str]) -> bool:
        """Show the statuses of what a step creates, and say whether all of it is ACTIVE."""
        active = statuses.count(ACTIVE)
        if active == len(statuses):
            self.done(step)
            return True
        state = next(status for status in statuses if status != ACTIVE).removeprefix("CREATE ")
        # How long one resource takes is not known, how many of several are done is.
        total = len(statuses) if len(statuses) > 1 else None
        self._bars.update(step, state=state, completed=active, total=total)
        return False

    def done(self, step: TaskID) -> None:
        """Show that a step is done, and how long it took."""
        task = self._bars.tasks[step]
        taken = f"{task.elapsed or 0:.1f} s"
        self._bars.update(step, state=taken, completed=1, total=1)
        if self._bars.disable:
            line = f"{task.description:<{CALL}} {task.fields['what']:<{WHAT}} {taken:>{STATE}}"
            self._console.print(line, soft_wrap=True)


def _column(width: int) -> Column:
    return Column(width=width, no_wrap=True)
