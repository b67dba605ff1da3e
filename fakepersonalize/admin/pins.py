"""Answers that are pinned: what a test wants to be recommended, whatever a model has learnt."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from fakepersonalize.admin.answers import asked, filters
from fakepersonalize.controls import Controls
from fakepersonalize.recommend.pins import MEMBERS

EXAMPLE = '{"campaign": "arn:...", "user": "u1", "items": ["a", "b"]}'
TRUE_OR_FALSE = "strict must be true or false."
NO_CAMPAIGN = "campaign is missing: the ARN of the campaign or recommender that answers so."
STRICT_ALONE = "strict stands alone, or beside campaign."


def blueprint(controls: Controls) -> Blueprint:
    """Return `GET /pins`, `POST /pins` and `DELETE /pins`."""
    pages = Blueprint("pins", __name__)

    @pages.get("/pins")
    def show() -> ResponseReturnValue:
        filters()
        return _shown(controls)

    @pages.post("/pins")
    def pin() -> ResponseReturnValue:
        """Pin an answer, or say whether calls without a pin fail."""
        wanted = asked(dict.fromkeys((*MEMBERS, "strict"), object), EXAMPLE)
        try:
            if "strict" in wanted:
                controls.strict(**_strictness(wanted))
            elif "campaign" not in wanted:
                raise BadRequest(NO_CAMPAIGN)
            else:
                controls.pin(**wanted)
        except LookupError as problem:
            raise NotFound(str(problem.args[0])) from None
        except ValueError as problem:
            raise BadRequest(str(problem)) from None
        return _shown(controls)

    @pages.delete("/pins")
    def unpin() -> ResponseReturnValue:
        """Remove the pins that have the campaign, user and item of the query; without a query all, and strictness."""
        return {"removed": controls.unpin(**filters("campaign", "user", "item"))}

    return pages


def _shown(controls: Controls) -> dict[str, Any]:
    return {"pins": controls.pins(), "strict": controls.is_strict}


def _strictness(wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted.keys() - {"strict", "campaign"}:
        raise BadRequest(STRICT_ALONE)
    if not isinstance(wanted["strict"], bool):
        raise BadRequest(TRUE_OR_FALSE)
    return {"on": wanted["strict"], "campaign": wanted.get("campaign")}
