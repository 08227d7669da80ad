// Builds src/*.ts into files with hashed names, a manifest that templates read, and the licences of what is in them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

function licences() {
  const packageOf = (id) => {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id);
    return found ? found[1] : null;
  };
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const folders = new Set();
      for (const chunk of Object.values(bundle)) {
        for (const id of Object.keys(chunk.modules ?? {})) {
          const folder = packageOf(id);
          if (folder) folders.add(folder);
        }
      }
      const texts = [...folders].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
          (file) => file.isFile() && /^(licen[cs]e|notice)/i.test(file.name) && !file.parentPath.includes("node_modules/", folder.length),
        );
        const paths = files.map((file) => join(file.parentPath, file.name)).sort();
        const said = paths.map((path) => readFileSync(path, "utf8").trim());
        return [`${name} ${version} (${license})`, ...said].join("\n\n");
      });
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: `${texts.join(`\n\n${"-".repeat(80)}\n\n`)}\n` });
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [licences()],
  build: {
    outDir: "../voweb/static/islands",
    emptyOutDir: true,
    manifest: "manifest.json",
    modulePreload: false,
    target: "es2022",
    rollupOptions: {
      input: { query: "src/query.ts", samp: "src/samp.ts", series: "src/series.ts" },
      output: { entryFileNames: "[name]-[hash].js", chunkFileNames: "[name]-[hash].js", assetFileNames: "[name]-[hash][extname]" },
    },
  },
});
