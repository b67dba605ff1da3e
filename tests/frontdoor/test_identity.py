import pytest

from fakepersonalize.arns import Scope
from fakepersonalize.frontdoor import identity

NOBODY = {"AKIAISSUEDTOSOMEBODY": "222222222222"}.get


def signed(service: str, key: str = "testing", region: str = "eu-west-1") -> dict[str, str]:
    scope = f"{key}/20260101/{region}/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"}


def presigned(service: str, key: str = "testing") -> str:
    return f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20260101%2Feu-west-1%2F{service}%2Faws4_request"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (signed("personalize"), ""),
        ({}, presigned("personalize")),
        ({"x-amz-target": "AmazonPersonalize.ListSchemas"}, ""),
        ({"x-amz-target": "AmazonPersonalizeEvents.PutEvents"}, ""),
    ],
)
def test_what_is_signed_or_targeted_at_personalize_is_ours(headers, query):
    assert identity.for_personalize(headers, query)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        (signed("s3"), ""),
        (signed("iam"), "X-Amz-Credential=nonsense"),
        ({}, presigned("s3")),
        ({"authorization": "Bearer personalize"}, ""),
        ({"authorization": "AWS testing:signature"}, ""),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=personalize"}, ""),
        ({"x-amz-target": "DynamoDB_20120810.GetItem"}, ""),
    ],
)
def test_everything_else_is_a_neighbours(headers, query):
    assert not identity.for_personalize(headers, query)


@pytest.mark.parametrize(
    ("key", "account"),
    [
        ("testing", identity.DEFAULT_ACCOUNT),
        ("111111111111", "111111111111"),
        ("1111111111111", identity.DEFAULT_ACCOUNT),
        ("١٢٣٤٥٦٧٨٩٠١٢", identity.DEFAULT_ACCOUNT),
        ("AKIAISSUEDTOSOMEBODY", "222222222222"),
        ("AKIAISSUEDTOSTRANGER", identity.DEFAULT_ACCOUNT),
    ],
)
def test_the_account_is_the_issuers_or_spelt_by_the_key_or_the_default(key, account):
    assert identity.account(key, NOBODY) == account


def test_scope_is_read_from_header_and_from_presigned_query():
    expected = Scope("111111111111", "eu-west-1")
    assert identity.scope(signed("personalize", "111111111111"), "", NOBODY) == expected
    assert identity.scope({}, presigned("personalize", "111111111111"), NOBODY) == expected


def test_unsigned_requests_and_impossible_regions_get_the_defaults():
    expected = Scope(identity.DEFAULT_ACCOUNT, identity.DEFAULT_REGION)
    assert identity.scope({}, "", NOBODY) == expected
    assert identity.scope(signed("personalize", region=".."), "", NOBODY) == expected


def test_old_signatures_name_the_account_too():
    assert identity.scope({"authorization": "AWS 111111111111:sig="}, "", NOBODY).account == "111111111111"
    assert identity.scope({}, "AWSAccessKeyId=111111111111&Signature=x", NOBODY).account == "111111111111"


def test_keys_may_contain_slashes():
    found = identity.signature(signed("s3", key="a/b"), "")
    assert found == identity.Signature("a/b", "eu-west-1", "s3")
