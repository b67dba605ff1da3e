"""What shows how the emulator is set up, what it was asked, and what it works on."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint
from flask.typing import ResponseReturnValue

from fakepersonalize import __version__
from fakepersonalize.admin.answers import filters
from fakepersonalize.emulator import Emulator


def blueprint(emulator: Emulator) -> Blueprint:
    """Return `GET /settings`, `GET /requests` and `GET /jobs`."""
    pages = Blueprint("view", __name__)

    @pages.get("/settings")
    def settings() -> ResponseReturnValue:
        filters()
        folder = emulator.folder
        shown = asdict(emulator.settings)
        return {"version": __version__, "settings": shown, "folder": str(folder.path), "temporary": folder.temporary}

    @pages.get("/requests")
    def requests() -> ResponseReturnValue:
        """The newest calls, oldest first; `operation` and `account` in the query choose among them."""
        return {"requests": [entry.shown() for entry in emulator.journal.entries(**filters("operation", "account"))]}

    @pages.get("/jobs")
    def jobs() -> ResponseReturnValue:
        filters()
        return {"jobs": emulator.lifecycle.workshop.jobs()}

    return pages
