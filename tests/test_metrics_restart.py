"""A server that is killed knows, once it is started again, what it told CloudWatch of streamed events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import shops
from accounts import until
from lives import Life

WINDOW = 900
SCHEMA = shops.schema("Interactions", "USER_ID string", "ITEM_ID string", "EVENT_TYPE string", "TIMESTAMP long")
VIEWS = {"eventType": "view", "metricName": "views", "expression": "SAMPLECOUNT()"}


class Server(Life):
    def __init__(self, folder: Path, number: int) -> None:
        super().__init__(folder, number, "--step-seconds", "0", "--iam", "off", "--limits", "off")

    def view(self, tracker: str, moment: int, **more: Any) -> None:
        event = {"eventType": "view", "itemId": "i1", "sentAt": moment} | more
        self.client("personalize-events").put_events(trackingId=tracker, sessionId="s", userId="u", eventList=[event])

    def told(self, group: str, moment: int) -> dict[str, float]:
        """Return the counts of the window of a moment by their sources."""
        cloudwatch, found = self.client("cloudwatch"), {}
        for metric in cloudwatch.list_metrics(Namespace="AWS/Personalize", MetricName="VIEWS")["Metrics"]:
            named = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            assert named["DatasetGroupArn"] == group
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/Personalize",
                MetricName="VIEWS",
                Dimensions=metric["Dimensions"],
                StartTime=moment - WINDOW,
                EndTime=moment + WINDOW,
                Period=WINDOW,
                Statistics=["Sum"],
            )["Datapoints"]
            found[named["EventAttributionSource"]] = sum(point["Sum"] for point in points)
        return found


def active(describe: Any, member: str, arn: str) -> str:
    assert until(lambda: describe(**{f"{member}Arn": arn})[member]["status"] == "ACTIVE")
    return arn


def test_what_was_streamed_is_counted_again_with_its_sources(tmp_path: Path) -> None:
    server, moment = Server(tmp_path, 1), int(time.time())
    try:
        personalize = server.client("personalize")
        schema = personalize.create_schema(name="s", schema=SCHEMA)["schemaArn"]
        group = personalize.create_dataset_group(name="g")["datasetGroupArn"]
        active(personalize.describe_dataset_group, "datasetGroup", group)
        dataset = personalize.create_dataset(
            name="d", datasetType="Interactions", datasetGroupArn=group, schemaArn=schema
        )["datasetArn"]
        active(personalize.describe_dataset, "dataset", dataset)
        tracker = personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
        for number in range(3):
            server.view(tracker, moment - number, itemId=f"i{number}")  # before the attribution: they do not count
        solution = personalize.create_solution(
            name="s", datasetGroupArn=group, recipeArn="arn:aws:personalize:::recipe/aws-popularity-count"
        )["solutionArn"]
        active(personalize.describe_solution, "solution", solution)
        version = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        active(personalize.describe_solution_version, "solutionVersion", version)
        campaign = personalize.create_campaign(name="c", solutionVersionArn=version)["campaignArn"]
        active(personalize.describe_campaign, "campaign", campaign)
        output = {"roleArn": "arn:aws:iam::123456789012:role/reader"}
        made = personalize.create_metric_attribution(
            name="a", datasetGroupArn=group, metrics=[VIEWS], metricsOutputConfig=output
        )["metricAttributionArn"]
        active(personalize.describe_metric_attribution, "metricAttribution", made)
        given = server.client("personalize-runtime").get_recommendations(campaignArn=campaign, userId="u")
        server.view(tracker, moment, recommendationId=given["recommendationId"])
        server.view(tracker, moment, recommendationId=given["recommendationId"], impression=["i0"])
        server.view(tracker, moment, metricAttribution={"eventAttributionSource": "shelf"})
        server.view(tracker, moment)
        counts = {campaign.upper(): 2.0, "SHELF": 1.0, "SOURCE_NAME_UNDEFINED": 1.0}
        assert server.told(group, moment) == counts
        server.view(tracker, moment)  # CloudWatch is not told any more
        server.kill()
        server = Server(tmp_path, 2)
        assert server.told(group, moment) == counts | {"SOURCE_NAME_UNDEFINED": 2.0}
        server.view(tracker, moment)
        assert server.told(group, moment) == counts | {"SOURCE_NAME_UNDEFINED": 3.0}
    finally:
        server.kill()
