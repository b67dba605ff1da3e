"""Streamed records become rows: what PutEvents, PutItems, PutUsers, PutActions and PutActionInteractions carry.

Source: the developer guide's "Recording events" and "Importing individual records",
https://docs.aws.amazon.com/personalize/latest/dg/recording-events.html. Keys of `properties` are the schema's columns
in camel case; columns such as SESSION_ID and IMPRESSION take the members of the request that bear their names. A record
that breaks a rule raises InvalidInputException, and its whole call is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from fakepersonalize import errors
from fakepersonalize.datasets import schema as schemas
from fakepersonalize.datasets.schema import NUMBERS, RANGES, RESERVED, TYPE_RULES, Column, Schema, keywords
from fakepersonalize.errors import InvalidInputException, SerializationException, shortened
from fakepersonalize.protocol.messages import parse_json
from fakepersonalize.resources.quotas import EVENT_BYTES, ID_CHARACTERS
from fakepersonalize.storage.streamed import Event, Record

N = TypeVar("N", int, float)

NO_SESSION = "null"  # what a client of JavaScript sends for none: it was seen to be accepted and to have no effect
EVENTS = (schemas.INTERACTIONS, schemas.ACTION_INTERACTIONS)
ACTION_EVENTS = frozenset({"TAKEN", "NOTTAKEN", "VIEWED"})
FORBIDDEN = frozenset({"USERID", "SESSIONID", "EVENTTYPE", "TIMESTAMP", "RECOMMENDATIONID", "IMPRESSION"})
# Columns that are members of their own, and what is kept of an event in any case, for attribution and exploration.
OWN = {
    schemas.INTERACTIONS: {"USERID", "ITEMID", "TIMESTAMP", "EVENTTYPE"},
    schemas.ACTION_INTERACTIONS: {"USERID", "ACTIONID", "TIMESTAMP", "EVENTTYPE"},
    schemas.ITEMS: {"ITEMID"},
    schemas.USERS: {"USERID"},
    schemas.ACTIONS: {"ACTIONID"},
}
ORIGIN = {
    "IMPRESSION": "IMPRESSION",
    "RECOMMENDATIONID": "RECOMMENDATION_ID",
    "EVENTATTRIBUTIONSOURCE": "EVENT_ATTRIBUTION_SOURCE",
}
# What was listed under a recommendationId, and the ARN of what listed it. No names of columns: they are in no export.
SHOWN, GIVEN_BY = "(SHOWN)", "(GIVEN BY)"
BITS = {"int": 32, "long": 64}
LARGEST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}
CLIPPED_FROM = 7_000  # characters; shorter texts are never cut


class Listing(NamedTuple):
    """What was listed under a recommendationId, and the ARN of the campaign or recommender that listed it."""

    items: Sequence[str]
    by: str


Shown = Callable[[str], Listing | None]


class Inlet:
    """What one dataset makes of streamed records."""

    def __init__(self, dataset: int, schema: Schema) -> None:
        self.dataset, self.schema = dataset, schema
        named = {_folded(column.name): column for column in schema.columns}
        self._columns = {name: column for name, column in named.items() if name not in OWN[schema.dataset_type]}
        self._own = {name: column for name, column in named.items() if name in OWN[schema.dataset_type]}
        self._keywords = frozenset(keywords(schema.dataset_type))

    def events(self, request: Mapping[str, Any], shown: Shown = lambda id_: None) -> list[Event]:
        """Return the rows of a PutEvents request; those of a session called "null" have no effect.

        `shown` tells what was listed under a recommendationId: impressions where the event names none, and a source.
        """
        user, session = request.get("userId"), request["sessionId"]
        made = [self._event(user, session, sent, shown) for sent in request["eventList"]]
        return [] if request["sessionId"] == NO_SESSION else made

    def action_interactions(self, sent: Iterable[Mapping[str, Any]]) -> list[Event]:
        """Return the rows of a PutActionInteractions request."""
        made = [self._action_interaction(each) for each in sent]
        return [event for event in made if event.session != NO_SESSION]

    def record(self, id_: str, properties: str | None) -> Record:
        """Return the row of an item, user or action."""
        (id_column,) = self._own.values()
        self._require_no_keyword(id_column, id_)
        return Record(self.dataset, id_, 0, self._text(_properties(properties, frozenset())))

    def problems(
        self, sent: Mapping[str, Any], make: Callable[[], object], session: str = ""
    ) -> list[InvalidInputException]:
        """Return all that is wrong with an event of a session, or a record; `make` makes its row, or raises the first.

        The session is of events alone; in a PutEvents request it is a member beside them.
        """
        try:
            make()
        except InvalidInputException as first:
            return [first, *(each for each in self._broken(sent, session) if each.message != first.message)]
        return []

    def _broken(self, sent: Mapping[str, Any], session: str) -> Iterator[InvalidInputException]:
        """Yield what is wrong with the properties and columns of an event or record, if these can be told."""
        events = self.schema.dataset_type in EVENTS
        try:
            found = _object(sent.get("properties"))
            given = (
                self._given(sent, session, frozenset()) if events else _properties(sent.get("properties"), frozenset())
            )
        except InvalidInputException:
            return
        checks: list[Callable[[], object]] = [partial(_require_allowed, key, FORBIDDEN) for key in found if events]
        checks += [partial(_item, sent, given)] if self.schema.dataset_type == schemas.INTERACTIONS else []
        checks += [partial(self._value, column, given.get(name)) for name, column in self._columns.items()]
        for check in checks:
            try:
                check()
            except InvalidInputException as problem:
                yield problem

    def _event(self, user: str | None, session: str, sent: Mapping[str, Any], shown: Shown) -> Event:
        given = self._given(sent, session)
        item = _item(sent, given)
        listing = shown(sent["recommendationId"]) if "recommendationId" in sent else None
        origin = {GIVEN_BY: listing.by} if listing else {}
        if listing and listing.items and "impression" not in sent:
            origin[SHOWN] = "|".join(listing.items)
        time, more = int(sent["sentAt"]), self._text(given, origin)
        event = Event(self.dataset, user, session, sent.get("eventId"), item, time, sent["eventType"], more)
        return self._without_keywords(event)

    def _action_interaction(self, sent: Mapping[str, Any]) -> Event:
        if _folded(sent["eventType"].replace(" ", "_")) not in ACTION_EVENTS:
            raise InvalidInputException(errors.UNKNOWN_ACTION_EVENT.format(type=sent["eventType"]))
        id_, user, time = sent.get("eventId"), sent.get("userId"), int(sent["timestamp"])
        more = self._text(self._given(sent, sent["sessionId"]))
        event = Event(self.dataset, user, sent["sessionId"], id_, sent["actionId"], time, sent["eventType"], more)
        return self._without_keywords(event)

    def _without_keywords(self, event: Event) -> Event:
        """Return an event whose own columns an import would take as well, or refuse it."""
        for name, column in self._own.items():
            self._require_no_keyword(column, {"USERID": event.owner, "EVENTTYPE": event.type}.get(name, event.item))
        return event

    def _require_no_keyword(self, column: Column, value: str) -> None:
        if column.type == "string" and value in self._keywords:
            raise InvalidInputException(errors.WRONG_VALUE.format(column=column.name), RESERVED)

    def _given(self, sent: Mapping[str, Any], session: str, forbidden: frozenset[str] = FORBIDDEN) -> dict[str, Any]:
        """Return what an event says by the folded names of columns; its members win over its properties."""
        if len(json.dumps(sent, ensure_ascii=False).encode("utf-8", "surrogatepass")) > EVENT_BYTES:
            raise InvalidInputException(errors.LARGE_EVENT)
        members = {
            "SESSIONID": session,
            "EVENTID": sent.get("eventId"),
            "EVENTVALUE": sent.get("eventValue"),
            "IMPRESSION": "|".join(sent["impression"]) if "impression" in sent else None,
            "RECOMMENDATIONID": sent.get("recommendationId"),
            "EVENTATTRIBUTIONSOURCE": (sent.get("metricAttribution") or {}).get("eventAttributionSource"),
        }
        properties = _properties(sent.get("properties"), forbidden)
        return properties | {name: value for name, value in members.items() if value is not None}

    def _text(self, given: Mapping[str, Any], origin: Mapping[str, str] | None = None) -> str:
        """Return as JSON what is in the columns that are no members of their own; other keys are ignored."""
        values = {column.name: self._value(column, given.get(name)) for name, column in self._columns.items()}
        values |= {ORIGIN[name]: _string(given.get(name)) for name in ORIGIN.keys() - self._columns.keys()}
        values |= origin or {}
        return json.dumps({name: value for name, value in values.items() if value is not None}, sort_keys=True)

    def _value(self, column: Column, given: Any) -> Any:
        """Return a value in a column's type; empty means null, as in files."""
        if given is None or given == "":
            if not column.may_be_null:
                raise InvalidInputException(errors.NULL_VALUE.format(column=column.name))
            return None
        value = _READERS[column.type](given, column.type)
        if not column.textual:
            self._require_no_keyword(column, value)
        rule = TYPE_RULES[column.type] if value is None else _broken_rule(self.schema, column, value)
        if rule:
            shown = shortened(json.dumps(given), 40)
            raise InvalidInputException(errors.WRONG_VALUE.format(column=column.name), f"{shown} is not {rule}")
        return _clipped(value) if column.textual and len(value) > CLIPPED_FROM else value


class Distinct:
    """Tells repeated events from new ones: of those with one eventId the first counts, of equal ones also."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._contents: set[int] = set()

    def is_new(self, event: Event) -> bool:
        content = hash((event.owner, event.item, event.time, event.type, event.more))
        known = content in self._contents or event.id in self._ids
        self._contents.add(content)
        if event.id is not None:
            self._ids.add(event.id)
        return not known


def shown_with(event: Event) -> list[str]:
    """Return the other items that were shown when an event happened: its impressions, or what its list had."""
    if len(event.more) <= len("{}"):
        return []
    columns = {name.upper(): value for name, value in json.loads(event.more).items()}
    listed = columns.get(ORIGIN["IMPRESSION"]) or columns.get(SHOWN) or ""
    return [item for item in dict.fromkeys(listed.split("|")) if item and item != event.item]


def value_of(event: Event) -> float | None:
    """Return the EVENT_VALUE of an event, where the schema has that column and the event a value."""
    columns = {name.upper(): value for name, value in json.loads(event.more).items()}
    value: float | None = columns.get("EVENT_VALUE")
    return value


def attributed(events: Sequence[Event]) -> list[Event]:
    """Return what a training learns from: each distinct event of a user, or of a session that became known as a user's.

    The first user that a session was seen with has it; sessions without one are left out
    (https://docs.aws.amazon.com/personalize/latest/dg/recording-events.html, "anonymous users").
    """
    users: dict[str, str] = {}
    for event in events:
        if event.user is not None:
            users.setdefault(event.session, event.user)
    distinct = Distinct()
    owned = (event._replace(user=event.user or users.get(event.session)) for event in events)
    return [event for event in owned if event.user is not None and distinct.is_new(event)]


@lru_cache(maxsize=1024)
def inlet(dataset: int, schema: str, domain: str | None) -> Inlet:
    """Return the inlet of a dataset, by its number and the text and domain of its schema."""
    return Inlet(dataset, schemas.parse(schema, domain))


def _item(sent: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return the item of an event, which may stand in its properties."""
    item = _string(sent.get("itemId", given.get("ITEMID")))
    if not (item and len(item) <= ID_CHARACTERS):
        raise InvalidInputException(errors.EVENT_WITHOUT_ITEM, "1 to 256 characters, in the event or in its properties")
    return item


def _properties(text: str | None, forbidden: frozenset[str]) -> dict[str, Any]:
    """Return the members of a JSON object by the folded names of columns."""
    found = _object(text)
    for key in found:
        _require_allowed(key, forbidden)
    return {_folded(key): value for key, value in found.items()}


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = parse_json(text.encode())
    except SerializationException as problem:
        raise InvalidInputException(errors.BAD_PROPERTIES, problem.message) from None
    if not isinstance(found, dict):
        raise InvalidInputException(errors.BAD_PROPERTIES, "it must be the JSON text of one object, encoded once")
    return found


def _require_allowed(key: str, forbidden: frozenset[str]) -> None:
    if _folded(key) in forbidden:
        raise InvalidInputException(errors.FORBIDDEN_KEY.format(key=shortened(key)), "it is a member of the event")


def _folded(name: str) -> str:
    """`NUM_RATINGS` and `numRatings` are one name."""
    return name.replace("_", "").upper()


# Readers return a value in the type of a column, or None where it has none.


def _string(given: Any, type_: str = "string") -> str | None:
    if isinstance(given, float) and not math.isfinite(given):
        return None
    return json.dumps(given) if isinstance(given, bool | int | float) else given if isinstance(given, str) else None


def _whole_number(given: Any, type_: str) -> int | None:
    number = _number(given, int)
    bound = 2 ** (BITS[type_] - 1)
    exact = isinstance(given, str) or number == given
    return number if number is not None and exact and -bound <= number < bound else None


def _fraction(given: Any, type_: str) -> float | None:
    number = _number(given, float)
    return number if number is not None and abs(number) <= LARGEST[type_] else None  # NaN compares with nothing


def _number(given: Any, type_: Callable[[Any], N]) -> N | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str) or "_" in str(given):
        return None
    try:
        return type_(given)
    except (ValueError, OverflowError):
        return None


def _truth(given: Any, type_: str) -> bool | None:
    return given if isinstance(given, bool) else {"true": True, "false": False}.get(str(given))


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "string": _string,
    "boolean": _truth,
    "int": _whole_number,
    "long": _whole_number,
    "float": _fraction,
    "double": _fraction,
}


def _broken_rule(schema: Schema, column: Column, value: Any) -> str | None:
    if column.limit is not None and len(value) > column.limit:
        return f"at most {column.limit} characters"
    low, high = RANGES.get((schema.dataset_type, column.name.upper()), (-math.inf, math.inf))
    return None if column.type not in NUMBERS or low <= value <= high else f"a number from {low} to {high}"


def _clipped(text: str) -> str:
    import pyarrow as pa

    from fakepersonalize.datasets import values

    cut: str = values.clipped(pa.array([text]))[0].as_py()
    return cut
