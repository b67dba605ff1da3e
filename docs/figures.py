"""Write the figures that README.md and docs/metrics.md quote from benchmarks/figures.json.

    python docs/figures.py

A test checks that the pages are current. `benchmarks/quality.py` writes the file.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "benchmarks" / "figures.json"
MRR, NDCG, COVERAGE = "mean_reciprocal_rank_at_25", "normalized_discounted_cumulative_gain_at_25", "coverage"
P5, P25 = "precision_at_5", "precision_at_25"
COLUMNS = {MRR: "MRR", NDCG: "NDCG@25", P5: "P@5", P25: "P@25", COVERAGE: "coverage"}
# As AWS's sample notebooks print them: https://github.com/aws-samples/amazon-personalize-samples
PRINTED = {
    "T aws-hrnn": {MRR: 0.278, NDCG: 0.361, P5: 0.122},
    "T aws-popularity-count": {MRR: 0.064, NDCG: 0.122, P5: 0.020},
    "I50 aws-user-personalization": {MRR: 0.2629, NDCG: 0.3549},
    "I50 aws-personalized-ranking": {MRR: 0.2652, NDCG: 0.3474},
    "I50 aws-similar-items": {MRR: 0.1873, NDCG: 0.263},
    "I50 aws-sims": {MRR: 0.1807, NDCG: 0.2516},
    "POC aws-user-personalization": {MRR: 0.269, NDCG: 0.3321},
    "POC aws-sims": {MRR: 0.1669, NDCG: 0.2895},
}
SENTENCE = """\
On MovieLens 1M with the newest tenth of every history held out, as in AWS's own sample notebook, `aws-hrnn` has a mean
reciprocal rank of {MRR} here, where the notebook printed {MRR_printed} (precision at 5: {P5} and {P5_printed}; NDCG at
25: {NDCG} and {NDCG_printed}). `benchmarks/quality.py` measures it anew; [metrics](docs/metrics.md) has all figures."""


def pages() -> dict[Path, str]:
    """Return README.md and docs/metrics.md as they are to be."""
    figures = json.loads(FILE.read_text("utf-8"))
    parts = {
        ROOT / "README.md": {"figures": _sentence(figures)},
        ROOT / "docs" / "metrics.md": {"figures": _table(figures), "floors": _floors(figures)},
    }
    return {page: _filled(page.read_text("utf-8"), own) for page, own in parts.items()}


def _filled(text: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        between = re.compile(rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, found = between.subn(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
        assert found == 1, name
    return text


def _sentence(figures: dict[str, Any]) -> str:
    own, printed = figures["T aws-hrnn"]["metrics"], PRINTED["T aws-hrnn"]
    names = {"MRR": MRR, "P5": P5, "NDCG": NDCG}
    given = {name: _short(own[metric]) for name, metric in names.items()}
    return SENTENCE.format(**given, **{f"{name}_printed": _short(printed[metric]) for name, metric in names.items()})


def _table(figures: dict[str, Any]) -> str:
    rows = [["data, recipe", *COLUMNS.values(), "AWS printed"], ["---"] * (len(COLUMNS) + 2)]
    for name, found in figures.items():
        if MRR in found["metrics"]:
            printed = [f"{COLUMNS[metric]} {value}" for metric, value in PRINTED.get(name, {}).items()]
            rows.append([name, *(f"{found['metrics'][metric]:.4f}" for metric in COLUMNS), ", ".join(printed)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _floors(figures: dict[str, Any]) -> str:
    below = [
        f"- {name}: {COLUMNS.get(metric, metric)} is {found['metrics'][metric]}, its floor {found['floors'][metric]}"
        for name, found in figures.items()
        for metric in found["below_floor"]
    ]
    return "\n".join(below or ["None is below."])


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
