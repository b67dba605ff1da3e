from pathlib import Path

import pytest

from fakepersonalize.storage import files


def folder(path: Path, **texts: str) -> Path:
    path.mkdir(parents=True)
    for name, text in texts.items():
        (path / name).write_text(text, "utf-8")
    return path


def texts(path: Path) -> dict[str, str]:
    return {file.name: file.read_text("utf-8") for file in path.iterdir()}


def test_a_file_moves_into_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "a" / "b" / "target"
    source.write_text("text", "utf-8")
    files.move(source, target)
    assert (source.exists(), target.read_text("utf-8")) == (False, "text")


def test_a_file_moves_over_another(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new", "utf-8")
    target.write_text("old", "utf-8")
    files.move(source, target)
    assert target.read_text("utf-8") == "new"


def test_a_folder_moves_over_another_and_nothing_of_that_stays(tmp_path: Path) -> None:
    source, target = folder(tmp_path / "source", a="new"), folder(tmp_path / "target", a="old", b="old")
    files.move(source, target)
    assert texts(target) == {"a": "new"}
    assert not source.exists()


def test_moving_again_changes_nothing(tmp_path: Path) -> None:
    source = folder(tmp_path / "source", a="text")
    for _ in range(2):
        files.move(source, tmp_path / "target")
    assert texts(tmp_path / "target") == {"a": "text"}


def test_moving_what_is_nowhere_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.move(tmp_path / "source", tmp_path / "target")


def test_files_folders_and_nothing_are_removed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder(tmp_path / "folder" / "below", a="text")
    for name in ("file", "folder", "nothing"):
        files.remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_go_now_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool) -> None:
        raise PermissionError("used by another process")  # as Windows says of an open file

    (tmp_path / "file").touch()
    monkeypatch.setattr(Path, "unlink", refuse)
    files.remove(tmp_path / "file")
    assert (tmp_path / "file").exists()
