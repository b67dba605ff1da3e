"""Exploration from inside: what comes of it over many users, what it reads, and when it is brought up to date."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from fakepersonalize import mock_personalize
from fakepersonalize.emulator import Emulator
from fakepersonalize.recipes.catalogue import BY_ITSELF, Exploration
from fakepersonalize.recommend.answer import Asked, Endpoint
from fakepersonalize.recommend.exploring import Exploring
from fakepersonalize.recommend.lags import LAGS

START, DAY = 1_600_000_000, 86400
FIELDS: dict[str, list[dict[str, Any]]] = {
    "Interactions": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "Items": [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "GENRE", "type": ["null", "string"], "categorical": True},
        {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
    ],
}
COLD = [f"cold{number}" for number in range(30)]
AT_ONCE = tuple(
    f"{kind}=immediate"
    for kind in ("dataset_group", "dataset", "dataset_import_job", "event_tracker", "solution_version", "campaign")
)
_numbers = itertools.count()


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


class Shop:
    """Forty people in a circle of two hundred old items, trained on streamed or imported rows."""

    def __init__(self, emulator: Emulator, streamed: bool = True) -> None:
        self.emulator = emulator
        personalize = client("personalize")
        self.group = personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        self.datasets = {type_: self._dataset(type_) for type_ in FIELDS}
        self.tracking_id = personalize.create_event_tracker(name="shop", datasetGroupArn=self.group)["trackingId"]
        if streamed:
            for user in range(40):
                for start in (0, 10):
                    items = [f"i{(user * 5 + start + step) % 200}" for step in range(10)]
                    self.meet(f"u{user}", items, START - 50 * DAY)
            self.meet("u0", ["i1"], START)
        else:
            rows = [
                f"u{user},i{(user * 5 + step) % 200},{START - 50 * DAY}" for user in range(40) for step in range(20)
            ]
            self.load("Interactions", "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
        emulator.advance(seconds=DAY) if emulator.settings.lifecycle == "manual" else None
        solution = personalize.create_solution(
            name="shop", datasetGroupArn=self.group, recipeArn="arn:aws:personalize:::recipe/aws-user-personalization"
        )["solutionArn"]
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        self.campaign = personalize.create_campaign(name="shop", solutionVersionArn=version)["campaignArn"]

    @property
    def endpoint(self) -> Endpoint:
        found = self.emulator.recommender.endpoint(self.campaign)
        assert found is not None
        return found

    def listed(self, user: str, exploration: Exploration | None, until: int | None = None) -> list[dict[str, Any]]:
        endpoint = replace(self.endpoint, exploration=exploration)
        return self.emulator.recommender.recommend(endpoint, Asked(user, None, 25, until=until))

    def found(self, exploration: Exploration | None) -> set[str]:
        """Return what anybody of forty is recommended."""
        return {item["itemId"] for user in range(40) for item in self.listed(f"u{user}", exploration)}

    def share(self, exploration: Exploration | None, users: Sequence[str]) -> float:
        """Return the share of cold items in the lists of users."""
        lists = [[item["itemId"] for item in self.listed(user, exploration)] for user in users]
        return sum(item in COLD for found in lists for item in found) / sum(map(len, lists))

    def meet(self, user: str, items: list[str], time: int, **more: Any) -> None:
        sent = [{"eventType": "watch", "itemId": item, "sentAt": time + n} | more for n, item in enumerate(items)]
        client("personalize-events").put_events(
            trackingId=self.tracking_id, sessionId=f"of {user}", userId=user, eventList=sent
        )

    def put(self, items: list[str]) -> None:
        for first in range(0, len(items), 10):
            films = [{"itemId": item, "properties": '{"genre": "new"}'} for item in items[first : first + 10]]
            client("personalize-events").put_items(datasetArn=self.datasets["Items"], items=films)

    def load_items(self, text: str) -> None:
        """Let these be all rows of the Items dataset that were imported."""
        self.load("Items", text)

    def load(self, type_: str, text: str) -> None:
        s3, name = client("s3"), f"rows{next(_numbers)}"
        s3.create_bucket(Bucket="shop")
        s3.put_object(Bucket="shop", Key=name, Body=text.encode())
        client("personalize").create_dataset_import_job(
            jobName=name,
            datasetArn=self.datasets[type_],
            dataSource={"dataLocation": f"s3://shop/{name}"},
            roleArn="arn:aws:iam::123456789012:role/personalize",
        )

    def _dataset(self, type_: str) -> str:
        text = json.dumps({"type": "record", "name": type_, "fields": FIELDS[type_]})
        made = client("personalize").create_schema(name=type_, schema=text)["schemaArn"]
        arn = client("personalize").create_dataset(
            name=type_, schemaArn=made, datasetGroupArn=self.group, datasetType=type_
        )["datasetArn"]
        return str(arn)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with mock_personalize(limits="off", seed=5) as emulator:
        made = Shop(emulator)
        made.put(COLD)
        yield made


THOUSAND = [f"u{number}" for number in range(1000)]


def test_over_a_thousand_users_the_share_of_cold_items_rises_with_the_weight(shop: Shop) -> None:
    shares = [shop.share(Exploration(weight, 30), THOUSAND) for weight in (0, 0.1, 0.3, 1)]
    assert shares[0] == 0
    assert all(lower + 0.01 < higher for lower, higher in zip(shares, shares[1:]))


def test_at_weight_0_it_equals_no_exploration(shop: Shop) -> None:
    users = THOUSAND[:60]
    assert [shop.listed(user, Exploration(0, 30)) for user in users] == [shop.listed(user, None) for user in users]


def test_every_cold_item_finds_its_users_and_old_relevant_items_stay(shop: Shop) -> None:
    lists = [[item["itemId"] for item in shop.listed(user, Exploration(0.3, 30))] for user in THOUSAND[:300]]
    assert {*COLD} < {item for found in lists for item in found}
    same = [found[0] == shop.listed(user, None)[0]["itemId"] for user, found in zip(THOUSAND[:40], lists)]
    assert sum(same) > 30


def test_what_is_configured_by_nobody_is_a_thousandth(shop: Shop) -> None:
    assert 0 < shop.share(BY_ITSELF, THOUSAND) < 0.01


def test_answers_that_explore_take_no_sql(shop: Shop) -> None:
    metadata: list[str] = []
    streamed: list[str] = []
    shop.emulator.loaded.clear()
    shop.emulator.database.trace(metadata.append)
    shop.emulator.streamed._database.trace(streamed.append)
    try:
        answer = client("personalize-runtime").get_recommendations(campaignArn=shop.campaign, userId="u1")
        assert len(answer["itemList"]) == 25
        assert metadata == streamed == []
    finally:
        shop.emulator.database.trace(None)
        shop.emulator.streamed._database.trace(None)


def test_an_answer_can_be_worked_out_again_after_more_events(shop: Shop) -> None:
    """What was met and passed over since then is taken back."""
    setting, mark = Exploration(1, 30), shop.emulator.recommender.mark
    before = [shop.listed(f"u{user}", setting) for user in range(20)]
    shop.meet("x", ["cold3"] * 4, START - 5, impression=["cold3", "cold4", "cold5", "i1"])
    assert [shop.listed(f"u{user}", setting) for user in range(20)] != before
    assert [shop.listed(f"u{user}", setting, until=mark) for user in range(20)] == before


def test_an_answer_of_before_the_first_event_can_be_worked_out_again() -> None:
    with mock_personalize(limits="off", seed=5) as emulator:
        shop, setting = Shop(emulator, streamed=False), Exploration(1, 30)
        before = [shop.listed(f"u{user}", setting) for user in range(20)]
        shop.put(COLD)
        shop.meet("x", ["i1"], START)
        assert [shop.listed(f"u{user}", setting) for user in range(20)] != before
        assert [shop.listed(f"u{user}", setting, until=0) for user in range(20)] == before


def test_an_answer_can_be_worked_out_again_by_a_model_that_has_left_the_memory_meanwhile() -> None:
    """What was put or met since the answer was not there to be tried out, whoever asks the model first."""
    with mock_personalize(limits="off", seed=5) as emulator:
        shop, setting = Shop(emulator), Exploration(1, 30)
        shop.put(COLD[:10])
        mark = emulator.recommender.mark
        before = [shop.listed(f"u{user}", setting) for user in range(20)]
        shop.put(COLD)
        shop.meet("x", ["met-only", "met-too"], START)
        for changed_first in (True, False):
            emulator.loaded.clear()
            if changed_first:
                assert [shop.listed(f"u{user}", setting) for user in range(20)] != before
            assert [shop.listed(f"u{user}", setting, until=mark) for user in range(20)] == before


def test_an_answer_of_before_an_update_is_explained_without_what_that_brought() -> None:
    """Rows that were there already, but did not count yet, do not count in an explanation either."""

    def asked(shop: Shop) -> list[str]:
        runtime = client("personalize-runtime")
        answers = [runtime.get_recommendations(campaignArn=shop.campaign, userId=f"u{user}") for user in range(10)]
        return [answer["recommendationId"] for answer in answers]

    how: Any = {"lifecycle": "manual", "transitions": AT_ONCE, "lags": "aws", "limits": "off", "seed": 5}
    with mock_personalize(**how) as emulator:
        shop = Shop(emulator)
        shop.put(COLD)
        emulator.advance(hours=1)
        answers = asked(shop)
        emulator.advance(hours=2)
        answers += asked(shop)
        shop.meet("x", ["cold3"] * 4, START - 5, impression=["cold3", "cold4", "cold5", "i1"])
        emulator.advance(minutes=30)
        answers += asked(shop)
        emulator.advance(hours=2)
        answers += asked(shop)
        for forgotten in (False, True):
            if forgotten:
                emulator.loaded.clear()
            assert all(emulator.explain(id_)["same"] for id_ in answers)


def test_new_items_are_found_after_others_have_been_deleted_with_their_users() -> None:
    with mock_personalize(limits="off", seed=5) as emulator:
        shop, setting = Shop(emulator), Exploration(1, 30)
        shop.meet("guest", ["gone"], START)
        assert "gone" in shop.found(setting)
        dataset = emulator.shelf.find(shop.datasets["Interactions"])
        assert dataset is not None
        of_guest = [event.number for event in emulator.streamed.events(dataset.number) if event.user == "guest"]
        emulator.streamed.remove(dataset.number, of_guest)
        shop.meet("other", ["come"], START)
        assert "come" in shop.found(setting)
        assert "gone" not in shop.found(setting)


def test_what_the_training_knew_is_counted_once_and_what_came_after_it_too(shop: Shop) -> None:
    loaded = shop.emulator.loaded.get(shop.endpoint.model)
    assert loaded.knowledge is not None
    trained = loaded.knowledge.met.copy()
    shop.listed("u1", Exploration(1, 30))
    known = loaded.companions.find(Exploring)._known
    code = loaded.items["i1"]
    assert known.met[code] == trained[code]
    shop.meet("y", ["i1", "i1"], START)
    shop.listed("u1", Exploration(1, 30))
    known = loaded.companions.find(Exploring)._known
    assert known.met[code] == trained[code] + 2
    assert loaded.knowledge.met[code] == trained[code]  # a model is never written to
    assert known.latest == START + 1
    assert len(known.came) == len(known.met) == len(known.passed_over) == 230
    assert np.array_equal(known.came[:200], loaded.knowledge.came)


def test_with_the_lags_of_the_service_new_items_wait_for_the_next_update() -> None:
    with mock_personalize(lifecycle="manual", transitions=AT_ONCE, lags="aws", limits="off", seed=5) as emulator:
        shop, users = Shop(emulator), THOUSAND[:40]
        setting = Exploration(1, 30)
        assert shop.share(setting, users) == 0
        shop.put(COLD)
        emulator.advance(seconds=LAGS["aws"].records)  # from now on filters know them
        assert shop.share(setting, users) == 0
        emulator.advance(seconds=LAGS["aws"].updates - LAGS["aws"].records)
        assert shop.share(setting, users) > 0.1


def test_updates_keep_their_times_when_a_model_is_loaded_anew_and_after_a_restart(tmp_path: Path) -> None:
    how: Any = {"lifecycle": "manual", "transitions": AT_ONCE, "lags": "aws", "limits": "off", "seed": 5}
    setting, users = Exploration(1, 30), THOUSAND[:40]

    def tried(shop: Shop) -> set[str]:
        return {item["itemId"] for user in users for item in shop.listed(user, setting)} & {*COLD, "met"}

    with mock_personalize(data_dir=str(tmp_path), **how) as emulator:
        shop = Shop(emulator)
        assert tried(shop) == set()
        shop.load_items("ITEM_ID,GENRE,CREATION_TIMESTAMP\ncold0,new,\n")
        emulator.advance(seconds=LAGS["aws"].records)
        assert tried(shop) == set()  # what was imported after an update waits for the next one
        emulator.advance(seconds=LAGS["aws"].updates - LAGS["aws"].records)
        assert tried(shop) == {"cold0"}
        shop.put(["cold0", "cold1"])
        emulator.advance(hours=1)
        shop.meet("x", ["met"], START)
        emulator.advance(minutes=30)
        emulator.loaded.clear()
        assert tried(shop) == {"cold0"}
        client("personalize").create_dataset_group(name="later")  # the clock goes on from here
    with mock_personalize(data_dir=str(tmp_path), **how) as emulator:
        shop.emulator = emulator
        assert tried(shop) == {"cold0"}
        emulator.advance(minutes=30)
        assert tried(shop) == {"cold0", "cold1", "met"}


def test_a_newer_version_ends_the_updates_of_the_one_before_whether_its_model_is_in_memory_or_not() -> None:
    how: Any = {"lifecycle": "manual", "transitions": AT_ONCE, "limits": "off", "seed": 5}
    setting, users = Exploration(1, 30), THOUSAND[:40]
    with mock_personalize(**how) as emulator:
        shop = Shop(emulator)

        def tried() -> set[str]:
            emulator.loaded.clear()
            return {item["itemId"] for user in users for item in shop.listed(user, setting)} & {*COLD, "met"}

        shop.put(["cold0"])
        shop.load_items("ITEM_ID,GENRE,CREATION_TIMESTAMP\ncold1,new,\n")
        emulator.advance(minutes=1)
        version = client("personalize").list_solution_versions()["solutionVersions"][0]["solutionVersionArn"]
        client("personalize").create_solution_version(solutionArn=version.rpartition("/")[0])
        emulator.advance(minutes=1)
        shop.put(["cold2"])
        shop.meet("x", ["met"], START)
        assert tried() == {"cold0", "cold1"}
        client("personalize").update_campaign(
            campaignArn=shop.campaign, solutionVersionArn=f"{version.rpartition('/')[0]}/$LATEST"
        )
        assert tried() == {"cold0", "cold1", "cold2", "met"}


def test_what_was_passed_over_before_a_restart_stays_passed_over(tmp_path: Path) -> None:
    with mock_personalize(limits="off", seed=5, data_dir=str(tmp_path)) as emulator:
        shop = Shop(emulator)
        shop.put(COLD)
        given = client("personalize-runtime").get_recommendations(campaignArn=shop.campaign, userId="u1")
        shop.meet("u1", [given["itemList"][0]["itemId"]] * 5, START, recommendationId=given["recommendationId"])
        before = [shop.listed(user, Exploration(1, 30)) for user in THOUSAND[:20]]
        assert any(item["itemId"] in COLD for item in given["itemList"])
    with mock_personalize(limits="off", seed=5, data_dir=str(tmp_path)) as emulator:
        shop.emulator = emulator
        assert [shop.listed(user, Exploration(1, 30)) for user in THOUSAND[:20]] == before
        loaded = emulator.loaded.get(shop.endpoint.model)
        exploring = loaded.companions.find(Exploring)
        others = {item["itemId"] for item in given["itemList"][1:]}
        assert all(exploring._known.passed_over[exploring._codes[item]] == 5 for item in others)


def test_between_two_updates_items_may_change_their_places_and_go() -> None:
    with mock_personalize(lifecycle="manual", transitions=AT_ONCE, lags="aws", limits="off", seed=5) as emulator:
        shop, users, setting = Shop(emulator), THOUSAND[:40], Exploration(1, 30)
        text = "ITEM_ID,GENRE,CREATION_TIMESTAMP\n" + "".join(f"{item},new,\n" for item in COLD)
        shop.load_items(text)
        emulator.advance(seconds=LAGS["aws"].records)
        before = [shop.listed(user, setting) for user in users]
        assert shop.share(setting, users) > 0.1
        shop.put(["cold3"])
        emulator.advance(seconds=LAGS["aws"].records)
        assert [shop.listed(user, setting) for user in users] == before
        shop.load_items("ITEM_ID,GENRE,CREATION_TIMESTAMP\ncold5,new,\n")
        assert [shop.listed(user, setting) for user in users] == before
        emulator.advance(seconds=LAGS["aws"].records)
        listed = {item["itemId"] for user in users for item in shop.listed(user, setting)}
        assert listed & {*COLD} == {"cold3", "cold5"}
