"""Steps are bars in a terminal, and elsewhere a line for each one that is done."""

from __future__ import annotations

import io

from rich.console import Console

from fakepersonalize.cli.steps import Steps


def shown(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
    with Steps(console) as steps:
        step = steps.begin("create_dataset", "two of them")
        assert not steps.show(step, ["ACTIVE", "CREATE IN_PROGRESS"])
        assert steps.show(step, ["ACTIVE", "ACTIVE"])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_elsewhere_a_step_is_one_line_without_bars() -> None:
    (line,) = shown(terminal=False).splitlines()
    assert line.split()[:4] == ["create_dataset", "two", "of", "them"]
    assert "\x1b" not in line
    assert len(line) <= 80


def test_in_a_terminal_a_step_has_a_bar_of_80_columns_at_most() -> None:
    text = shown(terminal=True)
    assert "\u2501" in text
    assert all(len(line) <= 80 for line in text.rsplit("\x1b[2K", 1)[-1].splitlines())
