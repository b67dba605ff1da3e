import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakepersonalize.storage.folder import DataFolder, FolderInUse

TAKE = """if True:
    import sys
    from fakepersonalize.storage.folder import DataFolder
    held = DataFolder(sys.argv[1])
    print("taken", flush=True)
    input()
"""


@pytest.mark.parametrize("path", [None, ""])
def test_a_temporary_folder_leaves_the_disk_when_it_is_closed(path: str | None) -> None:
    folder = DataFolder(path)
    (folder.path / "tables").mkdir()
    assert folder.temporary
    folder.close()
    assert not folder.path.exists()
    folder.close()


def test_a_folder_of_ones_own_is_made_and_stays(tmp_path: Path) -> None:
    folder = DataFolder(str(tmp_path / "a" / "b"))
    assert (folder.temporary, folder.path) == (False, (tmp_path / "a" / "b").resolve())
    folder.close()
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_may_be_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = DataFolder("~/data")
    assert folder.path == (tmp_path / "data").resolve()
    folder.close()


def test_a_folder_in_use_is_refused_with_the_pid_of_its_server(tmp_path: Path) -> None:
    folder = DataFolder(str(tmp_path))
    with pytest.raises(FolderInUse) as caught:
        DataFolder(str(tmp_path))
    assert str(caught.value) == f"The data folder {tmp_path} is in use by another server (pid {os.getpid()})."
    folder.close()


def test_a_folder_that_was_let_go_can_be_taken(tmp_path: Path) -> None:
    for _ in range(2):
        DataFolder(str(tmp_path)).close()


def test_closing_twice_does_not_disturb_the_next_server(tmp_path: Path) -> None:
    first = DataFolder(str(tmp_path))
    first.close()
    second = DataFolder(str(tmp_path))
    first.close()
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        DataFolder(str(tmp_path))
    second.close()


def test_a_folder_of_another_process_is_refused_until_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TAKE, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        with pytest.raises(FolderInUse, match=rf"pid {process.pid}\b"):
            DataFolder(str(tmp_path))
        process.kill()
    DataFolder(str(tmp_path)).close()


def test_a_temporary_folder_may_start_as_a_copy_which_leaves_the_original_alone(tmp_path: Path) -> None:
    first = DataFolder(str(tmp_path / "template"))
    (first.path / "tables").mkdir()
    (first.path / "tables" / "1").write_text("rows")
    first.close()
    copy = DataFolder(None, tmp_path / "template")
    (copy.path / "tables" / "1").write_text("others")
    assert sorted(path.name for path in copy.path.iterdir()) == ["tables"]
    copy.close()
    assert (tmp_path / "template" / "tables" / "1").read_text() == "rows"
