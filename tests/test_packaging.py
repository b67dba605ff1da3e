"""What is installed is what is in the tree."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_room_is_packaged() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    packaged = set(settings["options"]["packages"].split())
    rooms = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("fakepersonalize/**/__init__.py")}
    assert packaged == rooms | {"fakepersonalize.fixtures"}
