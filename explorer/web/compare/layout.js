// The Compare page's elements: the input and the cursor on the left, a column a model.

import { html } from "../widgets/dom.js";

const slider = (name, arrow, title) => `
  <div class="slider ${name}">
    <label for="compare-${name}"><b>${arrow} ${name}</b> <output></output></label>
    <div class="range"><input type="range" id="compare-${name}" min="-3" max="3" step="0.01" value="0"
      aria-label="${name}" title="${title}"></div>
  </div>`;

const FAR = "How far out under the prior, in standard deviations of a normal one";

export const page = () =>
  html(`
<div class="stage compare" data-ready="false">
  <section class="input" aria-label="Input x and the cursor">
    <p class="quantity x"><b>x</b> <span class="what">input</span></p>
    <div class="drawing">
      <canvas class="pad" width="280" height="280" role="img"
        aria-label="x: draw here with mouse, pen or finger" title="Draw here"></canvas>
      <div class="buttons pen">
        <button type="button" class="undo" disabled>Undo</button>
        <button type="button" class="clear">Clear</button>
        <button type="button" class="file" title="A picture of yours as x: from a file or the camera; or drop or paste one">File</button>
      </div>
    </div>
    <div class="typical" role="group" aria-label="Start from a typical image of a class"></div>
    <div class="heading"><p class="quantity z"><b>z</b> <span class="where"></span></p></div>
    ${slider("across", "→", FAR)}
    ${slider("up", "↑", FAR)}
    <div class="buttons">
      <button type="button" class="back" title="Move every z to its model's mean of q(z|x)">z ← μ</button>
      <button type="button" class="manifold-switch" aria-pressed="false"
        title="The decoded picture of every place, as the maps' background">Manifold</button>
      <button type="button" class="save" aria-label="Share and export" title="Share and export: a link, maps, pictures, a film of the walk, tables, one file of all">⤓</button>
    </div>
    <div class="switch" role="radiogroup" aria-label="What a drag on a map does">
      <button type="button" role="radio" data-mode="z" aria-checked="true">Move z</button>
      <button type="button" role="radio" data-mode="pan" aria-checked="false" tabindex="-1">Pan</button>
      <button type="button" role="radio" data-mode="lasso" aria-checked="false" tabindex="-1">Lasso</button>
    </div>
    <p class="map-note"><span class="text"></span> <button type="button" class="centre" hidden>z to their centre</button></p>
    <div class="heading walk-controls"><p class="quantity z"><b>Walk</b></p> <select class="path" aria-label="path"></select></div>
    <div class="buttons walk-buttons walk-controls">
      <button type="button" class="mark-a" aria-label="Mark A" title="Mark where z is now as A">A</button>
      <button type="button" class="mark-b" aria-label="Mark B" title="Mark where z is now as B">B</button>
      <button type="button" class="go" aria-pressed="false">Play</button>
    </div>
    <input type="range" class="share walk-controls" min="0" max="1" step="0.001" value="0" aria-label="place on the walk">
  </section>
  <div class="columns"></div>
  <div class="tip" hidden><canvas class="picture"></canvas> <canvas class="picture"></canvas><p></p></div>
  <p class="fault" role="alert" hidden></p>
  <p class="announce" aria-live="polite"></p>
</div>`);

export const column = () =>
  html(`
<section class="column">
  <header><svg class="dash" viewBox="0 0 36 8" aria-hidden="true"><path d="M0 4H36"></path></svg>
    <b class="name"></b> <span class="note"></span></header>
  <div class="map" tabindex="0" role="application">
    <p class="hint">Drag here: every model follows</p>
    <p class="map-message"></p>
  </div>
  <div class="result">
    <canvas class="picture x-hat" role="img" aria-label="x̂: the picture decoded from z"></canvas>
    <div class="numbers">
      <p class="at"></p>
      <div class="term reconstruction"><span class="name" title="Cross-entropy of x̂ and x, −log p(x|z) of a Bernoulli: the same quantity for every model">Reconstruction <i>BCE</i></span><span class="value"></span>
        <div class="track"><i class="bar reconstruction"></i></div></div>
      <div class="term kl"><span class="name">KL</span><span class="value"></span>
        <div class="track"><i class="bar kl"></i></div></div>
      <div class="term own"><span class="name"></span><span class="value"></span></div>
      <p class="note bound"></p>
    </div>
  </div>
  <div class="film" role="group"></div>
</section>`);
