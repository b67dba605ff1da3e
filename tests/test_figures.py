"""Figures that README.md and docs/ quote are those that a benchmark wrote, or that a training gives."""

import json
import re
import runpy
import zipfile
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[1]
IN_STATUS = {
    "NDCG@25": "normalized_discounted_cumulative_gain_at_25",
    "MRR@25": "mean_reciprocal_rank_at_25",
    "P@5": "precision_at_5",
    "coverage": "coverage",
}


@pytest.fixture(scope="module")
def figures() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "figures.py")))


def test_the_pages_quote_what_the_benchmark_wrote(figures: SimpleNamespace) -> None:
    for page, text in figures.pages().items():
        assert page.read_text("utf-8") == text, "run: python docs/figures.py"


def test_the_pages_follow_the_file(figures: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(figures.FILE.read_text("utf-8"))
    found["T aws-hrnn"]["metrics"]["precision_at_5"] = 0.1234
    found["T aws-hrnn"]["below_floor"] = ["precision_at_5"]
    (tmp_path / "figures.json").write_text(json.dumps(found), "utf-8")
    monkeypatch.setitem(figures.pages.__globals__, "FILE", tmp_path / "figures.json")
    readme, metrics = figures.pages().values()
    assert "precision at 5: .123 and" in readme
    assert "T aws-hrnn: P@5 is 0.1234, its floor 0.2" in metrics


def test_floors_that_are_missed_are_named(figures: SimpleNamespace) -> None:
    for name, found in json.loads(figures.FILE.read_text("utf-8")).items():
        below = sorted(metric for metric, floor in found["floors"].items() if found["metrics"][metric] < floor)
        assert found["below_floor"] == below, name


def test_the_benchmark_writes_the_file_when_it_has_all_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = runpy.run_path(str(ROOT / "fixtures" / "make_films.py"))["make"](120, 60, 3000, seed=1)
    rows = [(user + 1, film + 1, 4, time) for user, film, time in zip(made.user, made.film, made.time)]

    def text(separator: str) -> str:
        return "".join(separator.join(map(str, row)) + "\n" for row in rows)

    for name, separator in (("ml-100k/u.data", "\t"), ("ml-1m/ratings.dat", "::")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text(separator), "utf-8")
    quality = SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks" / "quality.py")))
    written = tmp_path / "figures.json"
    monkeypatch.setitem(quality.run.__globals__, "FIGURES", written)
    monkeypatch.setitem(quality.run.__globals__, "SEEDS", range(2))
    monkeypatch.setenv("FAKEPERSONALIZE_MOVIELENS", str(tmp_path))
    quality.run()
    assert not written.exists(), "a protocol was skipped"
    with zipfile.ZipFile(tmp_path / "ml-latest-small.zip", "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", "userId,movieId,rating,timestamp\n" + text(","))
    quality.run()
    figures = json.loads(written.read_text("utf-8"))
    assert figures.keys() == json.loads((ROOT / "benchmarks" / "figures.json").read_text("utf-8")).keys()
    assert 0 < figures["T aws-hrnn"]["metrics"]["precision_at_5"] < 1


def test_the_status_on_the_page_is_that_of_the_films(trained_campaign: str) -> None:
    personalize = boto3.client("personalize")
    version = personalize.describe_campaign(campaignArn=trained_campaign)["campaign"]["solutionVersionArn"]
    metrics = personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    (line,) = re.findall(r"ACTIVE  (NDCG.*)", (ROOT / "docs" / "admin.md").read_text("utf-8"))
    assert line.split() == [word for name, metric in IN_STATUS.items() for word in (name, f"{metrics[metric]:.3f}")]
