"""A local, offline Amazon Personalize that trains real models.

Importing the package is cheap: what needs more than the standard library is loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakepersonalize.version import __version__

__all__ = ["Emulator", "Remote", "Settings", "__version__", "create_app", "mock_personalize"]

if TYPE_CHECKING:
    from fakepersonalize.emulator import Emulator
    from fakepersonalize.mock import mock_personalize
    from fakepersonalize.remote import Remote
    from fakepersonalize.server import create_app
    from fakepersonalize.settings import Settings

_HOMES = {
    "Emulator": "emulator",
    "Remote": "remote",
    "Settings": "settings",
    "create_app": "server",
    "mock_personalize": "mock",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
