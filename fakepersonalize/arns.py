"""Build ARNs and take them apart; scopes and partitions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

AWS = "aws"
PARTITIONS = {AWS: "", "aws-cn": "cn-", "aws-us-gov": "us-gov-"}  # by what the names of their regions begin with
_ARN = re.compile(
    r"arn:(?P<partition>[a-z\d-]+):personalize:(?P<region>[^:]*):(?P<account>[^:]*):(?P<tail>.+)", re.DOTALL
)


class Scope(NamedTuple):
    """Who asks and where: nothing of one scope is seen from another."""

    account: str
    region: str

    @property
    def partition(self) -> str:
        return max(PARTITIONS, key=lambda name: len(PARTITIONS[name]) * self.region.startswith(PARTITIONS[name]))


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN taken apart; `kind` is what stands before the first slash, `id` what stands behind it."""

    partition: str
    region: str
    account: str
    kind: str
    id: str

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


def build(scope: Scope, tail: str) -> str:
    """Return the ARN of `tail`, such as `campaign/films`, in a scope."""
    return f"arn:{scope.partition}:personalize:{scope.region}:{scope.account}:{tail}"


def service_owned(tail: str, partition: str) -> str:
    """Return the ARN of what is the service's own, such as `recipe/aws-sims`: of no region and no account."""
    return f"arn:{partition}:personalize:::{tail}"


@lru_cache(maxsize=4096)  # every answer asks
def parse(text: str) -> Arn | None:
    """Take a Personalize ARN apart; None when it is not one."""
    found = _ARN.fullmatch(text)
    if not found:
        return None
    kind, _, id_ = found["tail"].partition("/")
    return Arn(found["partition"], found["region"], found["account"], kind, id_)
