// npm web-push, `concurrency` at a time, over the subscriptions in a file; prints CPU and wall seconds.
const fs = require("fs");
const webpush = require("web-push");

const { subscriptions, payload, publicKey, privateKey, subject, concurrency } = JSON.parse(
  fs.readFileSync(process.argv[2], "utf8"),
);
webpush.setVapidDetails(subject, publicKey, privateKey);

async function main() {
  let next = 0;
  let accepted = 0;
  const started = process.hrtime.bigint();
  const before = process.cpuUsage();
  async function lane() {
    while (next < subscriptions.length) {
      const answer = await webpush.sendNotification(subscriptions[next++], payload, { TTL: 86400 });
      if (answer.statusCode === 201) accepted++;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane));
  const used = process.cpuUsage(before);
  console.log(
    JSON.stringify({
      accepted,
      cpu: (used.user + used.system) / 1e6,
      wall: Number(process.hrtime.bigint() - started) / 1e9,
    }),
  );
}
main();
