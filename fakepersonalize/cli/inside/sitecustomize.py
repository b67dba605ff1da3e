"""Lets `time.sleep` move the emulator's clock, and downloads of MovieLens end well without a network.

Python imports this module at its start (https://docs.python.org/3/library/site.html), in programs of others and perhaps
in older versions of Python: it must not fail, and leaves everything else as it is.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

MYPY = False
if MYPY:
    from types import ModuleType
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
FAST_SLEEP = os.environ.get("FAKEPERSONALIZE_FAST_SLEEP", "")  # URL of the server
TOKEN = os.environ.get("FAKEPERSONALIZE_TOKEN", "")  # of its admin pages
DOWNLOAD = os.environ.get("FAKEPERSONALIZE_DOWNLOAD", "")  # the Python that has fakepersonalize
# Their threads sleep in a loop for ever, and mean the time on the wall.
NOT_THE_PROGRAM = ("ipykernel", "debugpy", "pydevd", "_pydevd", "tornado", "jupyter", "tqdm", "threading")

really_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Move the emulator's clock on, and return at once; sleep as usual where there is none that can be moved."""
    caller = sys._getframe(1).f_globals.get("__name__") or ""
    if not seconds > 0 or caller.startswith(NOT_THE_PROGRAM) or not _advance(seconds):
        really_sleep(seconds)


def _advance(seconds: float) -> bool:
    import http.client
    import json
    from urllib.parse import urlsplit

    server = urlsplit(FAST_SLEEP)
    connection = http.client.HTTPConnection(server.hostname or "", server.port)
    headers = {"Authorization": "Bearer " + TOKEN} if TOKEN else {}
    try:
        connection.request("POST", "/_fakepersonalize/clock", json.dumps({"seconds": float(seconds)}), headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # the server is gone
        return False
    finally:
        connection.close()


class WhenImported:
    """Changes urllib.request once a program imports it, and never imports it itself."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "urllib.request":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec: Any = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _divert(module)

        spec.loader.exec_module = exec_module
        return spec


def _divert(request: Any) -> None:
    """Make urllib give made-up data for an archive that it cannot get."""
    plain = request.OpenerDirector.open

    def open_(self: Any, fullurl: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return plain(self, fullurl, *args, **kwargs)
        except OSError:
            url = str(getattr(fullurl, "full_url", fullurl))
            content = _made_up(url) if "/ml-" in url else None
            if content is None:
                raise
            import io

            return request.addinfourl(io.BytesIO(content), {"Content-Length": str(len(content))}, url, 200)

    request.OpenerDirector.open = open_


def _made_up(url: str) -> bytes | None:
    """Return what stands in for a URL, or None."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "file")
        if subprocess.call([DOWNLOAD, "-P", "-m", "fakepersonalize.cli.download", "file", url, place]):
            return None
        with open(place, "rb") as file:
            return file.read()


def _import_what_this_hides() -> None:
    """Import the next module of this name, if there is one: others put things there as well."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    own = sys.modules.pop("sitecustomize")
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        sys.modules["sitecustomize"] = own


if __name__ == "sitecustomize":
    if FAST_SLEEP:
        time.sleep = sleep  # type: ignore[assignment]
    if DOWNLOAD:
        sys.meta_path.insert(0, WhenImported())
    _import_what_this_hides()
