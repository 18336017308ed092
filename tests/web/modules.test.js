// There is no build: what a module imports has to lie where it says, under its whole name.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = new URL("../../explorer/web/", import.meta.url);
const IMPORT = /^(?:import|export)\b[^;]*?\bfrom "([^"]+)";|^import "([^"]+)";/gm;

const modules = readdirSync(WEB, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".js"))
  .map((name) => new URL(name.replaceAll("\\", "/"), WEB));

/** What a module imports, as it is written there. @param {URL} module */
const imports = (module) =>
  [...readFileSync(module, "utf8").matchAll(IMPORT)].map(([, from, alone]) => from ?? alone);

test("each import leads to a module of the browser's", () => {
  const all = modules.flatMap((module) => imports(module).map((name) => ({ module, name })));
  assert.ok(all.length > 10, "no imports were found");
  for (const { module, name } of all) {
    const said = `${fileURLToPath(module)} imports "${name}"`;
    assert.match(name, /^\.\.?\/.*\.js$/, `${said}: not a path to a module`);
    const target = new URL(name, module);
    assert.ok(target.href.startsWith(WEB.href), `${said}: outside of explorer/web`);
    assert.ok(existsSync(target), `${said}: nothing is there`);
  }
});
