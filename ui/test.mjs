// Runs the tests of what needs no browser: bundles them first, since Node reads no TypeScript.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = join(dirname(fileURLToPath(import.meta.url)), "tests");
const outdir = mkdtempSync(join(tmpdir(), "airloop-ui-"));
try {
  const entryPoints = readdirSync(here)
    .filter((name) => name.endsWith(".test.mjs"))
    .map((name) => join(here, name));
  const banner = {
    js: "globalThis.location ??= new URL('http://localhost/airloop/ui/'); globalThis.localStorage ??= { getItem: () => null };",
  };
  await build({
    entryPoints,
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    banner,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
  const files = readdirSync(outdir).map((name) => join(outdir, name));
  process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(outdir, { recursive: true });
}
