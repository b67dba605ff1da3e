"""Deeds: a group with actions that users take, refuse or never saw, beside the interactions of `shops`."""

from __future__ import annotations

import itertools
import json
from typing import Any

import shops
from accounts import Account

ROWS = shops.series()
ACTIONS = shops.schema(
    "Actions",
    "ACTION_ID string",
    {"name": "VALUE", "type": ["null", "long"]},
    {"name": "KIND", "type": ["null", "string"], "categorical": True},
    {"name": "EXPIRATION_TIMESTAMP", "type": ["null", "long"]},
    {"name": "REPEAT_FREQUENCY", "type": ["null", "long"]},
)
ACTION_INTERACTIONS = shops.schema(
    "Action_Interactions", "USER_ID string", "ACTION_ID string", "EVENT_TYPE string", "TIMESTAMP long"
)
DAY = 86400
FOREVER, OVER = 4_000_000_000, 1_000_000_000
HEADER = "ACTION_ID,VALUE,KIND,EXPIRATION_TIMESTAMP,REPEAT_FREQUENCY"
# Even users join, odd ones take the app; nobody was asked to read or to visit.
KNOWN = [
    ("join", 2, "club", FOREVER, ""),
    ("app", 2, "phone", "", ""),
    ("weekly", 1, "club|mail", "", 7),
    ("read", 5, "mail", "", ""),
    ("visit", 9, "shop", "", ""),
    ("over", 10, "shop", OVER, ""),
]
_events = itertools.count()


def number(user: str) -> int:
    return int(user.removeprefix("u"))


class Deeds:
    """A custom group with a campaign for next best actions; tests put rows of users of their own."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.group = account.shop(ROWS, "deeds")
        self.actions = self._load("Actions", ACTIONS, KNOWN, HEADER)
        rows = [self._asked(user, round_, action) for user in range(60) for round_ in range(4) for action in (0, 1, 2)]
        dealings = self._load(
            "Action_Interactions", ACTION_INTERACTIONS, rows, "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP"
        )
        self.tracking_id = account.describe("dataset", dealings)["trackingId"]
        account.dataset(self.group, account.schema("items", shops.ITEMS), "Items", "items")
        self.tracker = account.personalize.create_event_tracker(name="deeds", datasetGroupArn=self.group)["trackingId"]
        self.campaign = account.deployed(self.group, "aws-next-best-action", "deeds")
        self.now = int(account.describe("campaign", self.campaign)["creationDateTime"].timestamp())

    def filter(self, expression: str, name: str) -> str:
        made = self.account.personalize.create_filter(
            name=name, datasetGroupArn=self.group, filterExpression=expression
        )
        self.account.active("filter", made["filterArn"])
        return str(made["filterArn"])

    def answer(self, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.account.runtime.get_action_recommendations(
            **{"campaignArn": self.campaign, "userId": "u0", "numResults": 100} | asked
        )
        return found

    def recommended(self, **asked: Any) -> list[str]:
        return [action["actionId"] for action in self.answer(**asked)["actionList"]]

    def scores(self, **asked: Any) -> dict[str, float]:
        return {action["actionId"]: action["score"] for action in self.answer(**asked)["actionList"]}

    def meet(self, user: str, action: str, type_: str = "Taken", ago: int = 0) -> None:
        """Send an event, so many seconds after (or before) the campaign was made."""
        event = {
            "actionId": action,
            "userId": user,
            "sessionId": f"of {user}",
            "eventType": type_,
            "timestamp": self.now - ago + next(_events) % 60,
        }
        self.account.events.put_action_interactions(trackingId=self.tracking_id, actionInteractions=[event])

    def put(self, action: str, **properties: Any) -> None:
        record = {"actionId": action, "properties": json.dumps(properties)}
        self.account.events.put_actions(datasetArn=self.actions, actions=[record])

    def _asked(self, user: int, round_: int, action: int) -> tuple[str, str, str, int]:
        """Return what came of asking; each sixth user is of another mind in the last round."""
        takes = user % 3 > 0 if action == 2 else user % 2 == action
        exception = user % 6 == 5 and round_ == 3
        type_ = "TAKEN" if takes != exception else ("NOT_TAKEN", "Viewed")[round_ % 2]
        return f"u{user}", KNOWN[action][0], type_, shops.START + DAY * round_ + 100 * user + action

    def _load(self, type_: str, schema: str, rows: list[Any], header: str) -> str:
        name = type_.lower()
        dataset = self.account.dataset(self.group, self.account.schema(name, schema), type_, name)
        job = self.account.import_rows(dataset, self.account.put(shops.csv(rows, header), f"{name}.csv"), name)
        assert job["status"] == "ACTIVE", job
        return dataset
