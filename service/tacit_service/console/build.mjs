// Builds static/app.js (the shell), desk.js (the editor and what needs it), chunk.js (what both use) and app.css from src/. `npm run check` says whether the committed bundle is fresh.
import { build } from "esbuild";
import { readFile } from "node:fs/promises";

const check = process.argv.includes("--check");
const result = await build({
  entryPoints: [{ in: "src/main.ts", out: "app" }, { in: "src/app.css", out: "app" }],
  outdir: "static",
  splitting: true,
  chunkNames: "[name]",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  external: ["/console/*"],
  write: !check,
});
if (check) {
  for (const file of result.outputFiles) {
    const committed = await readFile(file.path, "utf8").catch(() => "");
    if (committed !== file.text) {
      console.error(`${file.path} is stale: npm run build`);
      process.exitCode = 1;
    }
  }
}
