"""Where resources stand: add, get, page, change, remove; uniqueness, quotas, blockers, tags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fakepersonalize import arns, errors
from fakepersonalize.arns import Arn, Scope
from fakepersonalize.resources import paging
from fakepersonalize.resources.kinds import DATASET_GROUP, KIND_OF_MEMBER, KINDS, Blocker, Kind, is_arn_of
from fakepersonalize.resources.processes import ACTIVE
from fakepersonalize.resources.quotas import QUOTAS, TAGS_PER_RESOURCE
from fakepersonalize.storage.metadata import Database, Row

Document = dict[str, Any]
NEWEST = 2**63 - 1
_parse = json.JSONDecoder().raw_decode  # lists parse a hundred documents, and ours have no space around them


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it stood when it was read; `document` has AWS's member names."""

    number: int
    arn: str
    kind: Kind
    name: str
    status: str
    created: float
    updated: float
    document: Document

    @property
    def scope(self) -> Scope:
        found = arns.parse(self.arn)
        assert found is not None
        return found.scope

    def __getitem__(self, member: str) -> Any:
        return self.document[member]

    def record(self) -> Document:
        """Return everything that a Describe may show; the output shape cuts it to size."""
        return self.document | {
            self.kind.member: self.arn,
            "status": self.status,
            "creationDateTime": self.created,
            "lastUpdatedDateTime": self.updated,
        }


class Shelf:
    """All resources of a data folder, seen by anybody who knows their ARN; `at(scope)` is what a call sees."""

    def __init__(self, database: Database, now: Callable[[], float], quotas: bool) -> None:
        self.database = database
        self.now = now
        self.quotas = quotas

    def at(self, scope: Scope, operation: str = "") -> ScopedShelf:
        return ScopedShelf(self, scope, operation)

    def find(self, arn: str) -> Resource | None:
        row = self.database.row("resource", arn=arn)
        return resource_of(row) if row else None

    def below(self, arn: str, kind: Kind) -> list[Resource]:
        """Return the resources of a kind that descend from another, oldest first."""
        return [resource_of(row) for row in self.database.rows("below", ancestor=arn, kind=kind.name)]

    def of_kind(self, kind: Kind) -> list[Resource]:
        return [resource_of(row) for row in self.database.rows("of_kind", kind=kind.name)]

    def ancestors(self, arn: str) -> list[str]:
        return [row["ancestor"] for row in self.database.rows("ancestors", arn=arn)]

    def ancestor(self, resource: Resource, kind: Kind) -> Resource:
        """Return the one resource of a kind that another descends from."""
        for arn in self.ancestors(resource.arn):
            found = self.find(arn)
            if found and found.kind is kind:
                return found
        raise LookupError(f"{resource.arn} has no {kind.name}")

    def put(self, resource: Resource, document: Document | None = None, status: str | None = None) -> Resource:
        """Write a new document or status; the time of the last update moves on."""
        document = resource.document if document is None else document
        status = resource.status if status is None else status
        # Two changes within one tick of the clock still move the time forward, never back.
        now = max(self.now(), resource.updated)
        self.database.run(
            "change_resource", arn=resource.arn, status=status, now=now, document=json.dumps(document, allow_nan=False)
        )
        self._changed(resource.arn)
        return Resource(
            resource.number, resource.arn, resource.kind, resource.name, status, resource.created, now, document
        )

    def add_links(self, arn: str, ancestors: Iterable[str]) -> None:
        for ancestor in ancestors:
            self.database.run("add_link", ancestor=ancestor, arn=arn)

    def link(self, resource: Resource) -> None:
        """Make the links of a resource follow its document again."""
        self.database.run("remove_links", arn=resource.arn)
        self.add_links(resource.arn, self.lineage(resource.kind, resource.document))

    def lineage(self, kind: Kind, document: Mapping[str, Any]) -> list[str]:
        """Return the ARNs of parents and their ancestors that a document names."""
        parents = [document[member] for member in kind.parents if document.get(member)]
        return list(dict.fromkeys(arn for parent in parents for arn in (parent, *self.ancestors(parent))))

    def remove(self, resource: Resource) -> list[Resource]:
        """Take a resource away, with what goes with it; return all that is gone.

        Jobs outlive what they were about, but belong to nothing that comes under the same ARN later.
        """
        gone = [resource]
        for name in resource.kind.cascade:
            gone += self.below(resource.arn, KINDS[name])
        for each in gone:
            for statement in ("remove_resource", "remove_links", "remove_links_to", "remove_tags", "remove_steps"):
                self.database.run(statement, arn=each.arn)
            self._changed(each.arn)
        return gone

    def _changed(self, arn: str) -> None:
        assert self.database.current is not None
        self.database.current.changed.add(arn)


@dataclass(frozen=True, slots=True)
class ScopedShelf:
    """The shelf as one account sees it in one region; raises the errors that a client reads."""

    shelf: Shelf
    scope: Scope
    operation: str = ""  # that asks: the name decides on the wording of some errors

    def get(self, kind: Kind, arn: str) -> Resource:
        """Return the resource of a kind with this ARN.

        Raises InvalidInputException when the text is no ARN of the kind, ResourceNotFoundException when there is none.
        """
        parsed = arns.parse(arn)
        if parsed is None or not is_arn_of(kind, parsed.kind, parsed.id):
            raise errors.invalid_arn(arn, kind.tail)
        found = self.shelf.find(arn) if parsed.scope == self.scope else None
        if found is None or found.kind is not kind:
            raise self._not_found(parsed, arn, kind.words)
        return found

    def any(self, arn: str) -> Resource:
        """Return the resource of whatever kind with this ARN."""
        parsed = arns.parse(arn)
        if parsed is None or not any(is_arn_of(kind, parsed.kind, parsed.id) for kind in KINDS.values()):
            raise errors.invalid_arn(arn)
        found = self.shelf.find(arn) if parsed.scope == self.scope else None
        if found is None:
            raise self._not_found(parsed, arn)
        return found

    def active(self, kind: Kind, arn: str) -> Resource:
        """Return the resource, which must be ACTIVE (or have no life of its own)."""
        found = self.get(kind, arn)
        if found.status != ACTIVE:
            raise errors.not_active(arn, found.status)
        return found

    def below(self, arn: str, kind: Kind) -> list[Resource]:
        return self.shelf.below(arn, kind)

    def add(self, kind: Kind, name: str, document: Mapping[str, Any], **places: str) -> Resource:
        """Put a new resource on the shelf; its ARN comes from the kind's template, `name` and `places`.

        Tags of the request are kept beside the document. Raises ResourceAlreadyExistsException,
        LimitExceededException and TooManyTagsException.
        """
        arn = arns.build(self.scope, kind.tail.format(**{**document, "name": name, **places}))
        if self.shelf.find(arn):
            raise errors.already_exists(arn)
        stored = {member: value for member, value in document.items() if member != "tags" and value is not None}
        lineage = self.shelf.lineage(kind, stored)
        self._check_quota(kind, lineage)
        status = kind.create.pending if kind.create else ACTIVE
        now = self.shelf.now()
        number = self.shelf.database.run(
            "add_resource",
            arn=arn,
            kind=kind.name,
            account=self.scope.account,
            region=self.scope.region,
            name=name,
            status=status,
            now=now,
            document=json.dumps(stored, allow_nan=False),
        ).lastrowid
        assert number is not None
        self.shelf.add_links(arn, lineage)
        self.tag(arn, document.get("tags") or [])
        self.shelf._changed(arn)
        return Resource(number, arn, kind, name, status, now, now, stored)

    def page(
        self, kind: Kind, question: Mapping[str, Any], operation: str, strict_parent: bool = False
    ) -> tuple[list[Resource], str | None]:
        """Return one page of a list, newest first, and the token of the next.

        The one member of `question` that ends in Arn, if there is one, names an ancestor. An unknown ancestor has
        nothing below it, unless `strict_parent` makes it a ResourceNotFoundException.
        """
        member, ancestor = next(((m, v) for m, v in question.items() if m in KIND_OF_MEMBER and v), (None, None))
        if ancestor is not None and member is not None:
            self._check_parent(KIND_OF_MEMBER[member], ancestor, strict_parent)
        size = question.get("maxResults") or 100
        asked = (operation, self.scope.account, self.scope.region, ancestor)
        token = question.get("nextToken")
        before = paging.read(token, asked) if token is not None else NEWEST
        rows = self._page_rows(kind, ancestor, before, size + 1)
        found = [resource_of(row) for row in rows[:size]]
        return found, paging.write(found[-1].number, asked) if len(rows) > size else None

    def require_deletable(self, resource: Resource) -> None:
        """Raise ResourceInUseException while something depends on a resource, or while it is in transition."""
        for blocker in resource.kind.blocked_by:
            held = self._held_by(resource, blocker)
            if held:
                raise errors.in_use(resource.arn, held.arn, held.status)

    def _not_found(self, parsed: Arn, arn: str, words: str = "") -> errors.ServiceError:
        return errors.not_found(arn, self.operation, words, errors.of_another_place(parsed.scope, self.scope))

    # Tags

    def tags(self, arn: str) -> list[dict[str, str]]:
        return [{"tagKey": row["key"], "tagValue": row["value"]} for row in self.shelf.database.rows("tags", arn=arn)]

    def tag(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Set tags; the same key overwrites."""
        for tag in tags:
            if tag["tagKey"].lower().startswith("aws:"):
                raise errors.reserved_tag(tag["tagKey"])
            self.shelf.database.run("set_tag", arn=arn, key=tag["tagKey"], value=tag["tagValue"])
        if len(self.tags(arn)) > TAGS_PER_RESOURCE:
            raise errors.too_many_tags(TAGS_PER_RESOURCE)

    def untag(self, arn: str, keys: Iterable[str]) -> None:
        for key in keys:
            self.shelf.database.run("remove_tag", arn=arn, key=key)

    def _check_parent(self, kind: Kind, arn: str, strict: bool) -> None:
        try:
            self.get(kind, arn)
        except errors.ResourceNotFoundException:
            if strict:
                raise

    def _page_rows(self, kind: Kind, ancestor: str | None, before: int, size: int) -> list[Row]:
        database = self.shelf.database
        if ancestor is None:
            account, region = self.scope.account, self.scope.region
            return database.rows("page", account=account, region=region, kind=kind.name, before=before, size=size)
        parsed = arns.parse(ancestor)
        if parsed is None or parsed.scope != self.scope:
            return []
        return database.rows("page_below", ancestor=ancestor, kind=kind.name, before=before, size=size)

    def _check_quota(self, kind: Kind, lineage: list[str]) -> None:
        if not (kind.quota and self.shelf.quotas):
            return
        quota, database = QUOTAS[kind.quota], self.shelf.database
        if quota.per == "region":
            account, region = self.scope.account, self.scope.region
            rows = database.rows("count_by_status", account=account, region=region, kind=kind.name)
        else:
            group = next(arn for arn in lineage if f":{DATASET_GROUP.noun}/" in arn)
            rows = database.rows("count_below_by_status", ancestor=group, kind=kind.name)
        if sum(row["amount"] for row in rows if quota.counts(row["status"])) >= quota.most:
            raise errors.quota_reached(quota.sentence)

    def _held_by(self, resource: Resource, blocker: Blocker) -> Resource | None:
        kind = KINDS.get(blocker.kind)
        if kind is None:  # a kind that is not built yet cannot stand in the way
            return None
        above = resource["datasetGroupArn"] if blocker.of_parent else resource.arn
        return next((held for held in self.shelf.below(above, kind) if _holds(held, resource, blocker)), None)


def _holds(held: Resource, resource: Resource, blocker: Blocker) -> bool:
    if blocker.statuses is not None and held.status not in blocker.statuses:
        return False
    if blocker.of_types is None or resource["datasetType"] in blocker.of_types:
        return True
    named = f"({resource['datasetType']}."  # as in SUM(Items.PRICE)
    return blocker.of_named and any(named in metric["expression"].upper() for metric in held["metrics"])


def resource_of(row: Row) -> Resource:
    """Return the resource that a row of the table describes."""
    return Resource(
        row["number"],
        row["arn"],
        KINDS[row["kind"]],
        row["name"],
        row["status"],
        row["created"],
        row["updated"],
        _parse(row["document"])[0],
    )
