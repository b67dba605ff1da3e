"""Names of outputs, and how much input a job may have."""

from __future__ import annotations

import pytest

from fakepersonalize.errors import JobFailed
from fakepersonalize.jobs.batch_files import check, folder_of, output_names
from fakepersonalize.neighbours import ObjectInfo


def test_outputs_are_named_after_their_inputs() -> None:
    assert output_names(["in/a.json", "in/b"], "in/") == ["a.json.out", "b.out"]
    assert output_names(["a.json"], "a.json") == ["a.json.out"]


def test_no_two_inputs_have_the_same_output() -> None:
    keys = ["in/a", "in/b/a", "in/c/a", "in/c/d", "in//a", "in/b/a/a"]
    names = output_names(keys, "in/")
    assert names == ["a.out", "b/a.out", "c/a.out", "d.out", "/a.out", "b/a/a.out"]
    assert len({*names}) == len(keys)
    assert output_names(["folder/a", "folder_two/a"], "folder") == ["folder/a.out", "folder_two/a.out"]


def test_an_output_path_is_a_folder() -> None:
    assert [folder_of(path) for path in ("s3://b", "s3://b/out", "s3://b/out/")] == [
        *("s3://b/", "s3://b/out/", "s3://b/out/")
    ]


@pytest.mark.parametrize(
    ("amount", "size", "refused"), [(1000, 10**6, None), (1001, 1, "1,000 files"), (2, 6 * 10**8, "1 GB")]
)
def test_a_job_has_so_many_files_and_bytes(amount: int, size: int, refused: str | None) -> None:
    found = [ObjectInfo("bucket", str(number), size, "") for number in range(amount)]
    if refused is None:
        check(found)
        return
    with pytest.raises(JobFailed, match=refused):
        check(found)
