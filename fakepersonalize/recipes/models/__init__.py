"""The models: each one module, found by the name that rows of the catalogue use.

A model is fitted to integer codes, answers from arrays, and is saved as arrays without pickling.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakepersonalize.recipes.training import Model

MODELS = {
    "attribute-affinity": ("affinity", "AttributeAffinity"),
    "blend": ("blend", "Blend"),
    "item-affinity": ("affinity", "Affinity"),
    "item-item": ("item_item", "ItemItem"),
    "next-best-action": ("actions", "NextBestAction"),
    "popularity": ("popularity", "Popularity"),
    "semantic": ("semantic", "Semantic"),
    "similar-items": ("similar_items", "SimilarItems"),
    "trending": ("trending", "Trending"),
}


def model_class(name: str) -> type[Model]:
    """Return the class of the model called `name`; a KeyError for a name that is not in `MODELS`."""
    module, attribute = MODELS[name]
    found: type[Model] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found
