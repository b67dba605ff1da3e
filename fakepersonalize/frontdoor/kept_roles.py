"""Roles, and policies of an account's own, between moto's memory and the disk. Knows moto from inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from moto.iam.models import AWSManagedPolicy, ManagedPolicy, PolicyVersion, Role, iam_backends

from fakepersonalize.storage.objects import Identity, ObjectStore

log = logging.getLogger(__name__)
# Called through these names, since moto leaves methods abstract that it never calls.
_NewRole: Callable[..., Any] = Role
_NewPolicy: Callable[..., Any] = ManagedPolicy
POLICY, ROLE = "policy", "role"  # also the order in which they come back: policies are attached to roles
Place = tuple[str, str, str, str]


class KeptRoles:
    """Keeps the roles and policies of all accounts."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept: dict[Place, Identity] = {}

    def restore(self) -> None:
        """Bring back all that was kept; what cannot be read is reported in the log and left on the disk."""
        for identity in self._store.identities():
            self._restore(identity)

    def keep(self, account: str, partition: str) -> None:
        """Keep what changed about the roles and policies of an account; undo it when that fails."""
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
                _remove(backend, identity)
            for identity in sorted(before.values(), key=_place):
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
            _remove(backend, identity)
            _RESTORERS[identity.kind](backend, json.loads(identity.facts))
        except Exception:
            log.exception("the %s %s of the account %s cannot be restored", *identity[2:4], identity.account)
        else:
            self._kept[_place(identity)] = identity


def _place(identity: Identity) -> Place:
    return identity.account, identity.partition, identity.kind, identity.name


def _identities(account: str, partition: str) -> Iterator[Identity]:
    backend = iam_backends[account][partition]
    for policy in list(backend.managed_policies.values()):
        if not isinstance(policy, AWSManagedPolicy):
            yield Identity(account, partition, POLICY, policy.arn, json.dumps(_policy_facts(policy)))
    for role in list(backend.roles.values()):
        yield Identity(account, partition, ROLE, role.name, json.dumps(_role_facts(role)))


def _remove(backend: Any, identity: Identity) -> None:
    """Take a role or policy out of moto's memory, attached or not."""
    if identity.kind == POLICY:
        backend.managed_policies.pop(identity.name, None)
        return
    for number, role in list(backend.roles.items()):
        if role.name == identity.name:
            for policy in list(role.managed_policies.values()):
                policy.detach_from(role)
            del backend.roles[number]


def _role_facts(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "name": role.name,
        "trust": role.assume_role_policy_document,
        "path": role.path,
        "boundary": role.permissions_boundary_arn,
        "description": role.description,
        "tags": role.tags,
        "session": role.max_session_duration,
        "linked": role._linked_service,
        "created": role.create_date.isoformat(),
        "policies": dict(role.policies),
        "attached": list(role.managed_policies),
    }


def _restore_role(backend: Any, facts: dict[str, Any]) -> None:
    role = _NewRole(
        backend.account_id,
        backend.partition,
        facts["id"],
        facts["name"],
        facts["trust"],
        facts["path"],
        facts["boundary"],
        facts["description"],
        facts["tags"],
        facts["session"],
        facts["linked"],
    )
    role.create_date = datetime.fromisoformat(facts["created"])
    role.policies = facts["policies"]
    backend.roles[role.id] = role
    for arn in facts["attached"]:
        backend.attach_role_policy(arn, role.name)


def _policy_facts(policy: ManagedPolicy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "name": policy.name,
        "path": policy.path,
        "description": policy.description,
        "tags": policy.tags,
        "created": policy.create_date.isoformat(),
        "updated": policy.update_date.isoformat(),
        "default": policy.default_version_id,
        "next": policy.next_version_num,
        "versions": [[v.version_id, v.document, v.is_default, v.create_date.isoformat()] for v in policy.versions],
    }


def _restore_policy(backend: Any, facts: dict[str, Any]) -> None:
    policy = _NewPolicy(
        facts["name"],
        backend.account_id,
        backend.region_name,
        description=facts["description"],
        path=facts["path"],
        create_date=datetime.fromisoformat(facts["created"]),
        update_date=datetime.fromisoformat(facts["updated"]),
        tags=facts["tags"],
    )
    policy.id, policy.partition = facts["id"], backend.partition
    policy.default_version_id, policy.next_version_num = facts["default"], facts["next"]
    policy.versions = [
        PolicyVersion(policy.arn, document, is_default, version, datetime.fromisoformat(created))
        for version, document, is_default, created in facts["versions"]
    ]
    backend.managed_policies[policy.arn] = policy


_RESTORERS = {POLICY: _restore_policy, ROLE: _restore_role}
