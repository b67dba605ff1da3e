"""A set-up file makes what it names, once; what is wrong in it is said with line and key, before anything is made."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakepersonalize import mock_personalize
from fakepersonalize.setups.reading import MOST_BYTES, SetupError
from fakepersonalize.setups.wanted import checked

KEYS = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": "us-east-1"}
EXAMPLES = int(os.environ.get("FAKEPERSONALIZE_EXAMPLES", "25"))
FIELDS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long", "EVENT_TYPE": "string"}
SETUP = """
buckets:
  films:
    folder: data
  empty:
    policy: false
roles:
  reads: {policies: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]}
schemas:
  watched: watched.json
dataset_groups:
  films:
    tags: [{tagKey: of, tagValue: mine}]
    datasets:
      interactions:
        schema: watched
        import: s3://films/deep/watched.csv
        role: reads
    solutions:
      favourites:
        recipe: aws-sims
        performHPO: false
        campaigns:
          first: {minProvisionedTPS: 2}
          second:
      untrained:
        recipe: arn:aws:personalize:::recipe/aws-popularity-count
    filters:
      unseen: EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")
    event_trackers: [clicks]
  shop: {domain: ECOMMERCE}
"""


def client(service: str, region: str = "us-east-1") -> Any:
    return boto3.client(service, **KEYS | {"region_name": region})


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    rows = [f"u{u},i{(u + n) % 12},{1_600_000_000 + n},watch" for u in range(12) for n in range(5)]
    (tmp_path / "data" / "deep" / "watched.csv").write_text("\n".join([",".join(FIELDS), *rows]))
    fields = [{"name": name, "type": type_} for name, type_ in FIELDS.items()]
    schema = {"type": "record", "name": "Interactions", "namespace": "n", "fields": fields, "version": "1.0"}
    (tmp_path / "watched.json").write_text(json.dumps(schema))
    return write(tmp_path, SETUP)


def write(folder: Path, text: str | bytes, name: str = "setup.yaml") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def made() -> dict[str, Any]:
    """Return what there is, by kinds and names, with what tells one from another made later."""
    ask = client("personalize")
    found = {}
    for kind in ("dataset_groups", "schemas", "datasets", "dataset_import_jobs", "solutions", "campaigns", "filters"):
        answer = getattr(ask, f"list_{kind}")()
        rows = next(value for value in answer.values() if isinstance(value, list))
        found[kind] = {
            row.get("name", row.get("jobName")): (row.get("status", "ACTIVE"), row["creationDateTime"]) for row in rows
        }
    found["trackers"] = [row["eventTrackerArn"] for row in ask.list_event_trackers()["eventTrackers"]]
    found["versions"] = [row["solutionVersionArn"] for row in ask.list_solution_versions()["solutionVersions"]]
    return found


@pytest.mark.parametrize("lifecycle", ["instant", "manual"])
def test_all_that_a_file_names_is_there_and_works(lifecycle: str, setup: Path) -> None:
    with mock_personalize(setup=str(setup), lifecycle=lifecycle, iam="enforce"):
        found = made()
        assert {kind: set(rows) for kind, rows in found.items() if kind not in ("trackers", "versions")} == {
            "dataset_groups": {"films", "shop"},
            "schemas": {"watched"},
            "datasets": {"films-interactions"},
            "dataset_import_jobs": {"setup-films-interactions"},
            "solutions": {"favourites", "untrained"},
            "campaigns": {"first", "second"},
            "filters": {"unseen"},
        }
        assert {status for kind in ("campaigns", "filters") for status, _ in found[kind].values()} == {"ACTIVE"}
        assert (len(found["trackers"]), len(found["versions"])) == (1, 1)
        arn = "arn:aws:personalize:us-east-1:123456789012:campaign/first"
        campaign = client("personalize").describe_campaign(campaignArn=arn)["campaign"]
        assert campaign["minProvisionedTPS"] == 2
        assert client("personalize-runtime").get_recommendations(campaignArn=arn, itemId="i1")["itemList"]
        tags = client("personalize").list_tags_for_resource(
            resourceArn=arn.replace("campaign/first", "dataset-group/films")
        )
        assert tags["tags"] == [{"tagKey": "of", "tagValue": "mine"}]
        assert client("s3").get_object(Bucket="films", Key="deep/watched.csv")["Body"].read().startswith(b"USER_ID")


def test_a_second_time_makes_nothing_twice(setup: Path, tmp_path: Path) -> None:
    folder = str(tmp_path / "kept")
    with mock_personalize(setup=str(setup), data_dir=folder) as emulator:
        before = made()
        emulator._set_up()
        assert made() == before
    with mock_personalize(setup=str(setup), data_dir=folder):
        assert made() == before


def test_a_reset_can_do_it_again(setup: Path) -> None:
    with mock_personalize(setup=str(setup)) as emulator:
        client("personalize").create_dataset_group(name="other")
        assert emulator.reset(setup=True) > 1
        assert set(made()["dataset_groups"]) == {"films", "shop"}


def test_a_reset_without_a_setup_file_removes_nothing() -> None:
    with mock_personalize() as emulator:
        client("personalize").create_dataset_group(name="kept")
        with pytest.raises(ValueError, match="There is no set-up file"):
            emulator.reset(setup=True)
        assert set(made()["dataset_groups"]) == {"kept"}


def test_objects_that_changed_are_uploaded_again(setup: Path) -> None:
    with mock_personalize(setup=str(setup)) as emulator:
        file = setup.parent / "data" / "deep" / "watched.csv"
        s3, head = client("s3"), {"Bucket": "films", "Key": "deep/watched.csv"}
        before = s3.head_object(**head)["LastModified"]
        emulator._set_up()
        assert s3.head_object(**head)["LastModified"] == before
        file.write_text("other")
        emulator._set_up()
        assert s3.get_object(**head)["Body"].read() == b"other"


def test_account_and_region_can_be_chosen_and_json_is_read(tmp_path: Path) -> None:
    text = json.dumps(
        {"account": "210987654321", "region": "eu-west-1", "buckets": ["films"], "dataset_groups": ["films"]}
    )
    with mock_personalize(setup=str(write(tmp_path, text, "setup.json"))):
        session = boto3.Session("210987654321", "x", region_name="eu-west-1")
        (group,) = session.client("personalize").list_dataset_groups()["datasetGroups"]
        assert group["datasetGroupArn"] == "arn:aws:personalize:eu-west-1:210987654321:dataset-group/films"
        assert session.client("s3").get_bucket_location(Bucket="films")["LocationConstraint"] == "eu-west-1"
        assert client("personalize").list_dataset_groups()["datasetGroups"] == []


# What is wrong

WRONG: list[tuple[str, int, str]] = [
    ("buckets: {films: {folder: [}}", 1, "neither YAML nor JSON"),
    ("\x00", 1, "neither YAML nor JSON"),
    ("- films", 1, "must be a mapping"),
    ("films", 1, "must be a mapping"),
    ("", 1, "must be a mapping"),
    ("buckets: {}\nbucket: {}", 2, "(bucket): there is no such key here; there are account, region, buckets"),
    ("buckets: {}\nbuckets: {}", 2, "(buckets): the key is there twice"),
    ("buckets:\n  films: {fold: x}", 2, "(buckets.films.fold): there is no such key"),
    ("buckets:\n  films: 5", 2, "(buckets.films): this must be"),
    ("buckets: films", 1, "(buckets): this must be a list of names"),
    ("buckets:\n  films:\n    folder: none", 3, "(buckets.films.folder): there is no 'none' in"),
    ("buckets:\n  films:\n    folder: watched.json", 3, "is no folder"),
    ("buckets:\n  '../x': {}", 2, "(buckets.../x): "),
    ("account: 123456789012", 1, "(account): an account has twelve digits"),
    ("region: 5", 1, "(region): this is no code of a region"),
    ("region: EU (Ireland)", 1, "(region): this is no code of a region, such as eu-west-1"),
    ("region: eu-west-1.evil.com/x", 1, "(region): this is no code of a region"),
    ("schemas: {w: /dev/zero}", 1, "(schemas.w): /dev/zero is no file"),
    ("schemas: {w: .}", 1, "is no file"),
    (f"schemas: {{w: {'x' * 5000}}}", 1, "there is no 'xxx"),
    ("schemas: {w: 5}", 1, "this must be the name of a file, or a schema"),
    ("schemas: {w: {version: 2026-01-01}}", 1, "(schemas.w.version): there is a value in this that JSON does not have"),
    ("buckets: {films: {policy: {Version: 2012-10-17}}}", 1, "(buckets.films.policy.Version): there is a value"),
    ("buckets: {films: {policy: 5}}", 1, "this must be a policy"),
    ("buckets: {films: {folder: [a]}}", 1, "this must be a text"),
    ('buckets: {films: {folder: "a\\0b"}}', 1, "there is no"),
    ('buckets: {films: {folder: "\\ud800"}}', 1, "(buckets.films.folder): there is half a letter"),
    ("roles: {r: {policies: 5}}", 1, "(roles.r.policies): this must be a list of texts"),
    ("roles: {r: {policies: arn}}", 1, "(roles.r.policies): this must be a list of texts"),
    ("dataset_groups: {f: {datasets: {Items: {schema: [w]}}}}", 1, "there is no schema of this name"),
    ("dataset_groups: {f: {tags: [.nan]}}", 1, "(dataset_groups.f.tags.0): there is a value"),
    ("a: !!timestamp x", 1, "(a): this is neither YAML nor JSON"),
    ("a: !!bool x", 1, "(a): this is neither YAML nor JSON"),
    ("a: !!int ''", 1, "(a): this is neither YAML nor JSON"),
    ("a: &x 1\nb: *x", 1, "anchors and aliases"),
    ("? [a]\n: 1", 1, "keys must be texts"),
    ("schemas: {w: none.json}\ndataset_groups: {}", 1, "there is no 'none.json'"),
    ("dataset_groups:\n  films:\n    domian: VIDEO", 3, "(dataset_groups.films.domian): there is no such key"),
    ("dataset_groups:\n  films:\n    domain: FILMS", 2, "(dataset_groups.films): CreateDatasetGroup was refused: "),
    (
        "dataset_groups:\n  f:\n    datasets:\n      Films: {}",
        4,
        "(dataset_groups.f.datasets.Films): there is no such type",
    ),
    ("dataset_groups:\n  f:\n    datasets:\n      Items:\n        schema: w", 5, "there is no schema of this name"),
    (
        "schemas: {w: watched.json}\ndataset_groups:\n  f:\n    datasets:\n      Interactions: {schema: w, import: 's3://a/b'}",
        5,
        "this needs a role",
    ),
    (
        "schemas: {w: watched.json}\nroles: [r]\ndataset_groups:\n  films:\n    datasets:\n      Interactions:\n"
        "        schema: w\n        import: s3://none/b",
        8,
        "CreateDatasetImportJob was refused: Insufficient privileges",
    ),
    ("dataset_groups:\n  films:\n    solutions:\n      x: {}", 4, "this needs a recipe"),
    ("dataset_groups:\n  films:\n    solutions:\n      x: {recipe: aws-none}", 4, "CreateSolution was refused"),
    ("dataset_groups:\n  films:\n    filters:\n      x: [1]", 4, "this must be a text"),
    (
        "dataset_groups:\n  films:\n    filters:\n      x: EXCLUDE",
        4,
        "(dataset_groups.films.filters.x): CreateFilter was refused",
    ),
    ("dataset_groups:\n  films:\n    tags: 5", 2, "Invalid type for parameter tags"),
    ("dataset_groups: {f: !!python/object/apply:os.system [true]}", 1, "(dataset_groups.f): "),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_wrong_is_named_with_line_and_key(number: int, setup: Path) -> None:
    text, line, said = WRONG[number]
    path = write(setup.parent, text)
    with pytest.raises(SetupError) as caught, mock_personalize(setup=str(path)):
        pass
    assert str(caught.value).startswith(f"{path}, line {line}"), caught.value
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_job_that_fails_is_named_with_its_reason(setup: Path) -> None:
    with pytest.raises(SetupError) as caught, mock_personalize(setup=str(setup), limits="aws"):
        pass
    assert "(dataset_groups.films.datasets.interactions.import): arn:aws:personalize:" in str(caught.value)
    assert "ended as CREATE FAILED: Dataset has fewer than 1000 interactions" in str(caught.value)


def test_a_file_that_is_too_large_or_too_deep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="more than"):
        checked(write(tmp_path, b"#" * (MOST_BYTES + 1)))
    for text in ("a: " + "[" * 100 + "]" * 100, "a: " + "[" * 100_000):
        with pytest.raises(SetupError):
            checked(write(tmp_path, text))


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_out_of_a_folder_are_refused(setup: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("mine")
    for name, target in (
        ("file", outside / "secret"),
        ("folder", outside),
        ("up", Path("..")),
        ("gone", outside / "none"),
    ):
        link = setup.parent / "data" / name
        link.symlink_to(target)
        with pytest.raises(SetupError, match="leads out of the folder"), mock_personalize(setup=str(setup)):
            pass
        link.unlink()
    (setup.parent / "data" / "again.csv").symlink_to("deep/watched.csv")
    with mock_personalize(setup=str(setup)):
        assert client("s3").head_object(Bucket="films", Key="again.csv")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_pipes_and_links_in_a_circle_are_not_waited_for(setup: Path) -> None:
    os.mkfifo(setup.parent / "data" / "pipe")
    with mock_personalize(setup=str(setup)):
        keys = [each["Key"] for each in client("s3").list_objects_v2(Bucket="films")["Contents"]]
        assert keys == ["deep/watched.csv"]
    os.mkfifo(setup.parent / "pipe")
    with (
        pytest.raises(SetupError, match="is no file"),
        mock_personalize(setup=str(write(setup.parent, "schemas: {w: pipe}"))),
    ):
        pass
    (setup.parent / "data" / "a").symlink_to("b")
    (setup.parent / "data" / "b").symlink_to("a")
    with pytest.raises(SetupError, match="cannot be read"), mock_personalize(setup=str(write(setup.parent, SETUP))):
        pass


def test_letters_that_json_writes_in_two_halves_are_one(tmp_path: Path) -> None:
    text = json.dumps({"dataset_groups": {"films": {"tags": [{"tagKey": "of", "tagValue": "\U0001f600"}]}}})
    document = checked(write(tmp_path, text, "setup.json"))
    assert document.content["dataset_groups"]["films"]["tags"] == [{"tagKey": "of", "tagValue": "\U0001f600"}]


SMALL = yaml.safe_load(SETUP)
SMALL["dataset_groups"]["films"]["solutions"]["favourites"].pop("campaigns")
SMALL["dataset_groups"]["films"]["recommenders"] = {}
SMALL["buckets"]["films"]["policy"] = {"Statement": []}
SMALL |= {"account": "123456789012", "region": "us-east-1"}


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in a set-up, by the keys that lead there."""
    if above:
        yield above
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*above, key))


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=5),
    st.text(max_size=20),
    st.sampled_from(["", "/", "..", "/dev/zero", "/proc/self/mem", "a\0b", "x" * 300, "s3://", "arn:", "{name}", "%s"]),
)
NAMES = st.one_of(
    st.text(max_size=10), st.sampled_from([".", "..", "a/b", "{0}", "x" * 300, "a\0b", "%2e%2e", "\ud800"])
)
ANY = st.recursive(
    PLAIN, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=3), max_leaves=6
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(places(SMALL))), ANY, NAMES, st.sampled_from(["value", "name", "beside"]))
def test_whatever_stands_in_a_file_is_made_or_refused_with_a_sentence(
    setup: Path, place: tuple[Any, ...], value: Any, name: str, how: str
) -> None:
    content = copy.deepcopy(SMALL)
    above = content
    for key in place[:-1]:
        above = above[key]
    if how == "value" or isinstance(above, list):
        above[place[-1]] = value
    elif how == "name":
        above[name] = above.pop(place[-1])
    else:
        above[name] = value
    path = setup.parent / "generated.yaml"
    path.write_text(yaml.safe_dump(content), "ascii")
    said = f"{path}, line "
    try:
        with mock_personalize(setup=str(path)):
            pass
    except SetupError as refused:
        said = str(refused)
    assert said.startswith(f"{path}, line ")
    assert "\n" not in said
    assert "Internal" not in said


def test_a_file_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError), mock_personalize(setup="/none/setup.yaml"):
        pass


def test_schemas_of_no_dataset_are_made_as_well(tmp_path: Path) -> None:
    fields = [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]
    schema = {"type": "record", "name": "Users", "namespace": "x", "fields": fields, "version": "1.0"}
    file = tmp_path / "setup.json"
    file.write_text(json.dumps({"schemas": {"people": schema}}), "utf-8")
    with mock_personalize(setup=str(file)):
        found = boto3.client("personalize", "us-east-1").list_schemas()["schemas"]
    assert [each["name"] for each in found] == ["people"]
    file.write_text(json.dumps({"schemas": {"people": {"type": "record"}}}), "utf-8")
    with pytest.raises(SetupError, match=r"schemas\.people"), mock_personalize(setup=str(file)):
        pass
