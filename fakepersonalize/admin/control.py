"""What changes the emulator from outside AWS's own operations: reset and the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from fakepersonalize.admin.answers import asked
from fakepersonalize.emulator import Emulator
from fakepersonalize.setups.reading import SetupError

ONE_OF_BOTH = "Name an account or a datasetGroupArn, not both."
NO_SUCH_GROUP = "There is no dataset group {arn}."
SPANS = ("seconds", "minutes", "hours", "days")
MOST_TIMES = 1000
TIMES_OUT_OF_RANGE = "times must lie between 0 and {most}."


def blueprint(emulator: Emulator) -> Blueprint:
    """Return `POST /reset`, `GET /clock` and `POST /clock`."""
    pages = Blueprint("control", __name__)

    @pages.post("/reset")
    def reset() -> ResponseReturnValue:
        """Remove everything, or what is of one account or below one dataset group; say how many resources it was.

        With `setup`, the set-up file that the server was started with is then done again.
        """
        wanted = asked({"account": str, "datasetGroupArn": str, "setup": bool}, '{"account": "123456789012"}')
        account, group = wanted.get("account"), wanted.get("datasetGroupArn")
        if account is not None and group is not None:
            raise BadRequest(ONE_OF_BOTH)
        try:
            removed = emulator.reset(account, group, wanted.get("setup", False))
        except LookupError:
            raise NotFound(NO_SUCH_GROUP.format(arn=(group or "")[:300])) from None
        except ValueError as problem:
            raise BadRequest(str(problem)) from None
        except (SetupError, OSError) as problem:
            raise BadRequest(f"{problem}.") from None
        return {"removed": removed}

    @pages.get("/clock")
    def clock() -> ResponseReturnValue:
        return _clock(emulator)

    @pages.post("/clock")
    def advance() -> ResponseReturnValue:
        """Move the clock of the profile manual on, and tell what waits to be told; what is due has happened then."""
        wanted = asked({**dict.fromkeys(SPANS, float), "times": int}, '{"hours": 3}')
        times = wanted.pop("times", 0)
        if not 0 <= times <= MOST_TIMES:
            raise BadRequest(TIMES_OUT_OF_RANGE.format(most=MOST_TIMES))
        try:
            emulator.advance(times=times, **wanted)
        except ValueError as problem:
            raise BadRequest(str(problem)) from None
        return _clock(emulator)

    return pages


def _clock(emulator: Emulator) -> dict[str, Any]:
    now = emulator.clock.now()
    return {
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "seconds": now,
        "lifecycle": emulator.settings.lifecycle,
    }
