"""What one caller of a load benchmark does (run by locust): the same request again and again, without a pause."""

from __future__ import annotations

import itertools
import json
import os

from locust import FastHttpUser, task

REQUEST = json.loads(os.environ["REQUEST"])
# Space behind JSON means nothing, but makes every body another one: no answer is known from before.
padding = itertools.cycle(range(1000) if REQUEST["fresh"] else (0,))


class Caller(FastHttpUser):
    @task
    def ask(self) -> None:
        self.client.post(REQUEST["path"], data=REQUEST["body"] + " " * next(padding), headers=REQUEST["headers"])
