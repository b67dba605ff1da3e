"""Current metadata: the newest row of each id, imported or streamed, known from the next call on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.recommend.metadata import Rows

FIELDS = [{"name": "ITEM_ID", "type": "string"}, {"name": "PRICE", "type": ["float", "null"]}]
YEAR = {"name": "releaseYear", "type": ["int", "null"]}
HEADER = "ITEM_ID,PRICE\n"


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


@dataclass
class Shop:
    emulator: Emulator
    dataset: str
    imports: list[str] = field(default_factory=list)

    def load(self, text: str, mode: str = "FULL") -> None:
        client("s3").put_object(Bucket="shop", Key="items.csv", Body=HEADER + text)
        job = client("personalize").create_dataset_import_job(
            jobName=f"import{len(self.imports)}",
            datasetArn=self.dataset,
            dataSource={"dataLocation": "s3://shop/items.csv"},
            roleArn="arn:aws:iam::123456789012:role/reader",
            importMode=mode,
        )["datasetImportJobArn"]
        self.imports.append(job)
        described = client("personalize").describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
        assert described["status"] == "ACTIVE", described

    def put(self, id_: str, **properties: Any) -> None:
        item = {"itemId": id_, "properties": json.dumps(properties)}
        client("personalize-events").put_items(datasetArn=self.dataset, items=[item])

    @property
    def rows(self) -> Rows:
        found = self.emulator.metadata.of(self.dataset)
        assert found is not None
        return found

    @property
    def prices(self) -> dict[str, float | None]:
        return {row["ITEM_ID"]: row["PRICE"] for row in self.rows.table.to_pylist()}


def schema(*more: dict[str, Any], name: str = "items") -> str:
    text = json.dumps({"type": "record", "name": "Items", "fields": [*FIELDS, *more]})
    made: str = client("personalize").create_schema(name=name, schema=text)["schemaArn"]
    return made


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        client("s3").create_bucket(Bucket="shop")
        group = client("personalize").create_dataset_group(name="shop")["datasetGroupArn"]
        made = client("personalize").create_dataset(
            name="items", schemaArn=schema(), datasetGroupArn=group, datasetType="Items"
        )
        yield Shop(emulator, made["datasetArn"])


def test_a_dataset_without_rows_has_none(shop: Shop) -> None:
    assert shop.prices == {}
    assert shop.rows.row("a") is None


def test_the_newest_row_of_an_id_holds_whichever_way_it_came(shop: Shop) -> None:
    shop.load("a,1\nb,1\nb,2\nc,1\n")
    assert shop.prices == {"a": 1, "b": 2, "c": 1}
    shop.put("a", price=3)
    shop.put("d", price=3)
    assert shop.prices == {"a": 3, "b": 2, "c": 1, "d": 3}
    shop.load("a,4\ne,4\n", "INCREMENTAL")
    assert shop.prices == {"a": 4, "b": 2, "c": 1, "d": 3, "e": 4}
    shop.put("a", price=5)
    shop.put("a")
    assert shop.prices["a"] is None
    shop.load("a,6\n", "FULL")
    assert shop.prices == {"a": 6, "d": 3}


def test_rows_come_in_the_order_of_ids_that_is_asked_for(shop: Shop) -> None:
    shop.load("a,1\nb,2\n")
    shop.put("c", price=3)
    assert shop.rows.aligned(["c", "unknown", "a"])["PRICE"].to_pylist() == [3, None, 1]
    assert shop.rows.aligned([]).num_rows == 0
    assert shop.rows.row("c") == {"ITEM_ID": "c", "PRICE": 3}


def test_rows_are_made_once_and_read_no_table(shop: Shop) -> None:
    shop.load("a,1\n")
    statements: list[str] = []
    shop.emulator.database.trace(statements.append)
    shop.emulator.streamed._database.trace(statements.append)
    rows = shop.rows
    assert shop.rows is rows
    assert statements == []
    shop.put("b", price=1)
    assert shop.rows is not rows


def test_new_columns_are_null_where_rows_are_older(shop: Shop) -> None:
    shop.load("a,1\n")
    shop.put("b", price=1)
    personalize = client("personalize")
    personalize.update_dataset(datasetArn=shop.dataset, schemaArn=schema(YEAR, name="wider"))
    shop.put("c", price=1, releaseYear=1999)
    assert [row["releaseYear"] for row in shop.rows.table.to_pylist()] == [None, None, 1999]


def test_a_restart_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.load("a,1\nb,1\n")
    shop.put("b", price=2)
    before = shop.rows.table
    shop.emulator.close()
    with mock_personalize(data_dir=str(tmp_path)) as emulator:
        assert Shop(emulator, shop.dataset).rows.table.equals(before)


def test_a_dataset_that_comes_back_has_nothing_of_the_old_one(shop: Shop) -> None:
    shop.load("a,1\n")
    shop.put("b", price=2)
    personalize = client("personalize")
    described = personalize.describe_dataset(datasetArn=shop.dataset)["dataset"]
    personalize.delete_dataset(datasetArn=shop.dataset)
    assert shop.emulator.metadata.of(shop.dataset) is None
    again = {name: described[name] for name in ("name", "schemaArn", "datasetGroupArn", "datasetType")}
    assert personalize.create_dataset(**again)["datasetArn"] == shop.dataset
    assert shop.prices == {}
    shop.put("c", price=3)
    assert shop.prices == {"c": 3}


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (pa.float32(), 130, "130.0"),
        (pa.float32(), 0.1, "0.1"),
        (pa.float32(), -2.5, "-2.5"),
        (pa.float32(), 1e20, "1.0e+20"),
        (pa.float32(), 1234567.5, "1234567.5"),
        (pa.float32(), 20_000_000.0, "20000000.0"),
        (pa.float64(), 130, "130.0"),
        (pa.float64(), 1e-7, "1.0e-07"),
        (pa.int32(), 130, "130"),
        (pa.int64(), 2**40, str(2**40)),
        (pa.bool_(), True, "true"),
        (pa.string(), "130", "130"),
    ],
)
def test_fractions_have_a_decimal_point_and_other_values_their_spelling_in_files(
    type_: pa.DataType, value: Any, text: str
) -> None:
    rows = Rows(pa.table({"Value": pa.array([value], type_)}), {"a": 0})
    assert rows.texts(["a", "b"], {"value": "Value"}) == [{"value": text}, {}]
