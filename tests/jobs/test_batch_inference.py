"""The work of batch inference on generated files: no line is lost, none is there twice, each answers its own input."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakepersonalize.jobs import batch_inference
from fakepersonalize.jobs.batch_data import MODEL
from fakepersonalize.jobs.batch_files import INPUTS, OUTPUTS
from fakepersonalize.recipes.models.blend import Blend
from fakepersonalize.recipes.training import TrainingData
from fakepersonalize.storage import artifacts

LETTERS = [*"abc \"'\\/{}[]:,.|", "\n", "\r", "\t", "\0", "\u2028", "\x85", "é", "購", "😀", "\ufeff", "</script>"]
USERS, ITEMS = 30, 40
CASES = 25


def an_id(rng: random.Random) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 12)))


@pytest.fixture(scope="module")
def ids() -> tuple[list[str], list[str]]:
    rng = random.Random(7)
    users = sorted({f"{an_id(rng)}{number}" for number in range(USERS)})
    return users, sorted({f"{an_id(rng)}{number}" for number in range(ITEMS)})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, ids: tuple[list[str], list[str]]) -> Path:
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, USERS, 500), rng.integers(0, ITEMS, 500)
    data = TrainingData.from_columns(users, items, np.arange(500), USERS, ITEMS)
    arrays = {f"model.{name}": each for name, each in Blend.fit(data, {}, 0, 1, lambda share: None).arrays().items()}
    for name, own in zip(("user_ids", "item_ids"), ids):
        arrays[name], arrays[f"{name}.offsets"] = artifacts.pack(own)
    arrays |= {"history.offsets": data.offsets, "history.items": data.items, "history.times": data.times}
    arrays |= {"items.came": np.zeros(ITEMS, np.int64), "items.met": np.ones(ITEMS, np.int64)}
    folder = tmp_path_factory.mktemp("model") / MODEL
    artifacts.write(folder, {"model": "blend", "recipe": "", "learnt": {"last": 0}, "encodings": {}}, arrays)
    return folder


def worked(folder: Path, model: Path, files: list[bytes], recipe: str = "aws-user-personalization") -> list[bytes]:
    """Return the outputs of a job on these files."""
    folder.mkdir()
    (folder / MODEL).symlink_to(model)
    (folder / INPUTS).mkdir()
    for number, body in enumerate(files):
        (folder / INPUTS / str(number)).write_bytes(body)
    spec: dict[str, Any] = {
        "files": [{"name": str(n), "key": f"{n}.out", "bytes": len(body)} for n, body in enumerate(files)],
        "recipe": recipe,
        "amount": 5,
        "most_lines": None,
        "filter": None,
        "schemas": {},
        "sides": {},
        "segments": [],
        "reacts": False,
        "seed": 0,
        "version": "",
        "latest": True,
        "explores": None,
        "grows": False,
        "item_name": None,
        "config": {},
    }
    shares: list[float] = []
    outcome = batch_inference.work(spec, folder, shares.append)
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert outcome["files"] == spec["files"]
    return [(folder / OUTPUTS / str(number)).read_bytes() for number in range(len(files))]


def test_each_line_is_answered_once_and_in_its_place(
    tmp_path: Path, model: Path, ids: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_inference, "MOST_LINES", 16)  # many blocks, some of them cut short
    users, items = ids
    for seed in range(CASES):
        rng = random.Random(seed)
        files, asked = [], []
        for _ in range(rng.randint(1, 3)):
            lines = [
                rng.choice([rng.choice(users), an_id(rng), None]) for _ in range(rng.choice([0, 1, 15, 16, 17, 50]))
            ]
            ending = rng.choice(["\n", "\r\n", "\n\n  \n"])
            written = [
                json.dumps({"userId": id_} if id_ else {"n": rng.random()}, ensure_ascii=rng.random() < 0.5)
                for id_ in lines
            ]
            files.append((ending.join(written) + rng.choice(["", "\n"])).encode())
            asked.append([json.loads(each) for each in written])
        for sent, output in zip(asked, worked(tmp_path / str(seed), model, files)):
            assert output == b"" or output.endswith(b"\n")
            answers = [json.loads(line) for line in output.split(b"\n")[:-1]]
            assert [answer["input"] for answer in answers] == sent
            assert Counter(each.get("userId") for each in sent) == Counter(a["input"].get("userId") for a in answers)
            for answer in answers:
                listed = answer["output"]["recommendedItems"]
                assert len({*listed}) == len(listed)
                assert {*listed} <= {*items}
                assert bool(listed) == (answer["error"] is None) == ("userId" in answer["input"])


def test_lists_come_back_whole(tmp_path: Path, model: Path, ids: tuple[list[str], list[str]]) -> None:
    rng, lines = random.Random(1), []
    for _ in range(60):
        listed = [rng.choice([rng.choice(ids[1]), an_id(rng)]) for _ in range(rng.randint(1, 30))]
        lines.append({"userId": rng.choice(ids[0]), "itemList": listed})
    body = "\n".join(map(json.dumps, lines)).encode()
    (output,) = worked(tmp_path / "job", model, [body], "aws-personalized-ranking")
    for line, raw in zip(lines, output.splitlines(), strict=True):
        answer = json.loads(raw)
        assert answer["input"] == line
        assert {*answer["output"]["recommendedItems"]} == {*line["itemList"]}
        assert len(answer["output"]["recommendedItems"]) == len({*line["itemList"]}) == len(answer["output"]["scores"])


def test_the_same_work_has_the_same_bytes(tmp_path: Path, model: Path, ids: tuple[list[str], list[str]]) -> None:
    body = "\n".join(json.dumps({"userId": user}) for user in ids[0] * 3).encode()
    assert worked(tmp_path / "a", model, [body]) == worked(tmp_path / "b", model, [body])
