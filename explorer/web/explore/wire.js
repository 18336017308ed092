// The stage's parts, made once, and what each of them does to the stage.

import { set } from "../widgets/dom.js";
import { InputPanel } from "./input.js";
import { oneOf } from "./layout.js";
import { Manifold } from "../map/manifold.js";
import { LatentMap } from "../map/plotly_map.js";
import { lassoOf } from "./notes.js";
import { Pad } from "../widgets/drawing_pad.js";
import { Sampler } from "./sampler.js";
import { Sliders } from "./sliders.js";
import { KlBars, Terms, Trace } from "./terms.js";
import { Tip } from "./tip.js";
import { Walk } from "./walk.js";

/** @param {import("./stage.js").Stage} stage */
export function wire(stage) {
  const change = (what) => stage.change(what);
  stage.map = new LatentMap(stage.$(".map"), {
    move: (xy) => {
      stage.halt();
      stage.moveTo(xy);
    },
    release: () => stage.settle(),
    pick: (image) => stage.choose(image),
    hover: (image, at) => {
      if (image === null) stage.tip.hide();
      else stage.tip.show(image, at, stage.map.host, stage.vae, stage.pictures);
    },
    window: () => {
      if (stage.view?.invertible)
        stage.manifold.askSoon((z, xy) => stage.place(z, xy), () => stage.z);
    },
    selected: (places) => {
      stage.lasso = lassoOf(places, stage.blob.header.traces);
      change("note");
    },
    key: (event) => stage.key(event),
  });
  stage.manifold = new Manifold(stage.map, (order) => stage.worker?.postMessage(order));
  stage.tip = new Tip(stage.root);
  stage.input = new InputPanel(stage.root, (image) => stage.choose(image));
  stage.pad = new Pad(stage.$(".pad"), {
    changed: () => stage.drawn(),
    done: () => stage.settle(),
  });
  stage.sliders = new Sliders(stage.$(".sliders"), {
    slide: (dim, value) => {
      stage.halt();
      stage.z[dim] = value;
      stage.free = null;
      change("z");
    },
    release: () => stage.settle(),
    traverse: (dim) => {
      stage.openTab(stage.$("[data-tab=walk]"));
      stage.walk.traverse(dim);
    },
  });
  stage.terms = new Terms(stage.$(".terms-host"));
  stage.trace = new Trace(stage.$(".trace"), () => change("tab"));
  stage.klBars = new KlBars(stage.$("[data-panel=kl]"));
  // Of a walk and of samples, one plays at a time.
  stage.sampler = new Sampler(stage.$("[data-panel=sample]"), {
    start: () => {
      stage.walk.play(false);
      change("play");
    },
    stop: () => stage.settle(),
    resized: () => change("tab"),
  });
  stage.walk = new Walk(stage.$("[data-panel=walk]"), {
    z: () => stage.z,
    go: (z) => stage.goTo(z),
    changed: () => change("path"),
    start: () => {
      stage.sampler.run(false);
      change("play");
    },
    stop: () => stage.settle(),
  });
  const modes = oneOf(stage.$(".switch"), "aria-checked", (b) => {
    stage.map.setMode(b.dataset.mode);
    change("note");
  });
  modes(stage.$("[data-mode=z]"));
  stage.openTab = oneOf(stage.$(".tabs"), "aria-selected", (b) => {
    for (const panel of stage.root.querySelectorAll("[data-panel]"))
      panel.hidden = panel.dataset.panel !== b.dataset.tab;
    if (b.dataset.tab !== "sample") stage.sampler.run(false);
    change("tab");
  });
  stage.$(".manifold-switch").addEventListener("click", (event) => {
    const on = !stage.manifold.on;
    set(event.currentTarget, "aria-pressed", on);
    stage.manifold.show(on);
    stage.askManifold();
    change("note");
  });
  const click = (selector, act) => stage.$(selector).addEventListener("click", act);
  click(".undo", () => stage.pad.undo());
  click(".clear", () => stage.pad.clear());
  click(".edit", () => stage.pad.edit(stage.x));
  click(".back", () => stage.back());
  click(".centre", () => {
    stage.moveTo(stage.lasso.centre);
    stage.settle();
  });
}
