"""The mapping from the names of operations to the functions that do them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from fakepersonalize.operations.call import Call

Request = dict[str, Any]
Result = Mapping[str, Any] | None
Handler = Callable[[Call, Request], Result]

FAMILIES = (
    "batch_jobs",
    "campaigns",
    "data_jobs",
    "dataset_groups",
    "datasets",
    "event_trackers",
    "events",
    "filters",
    "metric_attributions",
    "recipes",
    "recommenders",
    "runtime",
    "schemas",
    "solutions",
    "solution_versions",
    "tags",
)
_HANDLERS: dict[str, Handler] = {}
_LOOKS: dict[str, Handler] = {}


def operation(function: Handler) -> Handler:
    """Register a function as the operation of its name: `create_campaign` does CreateCampaign."""
    name = getattr(function, "__name__")  # noqa: B009 - a Callable need not have a name for the type checker
    assert name not in _HANDLERS, f"{name} is there twice"
    _HANDLERS[name] = function
    return function


def before(name: str) -> Callable[[Handler], Handler]:
    """Register what an operation looks at outside the house before its transaction begins: nobody waits for it then."""

    def registered(function: Handler) -> Handler:
        assert name not in _LOOKS, f"{name} looks twice"
        _LOOKS[name] = function
        return function

    return registered


def looks() -> Mapping[str, Handler]:
    """Return what runs before an operation, by the name of the operation's function."""
    handlers()
    return _LOOKS


def handlers() -> Mapping[str, Handler]:
    """Return every operation that is built, by the name of its function."""
    for family in FAMILIES:
        import_module(f"fakepersonalize.operations.{family}")
    return _HANDLERS
