import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from fakepersonalize import errors
from fakepersonalize.arns import Scope
from fakepersonalize.lifecycle.clock import ManualClock
from fakepersonalize.resources.kinds import (
    CAMPAIGN,
    DATASET,
    DATASET_GROUP,
    DATASET_IMPORT_JOB,
    SCHEMA,
    SOLUTION,
    SOLUTION_VERSION,
    Kind,
)
from fakepersonalize.resources.shelf import Resource, Shelf

HOME = Scope("123456789012", "eu-west-1")
PREFIX = "arn:aws:personalize:eu-west-1:123456789012"
ELSEWHERE = [
    Scope("123456789012", "us-east-1"),
    Scope("210987654321", "eu-west-1"),
    Scope("123456789012", "cn-north-1"),
]


def add(
    shelf: Shelf, kind: Kind, name: str = "films", scope: Scope = HOME, status: str = "ACTIVE", **members: Any
) -> Resource:
    """Put a resource on the shelf that has come so far already."""
    places = {"group": "films", "solution": "films", "id": name}
    with shelf.database.transaction():
        resource = shelf.at(scope).add(kind, name, {"jobName": name} | members, **places)
        return shelf.put(resource, status=status)


class Films:
    """One resource of each kind, each below the one it descends from."""

    def __init__(self, shelf: Shelf) -> None:
        self.group = add(shelf, DATASET_GROUP)
        self.schema = add(shelf, SCHEMA)
        self.dataset = add(
            shelf, DATASET, datasetGroupArn=self.group.arn, schemaArn=self.schema.arn, datasetType="INTERACTIONS"
        )
        self.importing = add(shelf, DATASET_IMPORT_JOB, datasetArn=self.dataset.arn)
        self.solution = add(shelf, SOLUTION, datasetGroupArn=self.group.arn)
        self.version = add(shelf, SOLUTION_VERSION, "v1", solutionArn=self.solution.arn, datasetGroupArn=self.group.arn)
        self.campaign = add(shelf, CAMPAIGN, solutionVersionArn=self.version.arn)


@pytest.fixture
def films(shelf: Shelf) -> Films:
    return Films(shelf)


# Adding and finding


def test_arns_are_as_the_service_prints_them(films: Films) -> None:
    found = [films.group, films.schema, films.dataset, films.importing, films.solution, films.version, films.campaign]
    assert [resource.arn.removeprefix(f"{PREFIX}:") for resource in found] == [
        "dataset-group/films",
        "schema/films",
        "dataset/films/INTERACTIONS",
        "dataset-import-job/films",
        "solution/films",
        "solution/films/v1",
        "campaign/films",
    ]


def test_a_resource_is_found_as_it_was_put_down(shelf: Shelf) -> None:
    put = add(shelf, DATASET_GROUP, domain="ECOMMERCE", title="Amélie \U0001f600")
    found = shelf.at(HOME).get(DATASET_GROUP, put.arn)
    assert found == put
    assert found.scope == HOME
    assert found.record() == {
        "jobName": "films",
        "domain": "ECOMMERCE",
        "title": "Amélie \U0001f600",
        "datasetGroupArn": put.arn,
        "status": "ACTIVE",
        "creationDateTime": 1000.0,
        "lastUpdatedDateTime": 1000.0,
    }


def test_a_new_resource_is_pending_or_active_as_its_kind_says(shelf: Shelf) -> None:
    with shelf.database.transaction():
        made = [shelf.at(HOME).add(kind, "films", {}).status for kind in (DATASET_GROUP, SCHEMA, SOLUTION)]
    assert made == ["CREATE PENDING", "ACTIVE", "ACTIVE"]


def test_members_without_a_value_are_not_kept(shelf: Shelf) -> None:
    assert add(shelf, DATASET_GROUP, domain=None).document == {"jobName": "films"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_know_are_not_kept(shelf: Shelf, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        add(shelf, DATASET_GROUP, number=value)
    assert shelf.of_kind(DATASET_GROUP) == []


def test_an_arn_is_taken_once_per_account_and_region(shelf: Shelf) -> None:
    add(shelf, SCHEMA)
    with pytest.raises(errors.ResourceAlreadyExistsException, match=f"Another resource with Arn {PREFIX}:schema/films"):
        add(shelf, SCHEMA)
    for scope in ELSEWHERE:
        add(shelf, SCHEMA, scope=scope)
    add(shelf, SCHEMA, "Films")


def test_nothing_is_seen_from_another_account_or_region(shelf: Shelf, films: Films) -> None:
    for scope in ELSEWHERE:
        there = shelf.at(scope)
        with pytest.raises(errors.ResourceNotFoundException):
            there.get(DATASET_GROUP, films.group.arn)
        with pytest.raises(errors.ResourceNotFoundException):
            there.any(films.group.arn)
        assert there.page(DATASET_GROUP, {}, "ListDatasetGroups") == ([], None)
        assert there.page(SOLUTION, {"datasetGroupArn": films.group.arn}, "ListSolutions") == ([], None)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "films",
        f"{PREFIX}:schema/films",
        f"{PREFIX}:dataset-group",
        f"{PREFIX}:dataset-group/",
        f"{PREFIX}:dataset-group/a/b",
        "arn:aws:s3:::films",
        "arn:aws:personalize:::recipe/aws-sims",
    ],
)
def test_an_arn_of_another_kind_is_invalid(shelf: Shelf, arn: str) -> None:
    with pytest.raises(errors.InvalidInputException, match="Invalid ARN"):
        shelf.at(HOME).get(DATASET_GROUP, arn)


def test_solutions_and_their_versions_are_told_apart(shelf: Shelf, films: Films) -> None:
    here = shelf.at(HOME)
    assert here.get(SOLUTION, films.solution.arn).kind is SOLUTION
    assert here.get(SOLUTION_VERSION, films.version.arn).kind is SOLUTION_VERSION
    for kind, arn in ((SOLUTION, films.version.arn), (SOLUTION_VERSION, films.solution.arn)):
        with pytest.raises(errors.InvalidInputException):
            here.get(kind, arn)


def test_what_is_not_active_cannot_be_used(shelf: Shelf) -> None:
    group = add(shelf, DATASET_GROUP, status="CREATE IN_PROGRESS")
    with pytest.raises(errors.ResourceInUseException, match="is not in ACTIVE state"):
        shelf.at(HOME).active(DATASET_GROUP, group.arn)


# Changing and removing


def test_the_time_of_the_last_update_never_moves_back(shelf: Shelf, clock: ManualClock) -> None:
    group = add(shelf, DATASET_GROUP)
    clock.move_to(2000.0)
    with shelf.database.transaction():
        changed = shelf.put(group, status="DELETE PENDING")
    behind = Shelf(shelf.database, lambda: 500.0, quotas=False)
    with shelf.database.transaction():
        behind.put(changed)
    found = shelf.find(group.arn)
    assert found is not None
    assert (found.created, found.updated, found.status) == (1000.0, 2000.0, "DELETE PENDING")


def test_everything_above_is_an_ancestor(shelf: Shelf, films: Films) -> None:
    assert set(shelf.ancestors(films.campaign.arn)) == {films.version.arn, films.solution.arn, films.group.arn}
    assert set(shelf.ancestors(films.importing.arn)) == {films.dataset.arn, films.group.arn, films.schema.arn}
    assert shelf.ancestor(films.campaign, DATASET_GROUP) == films.group
    with pytest.raises(LookupError):
        shelf.ancestor(films.group, SCHEMA)


def test_everything_below_is_found_oldest_first(shelf: Shelf, films: Films) -> None:
    second = add(shelf, SOLUTION_VERSION, "v0", solutionArn=films.solution.arn)
    assert shelf.below(films.group.arn, SOLUTION_VERSION) == [films.version, second]
    assert shelf.below(films.version.arn, CAMPAIGN) == [films.campaign]
    assert shelf.below(second.arn, CAMPAIGN) == []


def test_links_follow_a_changed_document(shelf: Shelf, films: Films) -> None:
    other = add(shelf, SOLUTION, "other", datasetGroupArn=films.group.arn)
    version = add(shelf, SOLUTION_VERSION, "v2", solutionArn=other.arn)
    with shelf.database.transaction():
        shelf.link(shelf.put(films.campaign, films.campaign.document | {"solutionVersionArn": version.arn}))
    assert shelf.below(films.solution.arn, CAMPAIGN) == []
    assert [campaign.arn for campaign in shelf.below(other.arn, CAMPAIGN)] == [films.campaign.arn]


def test_versions_go_with_their_solution(shelf: Shelf, films: Films) -> None:
    with shelf.database.transaction() as transaction:
        shelf.at(HOME).tag(films.version.arn, [{"tagKey": "a", "tagValue": "b"}])
        gone = shelf.remove(films.solution)
    assert gone == [films.solution, films.version]
    assert transaction.changed == {films.solution.arn, films.version.arn}
    assert shelf.find(films.version.arn) is None
    assert shelf.at(HOME).tags(films.version.arn) == []


def test_a_resource_that_returns_is_another_one(shelf: Shelf) -> None:
    first = add(shelf, DATASET_GROUP)
    with shelf.database.transaction():
        shelf.remove(first)
    second = add(shelf, DATASET_GROUP)
    assert second.arn == first.arn
    assert second.number > first.number


def test_a_resource_that_returns_has_nothing_below_it(shelf: Shelf, films: Films) -> None:
    with shelf.database.transaction():
        shelf.remove(films.solution)
    assert shelf.below(films.solution.arn, CAMPAIGN) == []
    assert [each.arn for each in shelf.below(films.group.arn, CAMPAIGN)] == [films.campaign.arn]


def test_changes_are_told_to_listeners_and_only_when_committed(shelf: Shelf) -> None:
    heard: list[set[str]] = []
    shelf.database.listeners.append(heard.append)
    with suppress(ZeroDivisionError), shelf.database.transaction():
        shelf.at(HOME).add(SCHEMA, "never", {})
        raise ZeroDivisionError
    schema = add(shelf, SCHEMA)
    with shelf.database.transaction():
        shelf.remove(schema)
    assert heard == [{schema.arn}, {schema.arn}]


# What forbids a deletion


def test_nothing_goes_while_something_below_depends_on_it(shelf: Shelf, films: Films) -> None:
    here = shelf.at(HOME)
    for resource, holder in (
        (films.group, films.dataset),
        (films.schema, films.dataset),
        (films.solution, films.campaign),
        (films.dataset, films.campaign),
    ):
        with pytest.raises(errors.ResourceInUseException, match=f"{resource.arn} is in use by {holder.arn}"):
            here.require_deletable(resource)
    here.require_deletable(films.campaign)


@pytest.mark.parametrize("status", ["CREATE PENDING", "CREATE IN_PROGRESS", "CREATE STOPPING"])
def test_running_work_holds_what_it_works_on(shelf: Shelf, films: Films, status: str) -> None:
    here = shelf.at(HOME)
    with shelf.database.transaction():
        shelf.remove(films.campaign)
        shelf.put(films.version, status=status)
    for held in (films.solution, films.dataset):
        with pytest.raises(errors.ResourceInUseException, match=films.version.arn):
            here.require_deletable(held)


@pytest.mark.parametrize("status", ["ACTIVE", "CREATE FAILED", "CREATE STOPPED"])
def test_work_that_is_over_holds_nothing(shelf: Shelf, films: Films, status: str) -> None:
    here = shelf.at(HOME)
    with shelf.database.transaction():
        shelf.remove(films.campaign)
        shelf.put(films.version, status=status)
        shelf.put(films.importing, status=status)
    here.require_deletable(films.solution)
    here.require_deletable(films.dataset)


# Pages


def everything(
    shelf: Shelf, kind: Kind, size: int, between: Callable[[], object] = lambda: None, **question: Any
) -> list[str]:
    """Follow the tokens of a list to its end; return the names in their order."""
    names: list[str] = []
    token = None
    while True:
        asked = {**question, "maxResults": size} | ({"nextToken": token} if token else {})
        page, token = shelf.at(HOME).page(kind, asked, "List")
        assert len(page) <= size
        names += [resource.name for resource in page]
        if token is None:
            return names
        between()


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 100])
def test_pages_show_each_once_newest_first(shelf: Shelf, size: int) -> None:
    for number in range(7):
        add(shelf, SCHEMA, f"s{number}")
    assert everything(shelf, SCHEMA, size) == [f"s{number}" for number in reversed(range(7))]


def test_a_page_has_a_hundred_by_default(shelf: Shelf) -> None:
    with shelf.database.transaction():
        for number in range(101):
            shelf.at(HOME).add(SCHEMA, f"s{number}", {})
    page, token = shelf.at(HOME).page(SCHEMA, {}, "ListSchemas")
    assert (len(page), token is None) == (100, False)


def test_deletions_between_pages_skip_nothing(shelf: Shelf) -> None:
    schemas = [add(shelf, SCHEMA, f"s{number}") for number in range(9)]

    def delete_newest() -> None:
        with shelf.database.transaction():
            shelf.remove(schemas.pop())

    assert everything(shelf, SCHEMA, 2, delete_newest) == [f"s{number}" for number in reversed(range(9))]


def test_additions_between_pages_are_not_shown_twice_or_in_between(shelf: Shelf) -> None:
    for number in range(5):
        add(shelf, SCHEMA, f"s{number}")
    new = iter(range(5, 100))
    assert everything(shelf, SCHEMA, 2, lambda: add(shelf, SCHEMA, f"s{next(new)}")) == [
        f"s{number}" for number in reversed(range(5))
    ]


def test_a_list_below_an_ancestor_shows_what_descends_from_it(shelf: Shelf, films: Films) -> None:
    other = add(shelf, DATASET_GROUP, "other")
    add(shelf, SOLUTION, "others", datasetGroupArn=other.arn)
    assert everything(shelf, SOLUTION, 1, datasetGroupArn=films.group.arn) == ["films"]
    assert everything(shelf, SOLUTION, 1) == ["others", "films"]
    assert everything(shelf, CAMPAIGN, 1, solutionArn=films.solution.arn) == ["films"]


def test_an_unknown_ancestor_has_nothing_below_it_or_is_not_found(shelf: Shelf) -> None:
    here, unknown = shelf.at(HOME), {"solutionArn": f"{PREFIX}:solution/nobody"}
    assert here.page(SOLUTION_VERSION, unknown, "List") == ([], None)
    with pytest.raises(errors.ResourceNotFoundException):
        here.page(SOLUTION_VERSION, unknown, "List", strict_parent=True)
    with pytest.raises(errors.InvalidInputException):
        here.page(SOLUTION_VERSION, {"solutionArn": "nonsense"}, "List")


def test_a_token_is_good_for_its_own_question_only(shelf: Shelf, films: Films) -> None:
    add(shelf, SOLUTION, "other", datasetGroupArn=films.group.arn)
    here = shelf.at(HOME)
    _, token = here.page(SOLUTION, {"maxResults": 1}, "ListSolutions")
    for question, operation, asker in (
        ({"datasetGroupArn": films.group.arn}, "ListSolutions", here),
        ({}, "ListCampaigns", here),
        ({}, "ListSolutions", shelf.at(ELSEWHERE[0])),
    ):
        with pytest.raises(errors.InvalidNextTokenException):
            asker.page(SOLUTION, question | {"nextToken": token}, operation)
    assert len(here.page(SOLUTION, {"maxResults": 100, "nextToken": token}, "ListSolutions")[0]) == 1


# Tags


def test_tags_are_kept_beside_the_document_and_the_same_key_overwrites(shelf: Shelf) -> None:
    here = shelf.at(HOME)
    group = add(shelf, DATASET_GROUP, tags=[{"tagKey": "a", "tagValue": "1"}])
    with shelf.database.transaction():
        here.tag(group.arn, [{"tagKey": "a", "tagValue": "2"}, {"tagKey": "b", "tagValue": ""}])
    assert here.tags(group.arn) == [{"tagKey": "a", "tagValue": "2"}, {"tagKey": "b", "tagValue": ""}]
    assert "tags" not in group.document
    with shelf.database.transaction():
        here.untag(group.arn, ["a", "unknown"])
    assert here.tags(group.arn) == [{"tagKey": "b", "tagValue": ""}]


def test_the_fifty_first_tag_is_one_too_many_and_changes_nothing(shelf: Shelf) -> None:
    here = shelf.at(HOME)
    group = add(shelf, DATASET_GROUP, tags=[{"tagKey": str(number), "tagValue": ""} for number in range(50)])
    with pytest.raises(errors.TooManyTagsException), shelf.database.transaction():
        here.tag(group.arn, [{"tagKey": "one too many", "tagValue": ""}])
    assert len(here.tags(group.arn)) == 50
    with shelf.database.transaction():
        here.tag(group.arn, [{"tagKey": "7", "tagValue": "changed"}])


def test_keys_of_aws_are_reserved(shelf: Shelf) -> None:
    with pytest.raises(errors.InvalidInputException, match="reserved"):
        add(shelf, DATASET_GROUP, tags=[{"tagKey": "AWS:cost", "tagValue": ""}])
    assert shelf.of_kind(DATASET_GROUP) == []


# Threads


def test_of_threads_that_add_the_same_name_one_succeeds(shelf: Shelf) -> None:
    begin, outcomes = threading.Barrier(8), []

    def work() -> None:
        begin.wait()
        try:
            add(shelf, SCHEMA)
            outcomes.append("added")
        except errors.ResourceAlreadyExistsException:
            outcomes.append("refused")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["added"] + ["refused"] * 7


def test_documents_are_plain_json(shelf: Shelf) -> None:
    add(shelf, SCHEMA, schema='{"type": "record"}', nested={"list": [1, 2.5, True, None]})
    (row,) = shelf.database.rows("of_kind", kind="schema")
    assert json.loads(row["document"])["nested"] == {"list": [1, 2.5, True, None]}
