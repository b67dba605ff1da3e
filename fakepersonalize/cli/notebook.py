"""The command `notebook`: runs a Jupyter notebook from top to bottom against a server, as `exec` runs a program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakepersonalize.cli.execute import add_server_flags
from fakepersonalize.cli.refusal import Refused

if TYPE_CHECKING:
    import argparse

KERNEL = "python3"  # notebooks of others name kernels that are nowhere but there
EXTRA = "The command notebook needs more: pip install 'fakepersonalize[notebook]'."
NO_NOTEBOOK = "{path} is no notebook: {reason}."
CANNOT_WRITE = "{path} cannot be written: {reason}."
NO_KERNEL = "There is no Jupyter kernel {kernel!r}; `jupyter kernelspec list` shows those that there are."
ANSWERS = "fakepersonalize: {url} answers while {path} runs."
PROGRESS = "fakepersonalize: cell {number} of {cells}"
FAILED = "{path} failed in cell {number}: {error}."
DIED = "{path} ended the kernel: {reason}."


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "notebook", help="run a Jupyter notebook against a server that starts and ends with it"
    )
    parser.set_defaults(command=notebook)
    add_server_flags(parser)
    parser.add_argument("--output", metavar="FILE", help="where to write the notebook with what its cells printed")
    parser.add_argument("--kernel", default=KERNEL, help=f"Jupyter kernel (default: {KERNEL})")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long one cell may take (default: for ever)"
    )
    parser.add_argument("file", metavar="FILE.ipynb", help="the notebook; it runs in its own folder and stays as it is")


def notebook(
    file: str, output: str | None, kernel: str, timeout: float | None, region: str, fast_sleep: bool, **flags: Any
) -> int:
    """Run a notebook and return 0, or 1 when a cell failed."""
    client, book = _client(Path(file), kernel, timeout)
    from fakepersonalize.cli.starting import server_for_a_program

    with server_for_a_program(region, fast_sleep, flags) as server:
        print(ANSWERS.format(url=server.url, path=file), file=sys.stderr, flush=True)
        try:
            _run(client, file, server.environment)
        finally:
            if output:
                _write(book, Path(output))
    return 0


def _client(path: Path, kernel: str, timeout: float | None) -> tuple[Any, Any]:
    """Return what runs a notebook, and the notebook. Raises Refused."""
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError:
        raise Refused(EXTRA) from None
    try:
        book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, unused-ignore]
    except OSError as error:
        raise Refused(NO_NOTEBOOK.format(path=path, reason=error.strerror)) from None
    except Exception as error:  # nbformat lets through what its many versions raise
        raise Refused(NO_NOTEBOOK.format(path=path, reason=str(error).splitlines()[0])) from None
    codes = [place for place, cell in enumerate(book.cells) if cell.cell_type == "code"]

    def progress(cell: Any, cell_index: int) -> None:
        if cell_index in codes:
            print(PROGRESS.format(number=codes.index(cell_index) + 1, cells=len(codes)), file=sys.stderr, flush=True)

    resources = {"metadata": {"path": str(path.resolve().parent)}}
    client = NotebookClient(
        book, timeout=timeout, kernel_name=kernel, resources=resources, on_cell_start=progress, coalesce_streams=True
    )
    return client, book


def _run(client: Any, file: str, environment: dict[str, str]) -> None:
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute(env=environment)
    except NoSuchKernel:
        raise Refused(NO_KERNEL.format(kernel=client.kernel_name)) from None
    except CellExecutionError as error:
        print(error.traceback, file=sys.stderr)
        raise Refused(FAILED.format(path=file, number=client.code_cells_executed, error=_named(error))) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise Refused(DIED.format(path=file, reason=str(error).splitlines()[0].rstrip("."))) from None


def _named(error: Any) -> str:
    return f"{error.ename}: {error.evalue}".strip().rstrip(".")[:300].replace("\n", " ")


def _write(book: Any, path: Path) -> None:
    import nbformat

    try:
        nbformat.write(book, path)  # type: ignore[no-untyped-call, unused-ignore]
    except OSError as error:
        raise Refused(CANNOT_WRITE.format(path=path, reason=error.strerror)) from None
