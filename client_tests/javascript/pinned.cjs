// Pins an answer over HTTP, gets it through the AWS SDK for JavaScript v3, and looks at what was sent.
// Endpoint, region and keys come from the environment, as `fakepersonalize env` prints them. Argument: a campaign's ARN.
const assert = require("node:assert/strict");
const { GetRecommendationsCommand, PersonalizeRuntimeClient } = require("@aws-sdk/client-personalize-runtime");

const server = process.env.AWS_ENDPOINT_URL;
const campaign = process.argv[2];

async function ask(method, page, body) {
  const answer = await fetch(`${server}/_fakepersonalize${page}`, { method, body: body && JSON.stringify(body) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

async function main() {
  await ask("POST", "/pins", { campaign, user: "ann", items: ["tea", "milk"] });
  const runtime = new PersonalizeRuntimeClient({});
  const answer = await runtime.send(new GetRecommendationsCommand({ campaignArn: campaign, userId: "ann" }));
  assert.deepEqual(answer.itemList.map((item) => item.itemId), ["tea", "milk"]);

  const { requests } = await ask("GET", "/requests?operation=GetRecommendations");
  assert.equal(requests.at(-1).parameters.userId, "ann");

  await ask("DELETE", `/pins?campaign=${encodeURIComponent(campaign)}`);
  console.log("ok");
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});
