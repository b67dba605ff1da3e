"""What campaigns, recommenders and batch jobs may be told about their answers.

Source: https://docs.aws.amazon.com/personalize/latest/dg/native-recipe-new-item-USER_PERSONALIZATION.html, and the
members ItemExplorationConfig and RankingInfluence of the service model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakepersonalize import errors
from fakepersonalize.recipes.catalogue import Recipe


def check(recipe: Recipe, config: Mapping[str, Any] | None) -> None:
    """Raise an InvalidInputException for what the recipe cannot be told."""
    config = config or {}
    _check_exploration(recipe, config.get("itemExplorationConfig") or {})
    if config.get("rankingInfluence") and "ranking-influence" not in recipe.does:
        raise errors.invalid(errors.INFLUENCE_REFUSED)


def _check_exploration(recipe: Recipe, asked: Mapping[str, str]) -> None:
    known = {parameter.name: parameter for parameter in recipe.campaign_parameters}
    if asked and not known:
        raise errors.invalid(errors.EXPLORATION_REFUSED, arn=recipe.arn)
    for name, text in asked.items():
        if name not in known:
            raise errors.invalid(errors.UNKNOWN_EXPLORATION, name=name)
        known[name].parse(text)
