// One animation frame: decode once, from the newest z, and paint all that follows from it.

import { paintDigit, set, write } from "../widgets/dom.js";
import { noteOf } from "./notes.js";
import { ellipse } from "../map/projections.js";

/** @param {import("./stage.js").Stage} stage @param {number} now in milliseconds */
export function paint(stage, now) {
  if (stage.frame) cancelAnimationFrame(stage.frame);
  stage.frame = 0;
  if (!stage.vae) return;
  const { vae, dirty } = stage;
  stage.dirty = new Set();
  const walked = stage.walk.next(now);
  if (walked) stage.z.set(walked);
  const drawn = walked ? null : stage.sampler.next(now, vae, stage.posterior);
  if (drawn) stage.z.set(drawn);
  if (walked || drawn) stage.free = null;
  if (dirty.has("z") || dirty.has("x") || walked || drawn) {
    const logits = vae.decode(stage.z);
    stage.mean = vae.mean(logits, stage.mean);
    const recon = vae.reconstruction(logits, stage.x);
    stage.now = { recon, kl: stage.posterior.kl };
    if (drawn) stage.sampler.add(recon, vae.logRatio(stage.z, stage.posterior));
    paintDigit(stage.$("canvas.x-hat"), stage.mean);
    stage.trace.add(now, stage.now);
  }
  if (dirty.has("x")) paintInput(stage);
  stage.sliders.paint(stage.z, stage.posterior);
  stage.sliders.setPlaying(stage.walk.playing ? (stage.walk.dim?.index ?? null) : null);
  stage.terms.paint(stage.now, stage.over);
  paintMap(stage);
  paintTab(stage);
  describe(stage, dirty.has("settle"));
  if (stage.walk.playing || stage.sampler.active) stage.change("play");
  else if (drawn) stage.settle(); // one draw is a release
}

function paintInput(stage) {
  const { pad, x, posterior, vae, pictures, image, dims } = stage;
  const name = pictures.classes[pictures.labels[image]];
  const mean = vae.mean(vae.decode(posterior.mu));
  stage.input.paint({ x, mean, image, name, pad, posterior, dims });
}

function paintMap(stage) {
  if (!stage.view || !stage.map.ready) {
    write(stage.$(".map-note .text"), "");
    stage.$(".centre").hidden = true;
    return;
  }
  const { view, posterior, walk } = stage;
  const invertible = view.invertible;
  const { arrays, header } = stage.blob;
  // Without an inverse the ring is at an image: the one that a hand took, or the nearest to z.
  const place = invertible ? -1 : (stage.free?.place ?? view.at(stage.z));
  const cursor = invertible ? view.project(stage.z) : [arrays.x[place], arrays.y[place]];
  const centre = invertible ? view.project(posterior.mu) : null;
  const covariance = invertible ? view.covariance(posterior) : null;
  const walking = !stage.$("[data-panel=walk]").hidden;
  stage.map.paint({
    cursor,
    centre,
    rings: centre ? [2, 1].map((sigmas) => ellipse(centre, covariance, sigmas)) : [],
    path: walking && invertible ? walk.codes().map((z) => view.project(z)) : [],
    marks: walking ? walk.marks.map((z) => z && view.project(z)) : [null, null],
    near: stage.map.scene.near,
  });
  const note = noteOf({
    kind: header.view.kind,
    mode: stage.map.mode,
    manifold: stage.manifold.on,
    image: arrays.index[place],
    distance: invertible || stage.free ? 0 : view.distance(stage.z, place),
    dims: stage.dims,
    z: stage.z,
    view,
  });
  write(stage.$(".map-note .text"), stage.lasso?.text ?? note);
  stage.$(".centre").hidden = !stage.lasso;
}

function paintTab(stage) {
  const open = stage.$('[role=tab][aria-selected="true"]').dataset.tab;
  if (open === "trace") stage.trace.paint(stage.colours);
  else if (open === "kl") stage.klBars.paint(stage.posterior.klPerDim);
  else if (open === "sample") stage.sampler.paint(stage.colours, stage.posterior.kl, stage.over);
  else stage.walk.paint((canvas, z) => paintDigit(canvas, stage.vae.mean(stage.vae.decode(z))));
}

function describe(stage, settled) {
  if (!settled || !stage.now) return;
  const z = [...stage.z].slice(0, 10).map((v) => v.toFixed(2)).join(", ");
  const { recon, kl } = stage.now;
  set(stage.$("canvas.x-hat"), "aria-label", `picture decoded from z = (${z})`);
  write(stage.$(".announce"), `z = (${z}); reconstruction ${recon.toFixed(1)}, KL ${kl.toFixed(2)} nats`);
}
