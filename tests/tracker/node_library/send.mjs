// Sends calls by Segment's library for Node, unmodified: node send.mjs HOST KEY
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 5 });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
analytics.identify({ userId: "ann", traits: { email: "ann@example.com" } });
for (let number = 0; number < 50; number += 1) {
  analytics.track({ userId: "ann", event: "plan chosen", properties: { number } });
}
analytics.page({ anonymousId: "x1", name: "Home" });
analytics.group({ userId: "ann", groupId: "acme" });
analytics.alias({ userId: "ann", previousId: "x2" });
await analytics.closeAndFlush({ timeout: 20000 });
