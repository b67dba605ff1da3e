"""Why an answer is as it is."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from fakepersonalize.admin.answers import filters
from fakepersonalize.controls import Controls


def blueprint(controls: Controls) -> Blueprint:
    """Return `GET /explain/<recommendationId>`; `titles` in the query names a column with titles of items."""
    pages = Blueprint("explaining", __name__)

    @pages.get("/explain/<id_>")
    def explain(id_: str) -> ResponseReturnValue:
        asked = filters("titles")
        try:
            return controls.explain(id_, **asked)
        except LookupError as gone:
            raise NotFound(str(gone.args[0])) from None

    return pages
