"""Waiters for the service `personalize`, of which botocore ships none: each waits for a status or for a deletion.

They are a file of botocore's own format, `waiters-2.json` beside this module, and work against AWS as well. botocore's
side: https://docs.aws.amazon.com/boto3/latest/guide/clients.html#waiters.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.waiter import Waiter, WaiterModel

FILE = "waiters-2.json"
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
DELAY_SECONDS_HERE = 0.2  # what takes an hour at AWS takes seconds on this machine
FAST_SLEEP = "FAKEPERSONALIZE_FAST_SLEEP"  # set where sleeping moves the server's clock: there long delays are short
UNKNOWN = "There is no waiter {name!r}; there are {known}."


def names() -> list[str]:
    """Return the names of all waiters, such as `solution_version_active` and `campaign_deleted`."""
    from botocore import xform_name

    return [xform_name(name) for name in _model().waiter_names]


def get_waiter(client: BaseClient, name: str) -> Waiter:
    """Return a waiter for a boto3 client of `personalize`; its `wait` takes what the Describe operation takes.

    A resource that fails ends the waiting at once: the WaiterError that `wait` raises holds its failureReason, and the
    last answer as `last_response`. Between two questions pass 10 to 60 seconds, or a fifth of one where the endpoint of
    the client is on this machine; `WaiterConfig={"Delay": seconds, "MaxAttempts": times}` says otherwise. Raises
    ValueError for a name that there is not.
    """
    from botocore import xform_name
    from botocore.waiter import create_waiter_with_client

    model = _model()
    spelt = {xform_name(each): each for each in model.waiter_names}
    if name not in spelt:
        raise ValueError(UNKNOWN.format(name=name, known=", ".join(spelt)))
    waiter: Waiter = create_waiter_with_client(spelt[name], model, client)
    if urlsplit(client.meta.endpoint_url).hostname in HERE and FAST_SLEEP not in os.environ:
        waiter.config.max_attempts = int(waiter.config.max_attempts * waiter.config.delay / DELAY_SECONDS_HERE)
        waiter.config.delay = DELAY_SECONDS_HERE
    return _with_reasons(waiter)


def _model() -> WaiterModel:
    """Return a model of one's own, because botocore's waiters share what their model holds."""
    from botocore.waiter import WaiterModel

    return WaiterModel(json.loads(_text()))


@cache
def _text() -> str:
    return (files("fakepersonalize") / FILE).read_text("utf-8")


def _with_reasons(waiter: Waiter) -> Waiter:
    """Make what `wait` raises say why the resource failed."""
    from botocore.exceptions import WaiterError

    plain = waiter.wait

    def wait(**asked: Any) -> None:
        try:
            plain(**asked)
        except WaiterError as error:
            reason = _reason(error.last_response)
            if reason is None:
                raise
            raise WaiterError(
                error.kwargs["name"], f"{error.kwargs['reason']}: {reason}", error.last_response
            ) from None

    waiter.wait = wait
    return waiter


def _reason(answer: Any) -> str | None:
    """Return the failureReason of the resource that a Describe operation showed."""
    shown = (each for each in answer.values() if isinstance(each, dict)) if isinstance(answer, dict) else ()
    return next((each["failureReason"] for each in shown if each.get("failureReason")), None)
