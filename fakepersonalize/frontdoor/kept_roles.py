"""Roles, and policies of an account's own, as facts and back. Knows moto from inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from moto.iam.models import AWSManagedPolicy, ManagedPolicy, PolicyVersion, Role

# Called through these names, since moto leaves methods abstract that it never calls.
_NewRole: Callable[..., Any] = Role
_NewPolicy: Callable[..., Any] = ManagedPolicy


def roles(backend: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names of roles, and what is known of each."""
    for role in list(backend.roles.values()):
        yield role.name, _role_facts(role)


def policies(backend: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ARNs of the account's own policies, and what is known of each."""
    for policy in list(backend.managed_policies.values()):
        if not isinstance(policy, AWSManagedPolicy):
            yield policy.arn, _policy_facts(policy)


def remove_role(backend: Any, name: str) -> None:
    for number, role in list(backend.roles.items()):
        if role.name == name:
            detach_all(role)
            del backend.roles[number]


def remove_policy(backend: Any, arn: str) -> None:
    """Take a policy out of moto's memory, attached or not."""
    backend.managed_policies.pop(arn, None)


def detach_all(holder: Any) -> None:
    """Detach the policies of a role, group or user."""
    for policy in list(holder.managed_policies.values()):
        policy.detach_from(holder)


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


def restore_role(backend: Any, facts: dict[str, Any]) -> None:
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


def restore_policy(backend: Any, facts: dict[str, Any]) -> None:
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
