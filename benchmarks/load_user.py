"""What one caller of the load benchmark does (run by locust): ask for recommendations without a pause."""

from __future__ import annotations

import os

from locust import FastHttpUser, task

CREDENTIAL = "123456789012/20260101/us-east-1/personalize/aws4_request"
HEADERS = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=0",
    "Content-Type": "application/json",
}


class Caller(FastHttpUser):
    @task
    def ask(self) -> None:
        body = {"campaignArn": os.environ["CAMPAIGN_ARN"], "userId": "U1"}
        self.client.post("/recommendations", json=body, headers=HEADERS)
