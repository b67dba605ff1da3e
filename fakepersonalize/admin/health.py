"""Whether the emulator lives, and whether it is ready: for health checks of containers and scripts."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue


def blueprint(ready: Callable[[], bool]) -> Blueprint:
    """Return `GET /health/live`, always 200, and `GET /health/ready`, 200 once `ready()` and 503 before."""
    pages = Blueprint("health", __name__)

    @pages.get("/health/live")
    def live() -> ResponseReturnValue:
        return {"status": "live"}

    @pages.get("/health/ready")
    def is_ready() -> ResponseReturnValue:
        return ({"status": "ready"}, 200) if ready() else ({"status": "starting"}, 503)

    return pages
