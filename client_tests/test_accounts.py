"""Accounts and regions: who asks is read off the signature, and nothing of one is seen from another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shops
from accounts import Account, member, refused
from conftest import NewAccount, Servers, Shop, make_account
from modes import socket_only

DEFAULT_ACCOUNT = "123456789012"
HRNN_IN_CHINA = "arn:aws-cn:personalize:::recipe/aws-hrnn"


def caller(account: Account) -> str:
    number: str = account.client("sts").get_caller_identity()["Account"]
    return number


def test_twelve_digits_are_the_account(account: Account) -> None:
    assert account.schema("films") == f"arn:aws:personalize:us-east-1:{account.number}:schema/films"
    assert caller(account) == account.number


@pytest.mark.parametrize("key", ["testing", "1234567890123", "AKIAIOSFODNN7EXAMPLE"])
def test_any_other_key_belongs_to_the_default_account(new_account: NewAccount, key: str) -> None:
    somebody = new_account(number=key)
    name = f"of-{key}"
    assert somebody.schema(name) == f"arn:aws:personalize:us-east-1:{DEFAULT_ACCOUNT}:schema/{name}"
    assert caller(somebody) == DEFAULT_ACCOUNT


def test_keys_that_iam_made_belong_to_its_account(account: Account, new_account: NewAccount) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    ann = new_account(number=key)
    assert ann.schema("films") == account.arn("schema/films")
    assert caller(ann) == account.number
    assert account.describe("schema", account.arn("schema/films"))["name"] == "films"


def test_keys_that_sts_made_belong_to_the_account_of_the_role(account: Account, new_account: NewAccount) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    role = account.client("iam").create_role(RoleName="films", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    issued = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    assumed = new_account(number=issued["AccessKeyId"])
    assert assumed.schema("films") == account.arn("schema/films")
    assert caller(assumed) == account.number


def test_two_accounts_have_a_role_of_the_same_name(account: Account, new_account: NewAccount) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    another = new_account()
    arns = [
        each.client("iam").create_role(RoleName="personalize", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for each in (account, another)
    ]
    assert arns == [account.role, another.role]


def test_names_are_free_in_every_account_and_region(account: Account, new_account: NewAccount) -> None:
    everywhere = [account, new_account(), new_account("eu-west-1", account.number)]
    arns = {each.group("shop") for each in everywhere}
    assert len(arns) == 3
    for each in everywhere:
        assert len(each.personalize.list_dataset_groups()["datasetGroups"]) == 1
    everywhere[1].delete("dataset_group", everywhere[1].arn("dataset-group/shop"))
    assert account.describe("dataset_group", account.arn("dataset-group/shop"))["status"] == "ACTIVE"


@pytest.mark.parametrize("stranger", ["account", "region"])
def test_nothing_is_seen_from_elsewhere(shop: Shop, new_account: NewAccount, stranger: str) -> None:
    who = new_account() if stranger == "account" else new_account("eu-west-1", shop.account.number)
    arns = {
        "dataset_group": shop.group,
        "schema": shop.account.arn("schema/shop"),
        "dataset": shop.account.arn("dataset/shop/INTERACTIONS"),
        "dataset_import_job": shop.account.arn("dataset-import-job/shop"),
        "solution": shop.solution("aws-sims"),
        "solution_version": shop.version("aws-sims"),
        "campaign": shop.campaigns["aws-sims"],
    }
    for kind, arn in arns.items():
        with refused("ResourceNotFoundException", arn):
            who.describe(kind, arn)
        with refused("ResourceNotFoundException"):
            who.personalize.list_tags_for_resource(resourceArn=arn)
    for kind in ("dataset_group", "schema", "dataset", "solution", "campaign"):
        with refused("ResourceNotFoundException", arns[kind]):
            getattr(who.personalize, f"delete_{kind}")(**{member(kind): arns[kind]})
    with refused("InvalidInputException", arns["campaign"], f"the {stranger} of the ARN is"):
        who.recommended(arns["campaign"], itemId="i1")
    assert who.personalize.list_campaigns(solutionArn=arns["solution"])["campaigns"] == []


def test_nothing_is_made_from_what_belongs_to_others(shop: Shop, new_account: NewAccount) -> None:
    who = new_account()
    group, schema = who.group(), who.schema()
    for asked in ({"datasetGroupArn": shop.group, "schemaArn": schema}, {"datasetGroupArn": group}):
        with refused("ResourceNotFoundException"):
            who.personalize.create_dataset(
                **{"name": "d", "datasetType": "Interactions", "schemaArn": shop.account.arn("schema/shop")} | asked
            )
    for call in (
        lambda: who.solution(shop.group, "aws-sims"),
        lambda: who.train(shop.solution("aws-sims")),
        lambda: who.campaign(shop.version("aws-sims")),
        lambda: who.campaign(f"{shop.solution('aws-sims')}/$LATEST"),
    ):
        with refused("ResourceNotFoundException"):
            call()


def test_the_whole_way_works_in_another_partition(new_account: NewAccount) -> None:
    account = new_account("cn-north-1")
    assert account.group("first") == f"arn:aws-cn:personalize:cn-north-1:{account.number}:dataset-group/first"
    schema = account.schema()
    assert account.describe("schema", schema)["schemaArn"] == schema
    assert schema.startswith("arn:aws-cn:")


def test_recipes_are_of_the_partition_of_who_asks(new_account: NewAccount) -> None:
    account = new_account("cn-north-1")
    personalize = account.personalize
    listed = [recipe["recipeArn"] for recipe in personalize.list_recipes()["recipes"]]
    assert {arn.rpartition("/")[0] for arn in listed} == {"arn:aws-cn:personalize:::recipe"}
    at_home = new_account().personalize.list_recipes()["recipes"]
    assert [arn.replace("aws-cn", "aws", 1) for arn in listed] == [recipe["recipeArn"] for recipe in at_home]
    described = personalize.describe_recipe(recipeArn=HRNN_IN_CHINA)["recipe"]
    transformation, algorithm = described["featureTransformationArn"], described["algorithmArn"]
    answers = [
        described["recipeArn"],
        personalize.describe_algorithm(algorithmArn=algorithm)["algorithm"]["algorithmArn"],
        personalize.describe_feature_transformation(featureTransformationArn=transformation)["featureTransformation"][
            "featureTransformationArn"
        ],
    ]
    assert answers == [HRNN_IN_CHINA, algorithm, transformation]
    assert all(arn.startswith("arn:aws-cn:personalize:::") for arn in answers)
    for unknown in (HRNN_IN_CHINA.replace("aws-cn", "aws", 1), HRNN_IN_CHINA.replace("cn", "us-gov", 1)):
        with refused("ResourceNotFoundException", unknown):
            personalize.describe_recipe(recipeArn=unknown)
    with refused("InvalidInputException", HRNN_IN_CHINA, "tags"):
        personalize.list_tags_for_resource(resourceArn=HRNN_IN_CHINA)


def test_models_are_trained_in_another_partition(new_account: NewAccount) -> None:
    account = new_account("cn-north-1")
    account.client("s3").create_bucket(
        Bucket=f"films-{account.number}", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"}
    )
    group = account.shop(shops.series())
    made = account.personalize.create_solution(name="films", datasetGroupArn=group, recipeArn=HRNN_IN_CHINA)
    campaign = account.campaign(account.version(made["solutionArn"]), "films")
    assert len(account.recommended(campaign, userId="u1")) == 25
    chosen = account.personalize.create_solution(name="chosen", datasetGroupArn=group, performAutoML=True)
    version = account.train(chosen["solutionArn"])
    best = account.describe("solution", chosen["solutionArn"])["autoMLResult"]["bestRecipeArn"]
    assert version["recipeArn"] == best
    assert best.startswith("arn:aws-cn:personalize:::recipe/aws-hrnn")


def test_the_whole_way_works_in_another_region(new_account: NewAccount) -> None:
    account = new_account("eu-west-1")
    account.client("s3").create_bucket(
        Bucket=f"films-{account.number}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    campaign = account.deployed(account.shop(shops.series()), "aws-hrnn", "films")
    assert campaign.startswith("arn:aws:personalize:eu-west-1:")
    assert len(account.recommended(campaign, userId="u1")) == 25


@socket_only
def test_access_keys_of_users_are_known_after_a_restart(mode: str, tmp_path: Path, surroundings: None) -> None:
    number, schemas = "222222222222", []
    key = ""
    for life in ("first", "second"):
        (tmp_path / life).mkdir()
        servers = Servers(tmp_path / life)
        url = servers.url("--data-dir", str(tmp_path / "data"))
        if not key:
            iam = make_account(url, number=number).client("iam")
            iam.create_user(UserName="ann")
            key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
        ann = make_account(url, number=key)
        schemas.append(ann.schema(life))
        assert caller(ann) == number
        (found,) = ann.client("iam").list_access_keys(UserName="ann")["AccessKeyMetadata"]
        assert found["AccessKeyId"] == key
        servers.stop()
    assert schemas == [f"arn:aws:personalize:us-east-1:{number}:schema/{life}" for life in ("first", "second")]
