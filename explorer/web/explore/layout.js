// The stage's elements, made once. Left to right: x → q(z|x) on the map → z → x̂ → the terms.

import { html } from "../widgets/dom.js";

export const layout = () =>
  html(`
<div class="stage" data-ready="false">
  <section class="input" aria-label="Input x and its posterior">
    <p class="quantity x"><b>x</b> <span class="what">input</span></p>
    <div class="xs">
      <canvas class="pad" width="280" height="280" role="img"
        aria-label="x: draw a digit here with mouse, pen or finger" title="Draw a digit here"></canvas>
      <figure><canvas class="digit seen" width="28" height="28" role="img"></canvas>
        <figcaption>to the encoder</figcaption></figure>
      <figure><canvas class="digit recon" width="28" height="28" role="img"></canvas>
        <figcaption>from μ</figcaption></figure>
    </div>
    <div class="buttons pen">
      <button type="button" class="undo" disabled>Undo</button>
      <button type="button" class="clear">Clear</button>
      <button type="button" class="edit" title="Draw on, starting from this digit">Draw on it</button>
    </div>
    <div class="typical" role="group" aria-label="Start from a typical image of a class"></div>
    <div class="heading"><p class="quantity posterior"><b>q(z|x)</b> encoder ↓</p>
      <button type="button" class="back" title="Move z to the mean of q(z|x), the code of x">z ← μ</button></div>
    <table class="posterior"><thead><tr><th title="Most informative first: by the mean KL over all images">by KL</th><th>μ</th><th>σ</th><th>KL</th></tr></thead>
      <tbody></tbody></table>
  </section>
  <section class="middle" aria-label="Map of the latent space and z">
    <div class="tools">
      <span class="quantity z"><b>z</b></span>
      <div class="switch" role="radiogroup" aria-label="What a drag on the map does">
        <button type="button" role="radio" data-mode="z" aria-checked="true">Move z</button>
        <button type="button" role="radio" data-mode="pan" aria-checked="false" tabindex="-1">Pan</button>
        <button type="button" role="radio" data-mode="lasso" aria-checked="false" tabindex="-1">Lasso</button>
      </div>
      <button type="button" class="manifold-switch" aria-pressed="false"
        title="The decoded picture of every place, as the map's background">Manifold</button>
    </div>
    <div class="map" tabindex="0" role="application" data-mode="z" aria-label="Map of the latent space.
      Arrow keys move z, with Shift in fine steps; Enter chooses the nearest image; Home takes z to μ.">
      <p class="map-message"></p>
    </div>
    <p class="map-note"><span class="text"></span> <button type="button" class="centre" hidden>z to their centre</button></p>
    <div class="sliders" role="group" aria-label="One slider for each latent dimension"></div>
  </section>
  <section class="output" aria-label="Decoded picture and terms">
    <div class="decoded">
      <p class="quantity x-hat"><b>x̂</b> decoder →</p>
      <canvas class="digit x-hat" width="28" height="28" role="img"></canvas>
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
      <div role="tabpanel" data-panel="walk" hidden></div>
    </div>
  </section>
  <div class="tip" hidden><canvas class="digit" width="28" height="28"></canvas>
    <canvas class="digit" width="28" height="28"></canvas><p></p></div>
  <p class="fault" role="alert" hidden></p>
  <p class="announce" aria-live="polite"></p>
</div>`);

/** A group of which one is chosen: arrow keys move within it, Tab leaves it. */
export function oneOf(group, attribute, chosen) {
  const buttons = [...group.querySelectorAll("button")];
  const choose = (button, focus = true) => {
    for (const other of buttons) {
      other.setAttribute(attribute, String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    if (focus) button.focus();
    chosen(button);
  };
  for (const [i, button] of buttons.entries()) {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(buttons[(i + step + buttons.length) % buttons.length]);
    });
  }
  return (button) => choose(button, false);
}
