// Makes a replica set of the three members, once; run again it only waits for a primary.
const password = require("fs").readFileSync("/run/secrets/mongodb_password", "utf8").trim();
const first = connect(`mongodb://mekong:${password}@mongodb-1:27017/admin?directConnection=true`);
try {
  first.adminCommand({ replSetGetStatus: 1 });
} catch (e) {
  if (e.codeName !== "NotYetInitialized") throw e;
  first.adminCommand({
    replSetInitiate: {
      _id: "mekong",
      members: [1, 2, 3].map((n) => ({ _id: n, host: `mongodb-${n}:27017`, priority: n === 1 ? 2 : 1 })),
    },
  });
}
for (let i = 0; i < 120 && !first.hello().primary; i++) sleep(500);
if (!first.hello().primary) throw new Error("the replica set has no primary");
