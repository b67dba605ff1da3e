"""Rules by which something fails on demand."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from fakepersonalize.admin.answers import asked, filters
from fakepersonalize.controls import Controls
from fakepersonalize.faults import NO_SUCH_RULE, Rule

EXAMPLE = '{"operation": "GetRecommendations", "error": "ThrottlingException", "count": 2}'


def blueprint(controls: Controls) -> Blueprint:
    """Return `GET /faults`, `POST /faults`, `DELETE /faults` and `DELETE /faults/<number>`."""
    pages = Blueprint("faults", __name__)

    @pages.get("/faults")
    def show() -> ResponseReturnValue:
        filters()
        return {"faults": controls.faults()}

    @pages.post("/faults")
    def make() -> ResponseReturnValue:
        """Make a rule of the members of the body; answer with its number."""
        try:
            return {"number": controls.fail(**asked(dict.fromkeys(Rule.__slots__, object), EXAMPLE))}
        except ValueError as problem:
            raise BadRequest(str(problem)) from None

    @pages.delete("/faults")
    def mend_all() -> ResponseReturnValue:
        controls.mend()
        return {"faults": []}

    @pages.delete("/faults/<int:number>")
    def mend(number: int) -> ResponseReturnValue:
        try:
            controls.mend(number)
        except LookupError:
            raise NotFound(NO_SUCH_RULE.format(number=number)) from None
        return {"faults": controls.faults()}

    return pages
