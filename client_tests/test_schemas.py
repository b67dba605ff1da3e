"""Schemas: CreateSchema, DescribeSchema, ListSchemas, DeleteSchema."""

from __future__ import annotations

import json

import pytest
import shops
from accounts import Account, refused

WHOLE = json.loads(shops.INTERACTIONS)
REFUSED = {
    "not JSON": "{",
    "not an object": "[]",
    "not a record": json.dumps(WHOLE | {"type": "enum"}),
    "an unknown name": json.dumps(WHOLE | {"name": "Films"}),
    "no fields": json.dumps(WHOLE | {"fields": []}),
    "no TIMESTAMP": json.dumps(WHOLE | {"fields": WHOLE["fields"][:2]}),
    "a TIMESTAMP of text": shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP string"),
    "a list": json.dumps(
        WHOLE | {"fields": [*WHOLE["fields"], {"name": "TAGS", "type": {"type": "array", "items": "string"}}]}
    ),
    "twice the same field": json.dumps(WHOLE | {"fields": [*WHOLE["fields"], {"name": "user_id", "type": "string"}]}),
    "no metadata": shops.schema("Users", "USER_ID string"),
}


def test_a_schema_is_described_as_it_was_posted_and_can_be_used_at_once(account: Account) -> None:
    text = json.dumps(WHOLE, indent=3) + "\n "
    arn = account.schema("mine", text)
    described = account.describe("schema", arn)
    assert described["schema"] == text
    assert (described["name"], described["schemaArn"]) == ("mine", account.arn("schema/mine"))
    assert "domain" not in described
    assert described["lastUpdatedDateTime"] >= described["creationDateTime"]


def test_a_schema_of_a_domain_says_so(account: Account) -> None:
    text = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "TIMESTAMP long", "EVENT_TYPE string")
    arn = account.schema("mine", text, domain="ECOMMERCE")
    assert account.describe("schema", arn)["domain"] == "ECOMMERCE"
    (listed,) = account.personalize.list_schemas()["schemas"]
    assert listed["domain"] == "ECOMMERCE"


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_a_schema_that_breaks_the_rules_is_refused(account: Account, text: str) -> None:
    with refused("InvalidInputException"):
        account.schema("mine", text)
    assert account.personalize.list_schemas()["schemas"] == []


def test_a_schema_may_be_spelt_in_lower_case(account: Account) -> None:
    text = shops.schema("interactions", "user_id string", "item_id string", "timestamp long")
    assert account.describe("schema", account.schema("mine", text))["schema"] == text


def test_a_name_is_taken_even_by_the_same_schema(account: Account) -> None:
    arn = account.schema("mine")
    with refused("ResourceAlreadyExistsException", f"Another resource with Arn {arn} already exists."):
        account.schema("mine")
    account.schema("Mine")  # names are told apart by case


def test_a_schema_goes_at_once_and_its_name_is_free_again(account: Account) -> None:
    arn = account.schema("mine")
    account.personalize.delete_schema(schemaArn=arn)
    assert account.is_gone("schema", arn)
    assert account.personalize.list_schemas()["schemas"] == []
    assert account.schema("mine") == arn


def test_delete_schema_is_refused_while_a_dataset_uses_it(account: Account) -> None:
    schema = account.schema()
    dataset = account.dataset(account.group(), schema)
    with refused("ResourceInUseException", f"Resource {schema} is in use by {dataset}."):
        account.personalize.delete_schema(schemaArn=schema)
    account.delete("dataset", dataset)
    account.delete("schema", schema)


def test_a_bad_name_is_refused_with_the_words_of_aws(account: Account) -> None:
    with refused(
        "InvalidInputException",
        "1 validation error detected: Value 'x y' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9][a-zA-Z0-9\\-_]*",
    ):
        account.schema("x y")


def test_all_violations_are_named_at_once(account: Account) -> None:
    with refused("InvalidInputException", "2 validation errors detected", "at 'name'", "at 'domain'"):
        account.schema("n" * 64, domain="FILMS")
