"""What shows how the emulator is set up, what it was asked, and what it works on."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from fakepersonalize.admin import overview
from fakepersonalize.admin.answers import filters
from fakepersonalize.emulator import Emulator
from fakepersonalize.version import __version__

SECRET = ("token",)


def blueprint(emulator: Emulator) -> Blueprint:
    """Return `GET /settings`, `GET /requests`, `GET /jobs` and `GET /status`."""
    pages = Blueprint("view", __name__)

    @pages.get("/settings")
    def settings() -> ResponseReturnValue:
        filters()
        folder = emulator.folder
        shown = {name: value for name, value in asdict(emulator.settings).items() if name not in SECRET}
        return {"version": __version__, "settings": shown, "folder": str(folder.path), "temporary": folder.temporary}

    @pages.get("/requests")
    def requests() -> ResponseReturnValue:
        """The newest calls, oldest first; `operation` and `account` in the query choose among them."""
        chosen = filters("operation", "account")
        try:
            return {"requests": emulator.calls(**chosen)}
        except ValueError as problem:
            raise BadRequest(str(problem)) from None

    @pages.get("/jobs")
    def jobs() -> ResponseReturnValue:
        """What is under way, what became of what is over, and what looked odd in the rows of imports."""
        filters()
        return overview.jobs(emulator)

    @pages.get("/status")
    def status() -> ResponseReturnValue:
        """Dataset groups and what is in them; `account` and `region` in the query choose among them."""
        return overview.status(emulator, **filters("account", "region"))

    return pages
