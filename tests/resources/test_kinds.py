"""The table of kinds against the service model, which knows most of it as well."""

import string

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from fakepersonalize.resources.kinds import KIND_OF_MEMBER, KINDS, Kind, is_arn_of
from fakepersonalize.resources.processes import DONE, FAILED, PENDING, PROCESSES, RUNNING
from fakepersonalize.resources.quotas import QUOTAS

MODEL = ServiceModel(Loader().load_service_model("personalize", "service-2"), "personalize")
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def camel(kind: Kind) -> str:
    return "".join(word.capitalize() for word in kind.name.split("_"))


def members(operation: str) -> set[str]:
    shape = MODEL.operation_model(operation).input_shape
    return set(shape.members)


@EVERY
def test_its_member_is_what_describe_asks_for(kind: Kind) -> None:
    assert members(f"Describe{camel(kind)}") == {kind.member}
    assert KIND_OF_MEMBER[kind.member] is kind
    assert kind.member in MODEL.operation_model(f"Create{camel(kind)}").output_shape.members


@EVERY
def test_its_parents_are_what_create_asks_for(kind: Kind) -> None:
    asked = members(f"Create{camel(kind)}")
    assert kind.parents.keys() <= asked
    assert {member for member in asked if member in KIND_OF_MEMBER} == kind.parents.keys()
    assert all(KIND_OF_MEMBER[member].name == name for member, name in kind.parents.items())


@EVERY
def test_its_tail_is_made_of_its_noun_and_what_is_known_at_its_creation(kind: Kind) -> None:
    noun, _, id_ = kind.tail.partition("/")
    assert noun == kind.noun
    places = {field for _, field, _, _ in string.Formatter().parse(id_) if field}
    assert places <= members(f"Create{camel(kind)}") | {"name", "group", "solution", "id"}


@EVERY
def test_it_is_taggable_as_the_model_says(kind: Kind) -> None:
    assert kind.taggable == ("tags" in members(f"Create{camel(kind)}"))


@EVERY
def test_what_it_names_is_there(kind: Kind) -> None:
    assert {blocker.kind for blocker in kind.blocked_by} <= KINDS.keys()
    assert set(kind.cascade) <= KINDS.keys()
    assert set(kind.parents.values()) <= KINDS.keys()
    assert kind.quota is None or kind.quota in QUOTAS
    assert all("datasetGroupArn" in kind.parents for blocker in kind.blocked_by if blocker.of_parent)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.blocked_by or kind.cascade])
def test_what_blocks_or_follows_a_kind_descends_from_it_or_its_parent(kind: Kind) -> None:
    def descends(name: str, ancestor: str) -> bool:
        return any(parent == ancestor or descends(parent, ancestor) for parent in KINDS[name].parents.values())

    for blocker in kind.blocked_by:
        above = "dataset_group" if blocker.of_parent else kind.name
        assert descends(blocker.kind, above)
    for name in kind.cascade:
        assert descends(name, kind.name)


def test_each_arn_is_of_one_kind() -> None:
    tails = {
        "dataset_group": "dataset-group/films",
        "schema": "schema/films",
        "dataset": "dataset/films/ITEMS",
        "dataset_import_job": "dataset-import-job/films",
        "solution": "solution/films",
        "solution_version": "solution/films/0b76212f",
        "campaign": "campaign/films",
        "dataset_export_job": "dataset-export-job/films",
        "data_deletion_job": "data-deletion-job/films",
        "event_tracker": "event-tracker/88291ed2",
        "filter": "filter/films",
        "recommender": "recommender/films",
        "metric_attribution": "metric-attribution/films",
        "batch_inference_job": "batch-inference-job/films",
        "batch_segment_job": "batch-segment-job/films",
    }
    assert tails.keys() == KINDS.keys()
    for name, tail in tails.items():
        noun, _, id_ = tail.partition("/")
        assert [kind.name for kind in KINDS.values() if is_arn_of(kind, noun, id_)] == [name]


@pytest.mark.parametrize(
    "tail", ["solution", "solution/", "solution//v1", "solution/a/", "solution/a/b/c", "Solution/a"]
)
def test_crooked_arns_are_of_no_kind(tail: str) -> None:
    noun, _, id_ = tail.partition("/")
    assert not any(is_arn_of(kind, noun, id_) for kind in KINDS.values())


def test_processes_show_the_statuses_that_the_service_names() -> None:
    structures = [shape for name in MODEL.shape_names if (shape := MODEL.shape_for(name)).type_name == "structure"]
    named = " ".join(shape.members["status"].documentation for shape in structures if "status" in shape.members)
    named = named.replace("<code>", "").replace("</code>", "")
    shown = {process.status(stage) for process in PROCESSES.values() for stage in (PENDING, RUNNING, DONE, FAILED)}
    # Updates were seen to show these; the model is silent.
    seen = {"UPDATE PENDING", "UPDATE IN_PROGRESS", "UPDATE FAILED"}
    assert {status for status in shown - {None} - seen if status not in named} == set()
