"""What a set-up file may say: keys, types, and which members of AWS's requests can be given where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fakepersonalize.settings import REGION_CODE
from fakepersonalize.setups.reading import Document, Keys, read

if TYPE_CHECKING:
    from pathlib import Path

TOP = ("account", "region", "buckets", "roles", "schemas", "dataset_groups")
GROUP = ("datasets", "solutions", "recommenders", "filters", "event_trackers")
DATASET_TYPES = {name.lower(): name for name in ("Interactions", "Items", "Users", "Actions", "Action_Interactions")}
# Keys of ours, and the operation whose members may stand beside them (those that the set-up fills in apart).
ITEMS: Mapping[str, tuple[tuple[str, ...], str | None, tuple[str, ...]]] = {
    "buckets": (("folder", "policy"), None, ()),
    "roles": (("policies",), None, ()),
    "dataset_groups": (GROUP, "CreateDatasetGroup", ("name",)),
    "datasets": (
        ("schema", "import", "role"),
        "CreateDataset",
        ("name", "schemaArn", "datasetGroupArn", "datasetType"),
    ),
    "solutions": (("recipe", "campaigns"), "CreateSolution", ("name", "datasetGroupArn", "recipeArn")),
    "campaigns": ((), "CreateCampaign", ("name", "solutionVersionArn")),
    "recommenders": (("recipe",), "CreateRecommender", ("name", "datasetGroupArn", "recipeArn")),
}

NO_KEY = "there is no such key here; there are {known}"
NO_MAPPING = "this must be a mapping"
NO_TEXT = "this must be a text"
NO_NAMES = "this must be a list of names, or a mapping of names to what they have"
NO_REGION = "this is no code of a region, such as eu-west-1"
NO_TEXTS = "this must be a list of texts"
NO_POLICY = "this must be a policy, as a mapping, or false for none"
NO_SCHEMA_TEXT = "this must be the name of a file, or a schema"
NO_JSON = "there is a value in this that JSON does not have"
NO_SCHEMA = "there is no schema of this name under schemas"
NO_ROLE = "there is no role of this name under roles"
NO_TYPE = "there is no such type of dataset; there are {known}"
NO_ACCOUNT = "an account has twelve digits, in quotes"
NEEDS = "this needs {key}"


def checked(path: Path) -> Document:
    """Return what a file says, where all of it has a meaning. Raises SetupError and OSError."""
    document = read(path)
    content = document.content
    _known(document, (), content, TOP)
    if "account" in content and not (_is_text(content["account"]) and _is_account(content["account"])):
        raise document.error(("account",), NO_ACCOUNT)
    if "region" in content and not (_is_text(content["region"]) and REGION_CODE.fullmatch(content["region"])):
        raise document.error(("region",), NO_REGION)
    for section in ("buckets", "roles", "dataset_groups"):
        content[section] = _items(document, (section,), content.get(section), section)
    content["schemas"] = _mapping(document, ("schemas",), content.get("schemas"))
    _check_rest(document)
    for name, group in content["dataset_groups"].items():
        _check_group(document, ("dataset_groups", name), group)
    return document


def _check_rest(document: Document) -> None:
    """Check what is in buckets, roles and schemas."""
    content = document.content
    for name, bucket in content["buckets"].items():
        if bucket.get("folder") is not None and not _is_text(bucket["folder"]):
            raise document.error(("buckets", name, "folder"), NO_TEXT)
        policy = bucket.get("policy")
        if policy not in (None, False) and not isinstance(policy, dict):
            raise document.error(("buckets", name, "policy"), NO_POLICY)
        _require_json(document, ("buckets", name, "policy"), policy)
    for name, role in content["roles"].items():
        policies = role.get("policies")
        if policies is not None and not (isinstance(policies, list) and all(map(_is_text, policies))):
            raise document.error(("roles", name, "policies"), NO_TEXTS)
    for name, schema in content["schemas"].items():
        if not _is_text(schema) and not isinstance(schema, dict):
            raise document.error(("schemas", name), NO_SCHEMA_TEXT)
        _require_json(document, ("schemas", name), schema)


def _require_json(document: Document, keys: Keys, value: Any) -> None:
    """Raise SetupError for values that YAML knows and JSON does not, such as dates and `.nan`."""
    if isinstance(value, dict):
        for name, each in value.items():
            _require_json(document, (*keys, name), each)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            _require_json(document, (*keys, str(place)), each)
    elif not (
        value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
    ):
        raise document.error(keys, NO_JSON)


def _check_group(document: Document, keys: Keys, group: dict[str, Any]) -> None:
    for section in ("datasets", "solutions", "recommenders"):
        group[section] = _items(document, (*keys, section), group.get(section), section)
    for section in ("filters", "event_trackers"):
        group[section] = _mapping(document, (*keys, section), group.get(section))
    for name, expression in group["filters"].items():
        if not _is_text(expression):
            raise document.error((*keys, "filters", name), NO_TEXT)
    for type_, dataset in group["datasets"].items():
        _check_dataset(document, (*keys, "datasets", type_), dataset)
    for section in ("solutions", "recommenders"):
        for name, each in group[section].items():
            if not _is_text(each.get("recipe")) and not (section == "solutions" and each.get("performAutoML")):
                raise document.error((*keys, section, name), NEEDS.format(key="a recipe, such as aws-sims"))
            if section == "solutions":
                own = (*keys, section, name, "campaigns")
                each["campaigns"] = _items(document, own, each.get("campaigns"), "campaigns")


def _check_dataset(document: Document, keys: Keys, dataset: dict[str, Any]) -> None:
    if keys[-1].lower() not in DATASET_TYPES:
        raise document.error(keys, NO_TYPE.format(known=", ".join(DATASET_TYPES.values())))
    if not _is_one_of(dataset.get("schema"), document.content["schemas"]):
        raise document.error((*keys, "schema"), NO_SCHEMA)
    if "import" in dataset and not _is_text(dataset["import"]):
        raise document.error((*keys, "import"), NO_TEXT)
    if "role" in dataset and not _is_one_of(dataset["role"], document.content["roles"]):
        raise document.error((*keys, "role"), NO_ROLE)
    if "import" in dataset and "role" not in dataset and not document.content["roles"]:
        raise document.error((*keys, "import"), NEEDS.format(key="a role: name one under roles"))


def _items(document: Document, keys: Keys, value: Any, section: str) -> dict[str, dict[str, Any]]:
    own, operation, filled_in = ITEMS[section]
    members = [name for name in _members(operation) if name not in filled_in]
    found = {}
    for name, item in _mapping(document, keys, value).items():
        found[name] = _mapping(document, (*keys, name), item)
        _known(document, (*keys, name), found[name], [*own, *members])
        for member in found[name].keys() - {*own}:
            _require_json(document, (*keys, name, member), found[name][member])
    return found


def _mapping(document: Document, keys: Keys, value: Any) -> dict[str, Any]:
    """Return a mapping; a list of names is one of names to nothing."""
    if value is None:
        return {}
    if isinstance(value, list) and all(map(_is_text, value)):
        return dict.fromkeys(value)
    if not isinstance(value, dict):
        raise document.error(keys, NO_NAMES if len(keys) % 2 else NO_MAPPING)
    return value


def _known(document: Document, keys: Keys, value: Mapping[str, Any], known: Iterable[str]) -> None:
    known = list(known)
    for name in value:
        if name not in known:
            raise document.error((*keys, name), NO_KEY.format(known=", ".join(known)))


def _members(operation: str | None) -> list[str]:
    from fakepersonalize.protocol.service_models import ServiceModels

    if operation is None:
        return []
    return list(ServiceModels().operation(operation).input.members)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_one_of(value: Any, names: Iterable[str]) -> bool:
    return isinstance(value, str) and value in names


def _is_account(text: str) -> bool:
    return len(text) == 12 and text.isascii() and text.isdigit()
