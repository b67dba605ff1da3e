"""Every setting: its name, default, environment variable and one line of help."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import Any

ENVIRONMENT_PREFIX = "FAKEPERSONALIZE_"
_TOKEN = re.compile(r"[!-~]{1,200}")  # as it can stand in a header
REGION_CODE = re.compile(r"[a-z]{2,10}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_ENDPOINT = re.compile(r"https?://[\w.\[\]:-]+/?")
SEEDED_START = datetime(2026, 1, 1, tzinfo=UTC)  # times are the same from run to run then
MISSPELT = "{given} is no setting, but {known} is"
UNKNOWN = "{given} is no setting; those are {known}"
WRONG_TYPE = "{name} must be {type}, not {value!r}"
LIKENESS = 0.75  # of a variable to one of ours, from which on it is taken for a slip: others may begin as ours do
EARLIEST_TIME, LATEST_TIME = 0.0, 253_402_300_800.0  # 1970; no client shows the year 10000
NO_SUCH_YEAR = "clock_start must lie in the years 1970 to 9999, not {text!r}"
NO_TIME = "clock_start must be a time such as 2026-01-31T12:00:00Z, not {text!r}"


def _setting(
    default: Any, help: str, choices: tuple[str, ...] = (), flag: str | None = None, secret: bool = False
) -> Any:
    return field(default=default, metadata={"help": help, "choices": choices, "flag": flag}, repr=not secret)


def _spare_cores() -> int:
    return max(1, (os.cpu_count() or 2) - 1)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be chosen about one emulator; each field is also `FAKEPERSONALIZE_<NAME>` in the environment."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(7377, "port to listen on; 0 picks a free one")
    port_file: str | None = _setting(None, "file that gets the port once the server listens")
    data_dir: str | None = _setting(None, "folder that keeps everything; without it a temporary one, removed at exit")
    s3_endpoint: str | None = _setting(
        None, "URL of an S3 elsewhere, where jobs read and write; this server has none then"
    )
    setup: str | None = _setting(None, "file, YAML or JSON, with what is to be there before the first call")
    setup_account: str = _setting("123456789012", "account of what a set-up file makes, unless it names one")
    setup_region: str = _setting("us-east-1", "region of what a set-up file makes, unless it names one")
    allow_host: tuple[str, ...] = _setting(
        (), "a further Host that may be asked for (repeatable; comma separated in the environment)"
    )
    token: str | None = _setting(
        None,
        "token that the pages under /_fakepersonalize/ and /moto-api/ require of everybody but this machine; a server "
        "that listens beyond it makes one up",
        flag="admin-token",
        secret=True,
    )
    lifecycle: str = _setting(
        "instant", "how time passes for resources", ("instant", "classroom", "manual", "realistic")
    )
    classroom_factor: float = _setting(
        60.0, "how many times as fast as the wall clock time passes in the profile classroom"
    )
    transitions: tuple[str, ...] = _setting(
        (),
        "how one kind of resources passes through its statuses, whatever the profile: KIND=immediate, "
        "KIND=time:SECONDS or KIND=manual:TIMES (repeatable; comma separated in the environment)",
    )
    step_seconds: float | None = _setting(
        None, "how long each status lasts in the profile instant (0.1 in a server, 0 in process), or manual"
    )
    clock_start: str | None = _setting(
        None,
        "when the clock of the profile manual starts, as 2026-01-31T12:00:00Z: now, or with a seed "
        f"{SEEDED_START:%Y-%m-%dT%H:%M:%SZ}",
    )
    lags: str = _setting(
        "none", "how long new rows take to count in answers: nothing, or as in the cloud", ("none", "aws")
    )
    limits: str = _setting("aws", "enforce AWS's quotas and minima of data, or none", ("aws", "off"))
    rates: str = _setting("off", "refuse what comes faster than AWS's quotas allow, or nothing", ("aws", "off"))
    iam: str = _setting(
        "warn",
        "check roles and bucket policies as AWS does: not at all, with a warning in the log, or for real",
        ("off", "warn", "enforce"),
    )
    messages: str = _setting("teach", "put a hint of ours behind AWS's sentences, or not", ("teach", "aws"))
    seed: int | None = _setting(None, "makes identifiers and models repeatable")
    auto_training: str = _setting(
        "off",
        "train solutions with performAutoTraining, and recommenders, by schedule as the clock goes, or none unasked",
        ("off", "clock"),
    )
    train_threads: int = field(
        default_factory=_spare_cores,
        metadata={"help": "threads that training may use (cores - 1)", "choices": (), "flag": None},
    )
    loaded_models: int = _setting(8, "how many trained models stay in memory")
    loaded_megabytes: int = _setting(2048, "how much memory trained models may take together; one always stays")
    explainable: int = _setting(100_000, "how many of the newest recommendations can be explained")
    quiet: bool = _setting(False, "print no line for each request; answers are the same")
    in_process: bool = _setting(False, "work inline in the caller's thread: no ticker, no worker process")

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, _typed(f.name, str(f.type), getattr(self, f.name)))
            value, choices = getattr(self, f.name), f.metadata["choices"]
            if choices and value not in choices:
                raise ValueError(f"{f.name} must be one of {', '.join(choices)}, not {value!r}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie between 0 and 65535, not {self.port}")
        if self.s3_endpoint is not None and not _ENDPOINT.fullmatch(self.s3_endpoint):
            raise ValueError(f"s3_endpoint must be a URL such as http://localhost:9000, not {self.s3_endpoint!r}")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise ValueError("token must be 1 to 200 letters, digits and signs of ASCII, without spaces")
        if not 0 < self.classroom_factor < float("inf"):
            raise ValueError(f"classroom_factor must be a positive number, not {self.classroom_factor}")
        if self.step_seconds is not None and not 0 <= self.step_seconds < float("inf"):
            raise ValueError(f"step_seconds must be a number from 0 on, not {self.step_seconds}")
        for name in ("explainable", "loaded_models", "loaded_megabytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not re.fullmatch("[0-9]{12}", self.setup_account):
            raise ValueError(f"setup_account must have twelve digits, not {self.setup_account!r}")
        if not REGION_CODE.fullmatch(self.setup_region):
            raise ValueError(f"setup_region must be the code of a region such as eu-west-1, not {self.setup_region!r}")
        self.start_of_time  # noqa: B018 - raises for what is no time
        if self.train_threads < 1:
            raise ValueError("train_threads must be at least 1")
        if self.seed is not None and self.seed < 0:
            raise ValueError("seed must not be negative")

    @property
    def teach(self) -> bool:
        return self.messages == "teach"

    @property
    def quotas(self) -> bool:
        return self.limits == "aws"

    @property
    def seconds_per_step(self) -> float:
        """How long a step of the profile `instant` lasts."""
        if self.step_seconds is not None:
            return self.step_seconds
        return 0.0 if self.in_process else 0.1

    @property
    def start_of_time(self) -> float | None:
        """When a manual clock starts, in seconds since the epoch; None is now."""
        if self.clock_start is None:
            return None if self.seed is None else SEEDED_START.timestamp()
        try:
            read = datetime.fromisoformat(self.clock_start)
            found = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise ValueError(NO_TIME.format(text=self.clock_start[:40])) from None
        if not EARLIEST_TIME <= found < LATEST_TIME:
            raise ValueError(NO_SUCH_YEAR.format(text=self.clock_start[:40]))
        return found

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Settings:
        """Return the settings that the environment names, under those that are given (None means not given).

        Raises ValueError for values that are none, and for a variable that is almost one of ours.
        """
        for name in (name.removeprefix(ENVIRONMENT_PREFIX) for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
            if meant := _meant(name.lower(), LIKENESS):
                sentence = MISSPELT.format(given=ENVIRONMENT_PREFIX + name, known=ENVIRONMENT_PREFIX + meant.upper())
                raise ValueError(sentence)
        values = {
            f.name: read(f.name, environ[variable])
            for f in fields(cls)
            if (variable := ENVIRONMENT_PREFIX + f.name.upper()) in environ
        }
        return cls(**values | {name: value for name, value in given.items() if value is not None})


def unknown(given: Iterable[str]) -> str | None:
    """Return a sentence about the first of some names that is no setting's, with the one that was meant; else None."""
    known = [f.name for f in fields(Settings)]
    for name in given:
        if name not in known:
            meant = _meant(name)
            return (MISSPELT if meant else UNKNOWN).format(given=name, known=meant or ", ".join(known))
    return None


def _meant(name: str, likeness: float = 0.6) -> str | None:
    """Return the setting that a name comes nearest to; None where it is one, or is near to none."""
    known = [f.name for f in fields(Settings)]
    return None if name in known else next(iter(difflib.get_close_matches(name, known, 1, likeness)), None)


def _typed(name: str, annotation: str, value: Any) -> Any:
    """Return a value as the type of its setting. Raises TypeError for another, without guessing what was meant."""
    kind, _, optional = annotation.partition(" | ")
    if value is None and optional:
        return None
    said, is_such, convert = _TYPES[kind]
    if not is_such(value):
        raise TypeError(WRONG_TYPE.format(name=name, type=said, value=value))
    return convert(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_number(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind) and not isinstance(value, bool)


_TYPES: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
    "str": ("a text", _is_text, os.fspath),
    "int": ("a whole number", _is_number(Integral), int),
    "float": ("a number", _is_number(Real), float),
    "bool": ("True or False", lambda value: isinstance(value, bool), bool),
    "tuple[str, ...]": (
        "a list of texts",
        lambda value: isinstance(value, list | tuple) and all(isinstance(each, str) for each in value),
        tuple,
    ),
}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _yes(text: str) -> bool:
    return text.lower() in ("1", "true", "yes", "on")


_READERS: dict[str, Any] = {
    "port": int,
    "seed": int,
    "train_threads": int,
    "loaded_models": int,
    "loaded_megabytes": int,
    "explainable": int,
    "step_seconds": float,
    "classroom_factor": float,
    "transitions": _names,
    "in_process": _yes,
    "quiet": _yes,
    "allow_host": _names,
}


def read(name: str, text: str) -> Any:
    """Return the value of a setting that somebody wrote as a text; ValueError where it is none."""
    try:
        return _READERS.get(name, str)(text)
    except ValueError:
        raise ValueError(f"{ENVIRONMENT_PREFIX}{name.upper()}={text!r} is not a valid {name}") from None
