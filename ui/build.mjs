// Bundles src/ into the plugin's static folder, which is committed: nobody needs Node to use the pages.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "plugins", "airloop_airflow", "ui", "static");
const asked = { development: process.argv.includes("--development") };

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Digest over everything the bundle is made from: name and content of each file, sorted by name. */
function digestOfSources() {
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).split(sep).join("/"));
  const all = [...files, "build.mjs", "package.json", "package-lock.json", "tsconfig.json"].sort();
  const digest = createHash("sha256");
  for (const file of all) digest.update(`${sha256(readFileSync(join(here, file)))}  ${file}\n`);
  return digest.digest("hex");
}

const built = await build({
  entryPoints: { app: join(here, "src/main.tsx") },
  outdir: target,
  bundle: true,
  write: false,
  minify: !asked.development,
  sourcemap: asked.development ? "inline" : false,
  format: "esm",
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
});

mkdirSync(target, { recursive: true });
const made = Object.fromEntries(built.outputFiles.map((file) => [relative(target, file.path), file.contents]));
made["index.html"] = readFileSync(join(here, "src/index.html"));

const lines = [`${digestOfSources()}  ui`];
for (const name of Object.keys(made).sort()) {
  writeFileSync(join(target, name), made[name]);
  lines.push(`${sha256(made[name])}  ${name}`);
}
writeFileSync(join(target, "sources.txt"), `${lines.join("\n")}\n`);
for (const name of Object.keys(made)) console.log(`${name.padEnd(12)} ${(made[name].length / 1024).toFixed(1)} KB`);
