"""Figures that README.md and docs/ quote are those that a benchmark wrote, or that a training gives."""

import json
import re
import runpy
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


def test_the_status_on_the_page_is_that_of_the_films(trained_campaign: str) -> None:
    personalize = boto3.client("personalize")
    version = personalize.describe_campaign(campaignArn=trained_campaign)["campaign"]["solutionVersionArn"]
    metrics = personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    (line,) = re.findall(r"ACTIVE  (NDCG.*)", (ROOT / "docs" / "admin.md").read_text("utf-8"))
    assert line.split() == [word for name, metric in IN_STATUS.items() for word in (name, f"{metrics[metric]:.3f}")]
