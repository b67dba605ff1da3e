"""What shows how the emulator is set up, what it was asked, and what it works on."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint
from flask.typing import ResponseReturnValue

from fakepersonalize import __version__
from fakepersonalize.admin.answers import filters
from fakepersonalize.emulator import Emulator
from fakepersonalize.resources.kinds import DATASET_IMPORT_JOB

SECRET = ("token",)


def blueprint(emulator: Emulator) -> Blueprint:
    """Return `GET /settings`, `GET /requests` and `GET /jobs`."""
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
        return {"requests": emulator.calls(**filters("operation", "account"))}

    @pages.get("/jobs")
    def jobs() -> ResponseReturnValue:
        """What is under way, and what looked odd in the rows of imports that are over."""
        filters()
        odd = (each for each in emulator.shelf.of_kind(DATASET_IMPORT_JOB) if "warnings" in each.document)
        warnings = [{"resource": each.arn, "warnings": each["warnings"]} for each in odd]
        return {"jobs": emulator.lifecycle.workshop.jobs(), "warnings": warnings}

    return pages
