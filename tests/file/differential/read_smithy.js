// Reads credentials files as the JavaScript SDK does: `node read_smithy.js NODE_MODULES LIST`, the latter a file with
// one path a line. Prints one line of JSON for each: its profiles. The SDK refuses no file: what it cannot read is {}.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [modules, list] = process.argv.slice(2);
const { loadSharedConfigFiles } = require(path.join(path.resolve(modules), "@smithy/shared-ini-file-loader"));

(async () => {
  for (const filepath of fs.readFileSync(list, "utf8").trimEnd().split("\n")) {
    const { credentialsFile } = await loadSharedConfigFiles({ filepath, configFilepath: "/dev/null" });
    console.log(JSON.stringify(credentialsFile));
  }
})();
