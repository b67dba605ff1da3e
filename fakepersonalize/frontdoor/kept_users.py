"""Groups, and users with their access keys, as facts and back. Knows moto from inside.

Certificates, SSH keys and MFA devices of users are not kept, nor when a key was used last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from moto.iam.models import Group, User

from fakepersonalize.frontdoor.kept_roles import detach_all

_NewUser: Callable[..., Any] = User  # moto leaves methods abstract that it never calls


def groups(backend: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names of groups, and what is known of each; users tell who is in it."""
    for group in list(backend.groups.values()):
        yield group.name, _facts(group)


def users(backend: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names of users, and what is known of each."""
    for user in list(backend.users.values()):
        keys = [
            [key.access_key_id, key.secret_access_key, key.status, key.create_date.isoformat()]
            for key in user.access_keys
        ]
        yield (
            user.name,
            {
                **_facts(user),
                "region": user.region_name,
                "tags": backend.tagger.get_tag_dict_for_resource(user.arn),
                "groups": user.group_list,
                "password": [user.password, user.password_reset_required],
                "keys": keys,
            },
        )


def restore_group(backend: Any, facts: dict[str, Any]) -> None:
    group = Group(backend.account_id, backend.region_name, facts["name"], facts["path"])
    _restore_facts(group, facts)
    backend.groups[group.name] = group
    for arn in facts["attached"]:
        backend.attach_group_policy(arn, group.name)


def restore_user(backend: Any, facts: dict[str, Any]) -> None:
    user = _NewUser(backend.account_id, facts["region"], facts["name"], facts["path"])
    _restore_facts(user, facts)
    user.password, user.password_reset_required = facts["password"]
    backend.users[user.name] = user
    tags = [{"Key": key, "Value": value} for key, value in facts["tags"].items()]
    backend.tagger.tag_resource(user.arn, tags)
    for arn in facts["attached"]:
        backend.attach_user_policy(arn, user.name)
    for group in facts["groups"]:
        backend.add_user_to_group(group, user.name)
    for id_, secret, status, created in facts["keys"]:
        key = user.create_access_key(id_[:4], status)
        key.access_key_id, key.secret_access_key = id_, secret
        key.create_date = datetime.fromisoformat(created)
        backend.access_keys[id_] = key


def remove_group(backend: Any, name: str) -> None:
    group = backend.groups.pop(name, None)
    if group:
        detach_all(group)


def remove_user(backend: Any, name: str) -> None:
    """Take a user out of moto's memory, with its keys, and out of its groups."""
    user = backend.users.get(name)
    if user is None:
        return
    detach_all(user)
    for group in backend.get_groups_for_user(name):
        group.users.remove(user)
    for key in user.access_keys:
        backend.access_keys.pop(key.access_key_id, None)
    backend.tagger.delete_all_tags_for_resource(user.arn)
    del backend.users[name]


def _facts(thing: Any) -> dict[str, Any]:
    return {
        "id": thing.id,
        "name": thing.name,
        "path": thing.path,
        "created": thing.create_date.isoformat(),
        "policies": dict(thing.policies),
        "attached": list(thing.managed_policies),
    }


def _restore_facts(thing: Any, facts: dict[str, Any]) -> None:
    thing.id, thing.policies = facts["id"], facts["policies"]
    thing.create_date = datetime.fromisoformat(facts["created"])
