// Bundles the page into ../static, with a digest of the sources by which a test sees that the bundle is theirs.

import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static");

await build({
  entryPoints: [join(here, "src", "main.tsx")],
  outfile: join(out, "studio.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "linked",
});
copyFileSync(join(here, "src", "index.html"), join(out, "index.html"));

const digest = createHash("sha256");
const sources = readdirSync(join(here, "src")).sort().map((name) => join("src", name));
for (const name of [...sources, "build.mjs", "package-lock.json"]) digest.update(readFileSync(join(here, name)));
writeFileSync(join(out, "sources.sha256"), `${digest.digest("hex")}\n`);
