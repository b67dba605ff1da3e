"""pandas writes to buckets through s3fs, which pins botocore: installed in the tox environment `clients` alone."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("s3fs") is None, reason="s3fs is not installed here")


def test_what_pandas_writes_can_be_imported_index_column_and_all(servers: Any) -> None:
    import pandas as pd
    from accounts import Account

    account = Account("400000000002", "us-east-1", servers.url("--limits", "off"))
    account.client("s3").create_bucket(Bucket="pandas-writes")
    rows = pd.DataFrame({"USER_ID": ["ann", "bob"], "ITEM_ID": ["tea", "milk"], "TIMESTAMP": [1, 2]})
    options = {"key": account.number, "secret": "secret", "client_kwargs": {"endpoint_url": account.endpoint}}
    rows.to_csv("s3://pandas-writes/interactions.csv", storage_options=options)
    written = account.client("s3").get_object(Bucket="pandas-writes", Key="interactions.csv")["Body"].read()
    assert written.startswith(b",USER_ID,ITEM_ID,TIMESTAMP\n0,ann,tea,1\n")
    dataset = account.dataset(account.group(), account.schema())
    imported = account.import_rows(dataset, "s3://pandas-writes/interactions.csv")
    assert imported["status"] == "ACTIVE", imported.get("failureReason")
