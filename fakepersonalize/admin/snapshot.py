"""Snapshots over HTTP: everything in one file, and back."""

from __future__ import annotations

import tempfile

from flask import Blueprint, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from fakepersonalize.admin.answers import filters
from fakepersonalize.emulator import Emulator
from fakepersonalize.snapshots.archive import BLOCK_BYTES, Unusable

KIND, NAME = "application/zip", "snapshot.zip"
TRUE, FALSE = "true", "false"
TRUE_OR_FALSE = "objects must be true or false."


def blueprint(emulator: Emulator) -> Blueprint:
    """Return `GET /snapshot`, with `objects=true` in the query for buckets as well, and `POST /snapshot`."""
    pages = Blueprint("snapshot", __name__)

    @pages.get("/snapshot")
    def save() -> ResponseReturnValue:
        objects = filters("objects").get("objects", FALSE)
        if objects not in (TRUE, FALSE):
            raise BadRequest(TRUE_OR_FALSE)
        file = tempfile.TemporaryFile(dir=emulator.folder.path)  # noqa: SIM115 - closed with the answer
        try:
            emulator.save_snapshot(file, objects == TRUE)
        except BaseException as problem:
            file.close()
            if isinstance(problem, Unusable):
                raise BadRequest(f"{problem}.") from None
            raise
        file.seek(0)
        return send_file(file, KIND, as_attachment=True, download_name=NAME)

    @pages.post("/snapshot")
    def load() -> ResponseReturnValue:
        """Put what the body holds in the place of all resources; say how many there are now."""
        filters()
        with tempfile.TemporaryFile(dir=emulator.folder.path) as file:
            while block := request.stream.read(BLOCK_BYTES):
                file.write(block)
            try:
                return {"loaded": emulator.load_snapshot(file)}
            except Unusable as problem:
                raise BadRequest(f"{problem}.") from None

    return pages
