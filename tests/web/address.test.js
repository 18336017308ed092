// The address of a hand-out is a stranger's, and keeps what is somebody else's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Address } from "../../explorer/web/handout/address.js";
import { PAGES, besideOf, modelOf } from "../../explorer/web/handout/given.js";

const model = (/** @type {string} */ name, maps = { plane: "p", pca: "q" }) => ({
  ...{ name, note: "", key: `${name}|k`, model: `${name}/model`, encoder: "e", first: "f" },
  ...{ maps, typical: [3, null, 5], image: 3, latent_dim: 2, terms: null, gaps: null },
});
const FACTS = {
  ...{ key: "k", images: 10, data: "", pictures: "pictures", furthest: 100 },
  ...{ typical: [4, 5], rates: [], models: [model("a"), model("b,c"), model("d%")] },
};

test("what makes no sense is dropped", () => {
  for (const hash of ["", "#image=10&z=1", "#image=-1&z=1,x", "#image=1.5&z=1,2,3", "#z=1,1e9"]) {
    const { start } = PAGES.explore.given(FACTS, new Address(hash));
    assert.deepEqual(start, { image: 3, z: null }, hash);
  }
  const { start } = PAGES.explore.given(FACTS, new Address("#image=9&z=-0.5,2"));
  assert.deepEqual(start, { image: 9, z: [-0.5, 2] });
  assert.equal(PAGES.understand.given(FACTS, new Address("#section=10")).start.section, 1);
  assert.equal(PAGES.compare.given(FACTS, new Address("#place=1,101")).start.place, null);
  assert.equal(modelOf(FACTS, new Address("#checkpoint=nobody")).name, "a");
});

test("names may hold commas and per cent signs", () => {
  const named = (/** @type {string} */ hash) =>
    besideOf(FACTS, new Address(hash)).map(({ name }) => name);
  assert.deepEqual(named(""), ["a", "b,c"]);
  const address = new Address("");
  address.put({ beside: "b%2Cc,d%25" });
  assert.deepEqual(named(address.toString()), ["b,c", "d%"]);
});

test("what is told stands in the address beside what is not known here", () => {
  const address = new Address("#lesson=2&x=drawn");
  address.put({ page: "explore", ...PAGES.explore.told({ image: 7, z: [0.5, -1], drawn: false }) });
  assert.equal(address.toString(), "#lesson=2&page=explore&image=7&z=0.5,-1");
  assert.equal(new Address(address.toString()).text("lesson"), "2");
});

test("a map is the one that is asked for, or the first", () => {
  const map = (/** @type {string} */ hash) =>
    PAGES.explore.given(FACTS, new Address(hash)).models[0].map;
  assert.deepEqual([map(""), map("#map=pca"), map("#map=t-sne")], ["p", "q", "p"]);
});
