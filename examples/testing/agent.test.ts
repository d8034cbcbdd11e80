// Each workflow is a test: `vitest run agent.test.ts` in the folder of `retake.toml`. Nothing is sent; no key is needed.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "vitest";

const workflows = readdirSync("snapshots").filter((file) => file.endsWith(".jsonl")).map((file) => file.slice(0, -6));

test.concurrent.each(workflows)("%s", { timeout: 130_000 }, async (workflow) => {
  const retake = spawn("retake", ["test", workflow], { stdio: ["ignore", "pipe", "pipe"] });
  let report = "";
  retake.stdout.on("data", (piece) => (report += piece));
  retake.stderr.on("data", (piece) => (report += piece));
  const code = await new Promise((ended, failed) => retake.on("close", ended).on("error", failed));
  if (code !== 0) throw new Error(report);
});
