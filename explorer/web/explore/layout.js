// The stage's elements, made once. Left to right: x → q(z|x) on the map → z → x̂ → the terms; the line over the
// columns says so.

import { html } from "../widgets/dom.js";

const symbol = (key, text) =>
  `<button type="button" class="symbol" data-symbol="${key}" aria-describedby="symbol-${key}">${text}</button>`;

const MARKUP = `
<div class="stage explore" data-ready="false">
  <section class="input" aria-label="Input x and its posterior">
    <div class="node"><p class="quantity x">${symbol("x", "x")} <span class="what">input</span></p><i class="wire"></i></div>
    <p class="note no-encoder">A decoder alone: no encoder gives an x its q(z|x), so that there are no terms. The points are the codes that came with it.</p>
    <p class="note no-density">An autoencoder: a code is a point, not a distribution. There is no KL, and no ELBO is claimed.</p>
    <div class="xs">
      <canvas class="pad" width="280" height="280" role="img"
        aria-label="x: draw here with mouse, pen or finger" title="Draw here"></canvas>
      <figure><canvas class="picture seen" role="img"></canvas>
        <figcaption>to the encoder</figcaption></figure>
      <div class="buttons pen">
        <button type="button" class="undo" disabled>Undo</button>
        <button type="button" class="clear">Clear</button>
        <button type="button" class="edit" title="Draw on, starting from this picture">Edit</button>
        <button type="button" class="file" title="A picture of yours as x: from a file or the camera; or drop or paste one">File</button>
      </div>
    </div>
    <div class="typical" role="group" aria-label="Start from a typical image of a class"></div>
    <div class="heading"><p class="quantity posterior"><b>q(z|x)</b></p>
      <button type="button" class="back" title="Move z to the mean of q(z|x), the code of x">z ← μ</button></div>
    <table class="posterior" aria-label="q(z|x): mean, standard deviation and KL of each dimension"><thead><tr><th title="Most informative first: in the order of the mean KL over all images, not of this x's">by mean KL</th><th>μ</th><th>σ</th><th>KL</th></tr></thead>
      <tbody></tbody></table>
  </section>
  <section class="middle" aria-label="Map of the latent space and z">
    <div class="node chain" role="toolbar" aria-label="The model, from x to x̂">
      <span class="encoding"><i class="wire"></i>encoder ${symbol("posterior", "q(z|x)")}<i class="wire arrow"></i></span>
      <span class="quantity z">${symbol("z", "z")} <span class="code"></span> ${symbol("noise", "ε")}</span>
      <span class="decoding"><i class="wire"></i>decoder ${symbol("decoder", "p(x|z)")}<i class="wire"></i></span>
    </div>
    <div class="formula" role="toolbar" aria-label="The bound that training raises, with the numbers of this x"></div>
    <div class="map-area">
      <div class="tools">
        <div class="switch" role="radiogroup" aria-label="What a drag on the map does">
          <button type="button" role="radio" data-mode="z" aria-checked="true">Move z</button>
          <button type="button" role="radio" data-mode="pan" aria-checked="false" tabindex="-1">Pan</button>
          <button type="button" role="radio" data-mode="lasso" aria-checked="false" tabindex="-1">Lasso</button>
        </div>
        <button type="button" class="manifold-switch" aria-pressed="false"
          title="The decoded picture of every place, as the map's background">Manifold</button>
        <label class="colour-by"><span>Colours</span><select aria-label="What colours the codes on the map"><option value="">class</option></select></label>
        <button type="button" class="wall-open" title="Images by their terms: all images with their reconstructions, sorted, and others beside them">Images</button>
        <span class="zoom">
          <button type="button" class="zoom-out" aria-label="Zoom out" title="Zoom out">−</button>
          <button type="button" class="zoom-in" aria-label="Zoom in" title="Zoom in">+</button>
          <button type="button" class="whole" aria-label="Show the whole map" title="Show the whole map">⤢</button>
          <button type="button" class="save" aria-label="Share and export" title="Share and export: a link, maps, pictures, a film of the walk, tables, one file of all">⤓</button>
        </span>
      </div>
      <div class="map" tabindex="0" role="application" data-mode="z" aria-label="Map of the latent space.
        Arrow keys move z, with Shift in fine steps; Enter chooses the nearest image; Home takes z to μ.">
        <p class="map-message"></p>
      </div>
      <div class="legend" role="group" aria-label="Classes on the map"></div>
    </div>
    <p class="map-note"><span class="text"></span> <button type="button" class="centre" hidden>z to their centre</button></p>
    <div class="sliders" role="group" aria-label="One slider for each latent dimension"></div>
  </section>
  <section class="output" aria-label="Decoded picture and terms">
    <div class="decoded">
      <div class="node"><i class="wire arrow"></i><p class="quantity x-hat">${symbol("x-hat", "x̂")} <span class="pace"></span></p></div>
      <div class="x-hats"><canvas class="picture x-hat" role="img" aria-label="x̂: the picture decoded from z"></canvas>
        <figure><canvas class="picture recon" role="img"></canvas><figcaption>from μ</figcaption></figure></div>
    </div>
    <div class="terms-host"></div>
    <div class="tabs" role="tablist" aria-label="More about z">
      <button type="button" role="tab" aria-selected="true" data-tab="trace">Trace</button>
      <button type="button" role="tab" aria-selected="false" tabindex="-1" data-tab="kl">KL</button>
      <button type="button" role="tab" aria-selected="false" tabindex="-1" data-tab="sample">Sample</button>
      <button type="button" role="tab" aria-selected="false" tabindex="-1" data-tab="walk">Walk</button>
    </div>
    <div class="panels">
      <div role="tabpanel" data-panel="trace"><canvas class="trace" role="img"
        aria-label="the terms over the last seconds of movement"></canvas></div>
      <div role="tabpanel" data-panel="kl" hidden></div>
      <div role="tabpanel" data-panel="sample" hidden></div>
      <div role="tabpanel" data-panel="walk" hidden><div class="walk">
        <div class="buttons">
          <select class="path" aria-label="path"></select>
          <button type="button" class="mark-a" title="Mark where z is now as A">Mark A</button>
          <button type="button" class="mark-b" title="Mark where z is now as B">Mark B</button>
        </div>
        <div class="film" role="group"></div>
        <input type="range" class="share" min="0" max="1" step="0.001" value="0" aria-label="place on the path">
        <div class="buttons">
          <button type="button" class="go" aria-pressed="false">Play</button>
          <label><input type="checkbox" class="loop" checked> there and back</label>
          <label><input type="number" class="seconds" min="1" max="30" step="1" value="4"> s</label>
        </div>
        <p class="note hint">Put z somewhere, or choose an image: Mark A. Go elsewhere: Mark B.</p>
      </div></div>
    </div>
  </section>
  <div class="tip" hidden><canvas class="picture"></canvas> <canvas class="picture"></canvas><p></p></div>
  <p class="fault" role="alert" hidden></p>
  <p class="announce" aria-live="polite"></p>
</div>`;

export const page = () => html(MARKUP);
