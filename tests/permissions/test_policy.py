import json

import pytest

from fakepersonalize.permissions.policy import Principal, Request, decide

SERVICE = Principal("Service", "personalize.amazonaws.com")
ROLE = Principal("AWS", "arn:aws:iam::111111111111:role/reader")
FILMS = "arn:aws:s3:::films/in/a.csv"
CONTEXT = {"aws:sourceaccount": "111111111111", "aws:sourcearn": "arn:aws:personalize:eu-west-1:111111111111:x/y"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect="Allow", **members):
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*"} | members


def identity(*statements, action="s3:GetObject", resource=FILMS):
    return decide([document(*statements)], Request(action, resource, None, CONTEXT))


def resource_based(principal, who=SERVICE, element="Principal"):
    return decide([document(statement(**{element: principal}))], Request("s3:GetObject", FILMS, who, CONTEXT))


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "S3:getobject", "s3:Get*", "s3:*", "*", "s3:GetObjec?", ["x", "s3:Get*"]]
)
def test_actions_match_by_wildcards_whatever_their_case(action):
    assert identity(statement(Action=action)) == "Allow"


@pytest.mark.parametrize(
    "action", ["s3:GetObjec", "s3:GetObjectAcl", "s3:Put*", "s3:Get[OP]bject", [], None, 7, {"a": 1}]
)
def test_other_actions_do_not(action):
    assert identity(statement(Action=action)) is None


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:aws:s3:::films/*", "Allow"),
        ("arn:aws:s3:::films/in/a.csv", "Allow"),
        (["arn:aws:s3:::films", "arn:aws:s3:::films/in/?.csv"], "Allow"),
        ("arn:aws:s3:::films", None),
        ("arn:aws:s3:::Films/*", None),
        ("arn:aws:s3:::${aws:SourceAccount}/*", None),
        ([], None),
    ],
)
def test_resources_match_by_wildcards_and_case(resource, expected):
    assert identity(statement(Resource=resource)) == expected


def test_policy_variables_are_filled_in():
    mine = statement(Resource="arn:aws:s3:::films-${aws:SourceAccount}/*")
    assert identity(mine, resource="arn:aws:s3:::films-111111111111/a") == "Allow"
    assert identity(mine, resource="arn:aws:s3:::films-222222222222/a") is None


def test_a_denial_wins_wherever_it_stands():
    assert identity(statement(), statement("Deny", Resource="arn:aws:s3:::films/in/*")) == "Deny"
    assert identity(statement("Deny", Action="s3:PutObject"), statement()) == "Allow"
    denying, allowing = document(statement("Deny")), document(statement())
    assert decide([denying, allowing], Request("s3:GetObject", FILMS)) == "Deny"


def test_the_opposite_elements_cover_all_the_rest():
    rest = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret/*"}
    assert identity(rest) == "Allow"
    assert identity(rest, action="iam:GetRole") is None
    assert identity(rest, resource="arn:aws:s3:::secret/a") is None
    assert identity({"Effect": "Allow"}) is None


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"Service": "personalize.amazonaws.com"},
        {"AWS": ROLE.name, "Service": ["forecast.amazonaws.com", "personalize.amazonaws.com"]},
    ],
)
def test_the_service_is_named_in_several_ways(principal):
    assert resource_based(principal) == "Allow"
    assert resource_based(principal, element="NotPrincipal") is None


@pytest.mark.parametrize(
    "principal", [{"Service": "forecast.amazonaws.com"}, {"AWS": ROLE.name}, "personalize", None, []]
)
def test_others_are_not_the_service(principal):
    assert resource_based(principal) is None


@pytest.mark.parametrize("name", [ROLE.name, "111111111111", "arn:aws:iam::111111111111:root"])
def test_a_role_is_named_by_its_account_as_well(name):
    assert resource_based({"AWS": [name]}, ROLE) == "Allow"
    assert resource_based({"AWS": name.replace("1111", "2222")}, ROLE) is None


def test_a_statement_without_a_principal_grants_nobody_a_bucket():
    assert decide([document(statement())], Request("s3:GetObject", FILMS, SERVICE)) is None


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "111111111111"}},
        {"StringEquals": {"AWS:sourceaccount": ["2", "111111111111"]}, "StringLike": {"aws:SourceArn": "arn:aws:per*"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:personalize:*:111111111111:*"}},
        {"ArnEquals": {"aws:SourceArn": "arn:aws:personalize:*"}},
        {"StringNotEquals": {"aws:SourceAccount": "2"}},
        {"StringNotLike": {"aws:SourceArn": "arn:aws:iam:*"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"Null": {"aws:PrincipalOrgID": "true", "aws:SourceAccount": False}},
        {"ForAnyValue:StringEquals": {"aws:SourceAccount": "111111111111"}},
        {},
    ],
)
def test_conditions_that_hold(condition):
    assert identity(statement(Condition=condition)) == "Allow"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "2"}},
        {"StringEquals": {"aws:SourceAccount": "111111111111", "aws:PrincipalOrgID": "o-1"}},
        {"StringNotEquals": {"aws:SourceAccount": ["2", "111111111111"]}},
        {"StringLike": {"aws:SourceArn": "arn:aws:personalize:us-*"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"NumericEquals": {"aws:SourceAccount": "111111111111"}},
        {"Null": {"aws:SourceAccount": "true"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"NoSuchOperator": {"aws:SourceAccount": "111111111111"}},
        {"StringEquals": "nonsense"},
        ["nonsense"],
    ],
)
def test_conditions_that_do_not(condition):
    assert identity(statement(Condition=condition)) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"Statement": 3}', '{"Statement": [null, "x"]}', "[" * 100_000]
)
def test_what_cannot_be_read_says_nothing(text):
    assert decide([text], Request("s3:GetObject", FILMS)) is None


def test_one_statement_needs_no_list():
    assert decide([json.dumps({"Statement": statement()})], Request("s3:GetObject", FILMS)) == "Allow"


def test_a_pattern_of_many_stars_is_answered_at_once():
    assert identity(statement(Resource="*a" * 500 + "b"), resource="a" * 5000) is None


def test_a_denial_that_hangs_on_what_nobody_can_say_does_not_count():
    def decided(unsaid, **more):
        found = statement(Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, **more)
        return decide([json.dumps({"Statement": found})], Request("s3:GetObject", FILMS, unsaid=unsaid))

    assert decided((), Effect="Deny") == "Deny"
    assert decided(("aws:sourceip",), Effect="Deny") is None
    assert decided(("aws:source*",), Effect="Deny") is None
    assert decided(("aws:sourcevpc*",), Effect="Deny") == "Deny"
    assert decided(("aws:sourceip",)) == "Allow"
