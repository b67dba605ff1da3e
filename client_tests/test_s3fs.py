"""pandas reads and writes through s3fs, which pins botocore: installed in the tox environment `clients` alone."""

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


def test_pandas_reads_what_was_put_and_what_was_exported(servers: Any) -> None:
    import pandas as pd
    from accounts import Account

    account = Account("400000000003", "us-east-1", servers.url("--limits", "off"))
    options = {"key": account.number, "secret": "secret", "client_kwargs": {"endpoint_url": account.endpoint}}
    s3 = account.client("s3")
    s3.create_bucket(Bucket="pandas-reads")
    large = b"USER_ID,ITEM_ID,TIMESTAMP\n" + b"ann,tea,1\n" * 1_000_000  # in more than one of its ranges
    for key, body in {"rows.csv": b"USER_ID,ITEM_ID,TIMESTAMP\nann,tea,1\n", "a+b \u00fc/large.csv": large}.items():
        s3.put_object(Bucket="pandas-reads", Key=key, Body=body)
        found = pd.read_csv(f"s3://pandas-reads/{key}", storage_options=options)
        assert (len(found), *found.iloc[-1]) == (body.count(b"\n") - 1, "ann", "tea", 1)
    dataset = account.dataset(account.group(), account.schema())
    account.import_rows(dataset, "s3://pandas-reads/rows.csv")
    exported = account.personalize.create_dataset_export_job(
        jobName="rows",
        datasetArn=dataset,
        ingestionMode="BULK",
        roleArn=account.role,
        jobOutput={"s3DataDestination": {"path": "s3://pandas-reads/out/"}},
    )["datasetExportJobArn"]
    assert account.settled("dataset_export_job", exported)["status"] == "ACTIVE"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="pandas-reads", Prefix="out/")["Contents"]]
    (key,) = (key for key in keys if key.endswith(".csv"))
    again = pd.read_csv(f"s3://pandas-reads/{key}", storage_options=options)
    assert again[["USER_ID", "ITEM_ID", "TIMESTAMP"]].to_numpy().tolist() == [["ann", "tea", 1]]
