"""Roles, users, groups and policies of an account's own, between moto's memory and the disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from moto.iam.models import iam_backends

from fakepersonalize.frontdoor import kept_roles, kept_users
from fakepersonalize.storage.objects import USER, Identity, ObjectStore

log = logging.getLogger(__name__)


class _Kind(NamedTuple):
    """How things of a kind are told apart, brought back, and taken out of moto's memory."""

    all: Callable[[Any], Iterable[tuple[str, dict[str, Any]]]]
    restore: Callable[[Any, dict[str, Any]], None]
    remove: Callable[[Any, str], None]


# In the order in which they come back: policies are attached to the others, and users are in groups.
_KINDS = {
    "policy": _Kind(kept_roles.policies, kept_roles.restore_policy, kept_roles.remove_policy),
    "role": _Kind(kept_roles.roles, kept_roles.restore_role, kept_roles.remove_role),
    "group": _Kind(kept_users.groups, kept_users.restore_group, kept_users.remove_group),
    USER: _Kind(kept_users.users, kept_users.restore_user, kept_users.remove_user),
}
_ORDER = list(_KINDS)
Place = tuple[str, str, str, str]


class KeptIdentities:
    """Keeps the roles, users, groups and policies of all accounts."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept: dict[Place, Identity] = {}

    def restore(self) -> None:
        """Bring back all that was kept; what cannot be read is reported in the log and left on the disk."""
        for identity in sorted(self._store.identities(), key=_turn):
            self._restore(identity)

    def keep(self, account: str, partition: str) -> None:
        """Keep what changed about the identities of an account; undo it when that fails."""
        now = {_place(identity): identity for identity in _identities(account, partition)}
        before = {place: kept for place, kept in self._kept.items() if place[:2] == (account, partition)}
        changed = [identity for place, identity in now.items() if before.get(place) != identity]
        gone = [identity for place, identity in before.items() if place not in now]
        if not changed and not gone:
            return
        try:
            self._store.keep_identities(changed, gone)
        except BaseException:
            backend = iam_backends[account][partition]
            for identity in now.values():
                _KINDS[identity.kind].remove(backend, identity.name)
            for identity in sorted(before.values(), key=_turn):
                self._restore(identity)
            raise
        for identity in gone:
            del self._kept[_place(identity)]
        self._kept |= {_place(identity): identity for identity in changed}

    def clear(self) -> None:
        """Forget everything; the store itself is cleared with the buckets."""
        self._kept.clear()

    def _restore(self, identity: Identity) -> None:
        backend = iam_backends[identity.account][identity.partition]
        try:
            _KINDS[identity.kind].remove(backend, identity.name)
            _KINDS[identity.kind].restore(backend, json.loads(identity.facts))
        except Exception:
            log.exception("the %s %s of the account %s cannot be restored", *identity[2:4], identity.account)
        else:
            self._kept[_place(identity)] = identity


def _place(identity: Identity) -> Place:
    return identity.account, identity.partition, identity.kind, identity.name


def _turn(identity: Identity) -> int:
    return _ORDER.index(identity.kind)


def _identities(account: str, partition: str) -> Iterator[Identity]:
    backend = iam_backends[account][partition]
    for kind, of in _KINDS.items():
        for name, facts in of.all(backend):
            yield Identity(account, partition, kind, name, json.dumps(facts))
