"""What all admin pages share: reading what was asked, and refusing it in a sentence for people."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from fakepersonalize.disk import complaint

log = logging.getLogger(__name__)
LARGEST_BODY_BYTES = 64 * 2**10

NOT_JSON = "The body must be a JSON object, such as {example}."
UNKNOWN = "There is no {name!r} here; there are {known}."
WRONG_TYPE = "{name} must be {type}."
TYPES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def refused(problem: HTTPException) -> ResponseReturnValue:
    """Answer with the sentence of an HTTP error as JSON."""
    return {"error": problem.description}, problem.code or 500


def failed(problem: Exception) -> ResponseReturnValue:
    """Answer with a sentence where the disk is full or fails, or else raise the error."""
    said = complaint(problem)
    if said is None:
        raise problem
    log.error("%s failed: %s", request.path, said)
    return {"error": said}, HTTPStatus.INSUFFICIENT_STORAGE


def asked(known: Mapping[str, type], example: str) -> dict[str, Any]:
    """Return the members of the body, whatever its content type says; no body is an empty object.

    `known` maps the members that there may be to their types; `object` is any. Raises BadRequest and
    RequestEntityTooLarge.
    """
    request.max_content_length = LARGEST_BODY_BYTES
    try:
        found = json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRequest(NOT_JSON.format(example=example))
    _require_known(found, known)
    return {name: _typed(name, value, known[name]) for name, value in found.items()}


def filters(*known: str) -> dict[str, str]:
    """Return the query; raises BadRequest for what is not known."""
    _require_known(request.args, dict.fromkeys(known, str))
    return request.args.to_dict()


def _require_known(found: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for name in found.keys() - known.keys():
        raise BadRequest(UNKNOWN.format(name=name[:100], known=", ".join(known) or "none"))


def _typed(name: str, value: Any, wanted: type) -> Any:
    if wanted is float and type(value) is int:
        value = float(value) if abs(value) < 1e300 else math.inf
    if wanted is not object and type(value) is not wanted:
        raise BadRequest(WRONG_TYPE.format(name=name, type=TYPES[wanted]))
    return value
