// The Understand page's elements: the sections in a line; x on the left, the picture, and the text beside it.

import { html } from "../widgets/dom.js";

/** @param {string[]} names of the sections */
export const page = (names) =>
  html(`
<div class="stage understand" data-ready="false">
  <nav class="steps" aria-label="Sections">
    <button type="button" class="before" aria-label="The section before" title="The section before: ← or Page Up">‹</button>
    <div class="tabs" role="tablist" aria-label="Sections">${names
      .map(
        (name, n) =>
          `<button type="button" role="tab" aria-selected="false" tabindex="-1" data-section="${n + 1}"><b>${n + 1}</b> ${name}</button>`,
      )
      .join("")}</div>
    <button type="button" class="next" aria-label="The next section" title="The next section: → or Page Down">›</button>
  </nav>
  <section class="input" aria-label="Input x and its posterior">
    <p class="quantity x"><b>x</b> <span class="what">input</span></p>
    <div class="xs">
      <canvas class="pad" width="280" height="280" role="img"
        aria-label="x: draw here with mouse, pen or finger" title="Draw here"></canvas>
      <div class="buttons pen">
        <button type="button" class="undo" disabled>Undo</button>
        <button type="button" class="clear">Clear</button>
        <button type="button" class="file" title="A picture of yours as x: from a file or the camera; or drop or paste one">File</button>
      </div>
    </div>
    <div class="typical" role="group" aria-label="Start from a typical image of a class"></div>
    <p class="quantity posterior"><b>q(z|x)</b> <span class="what">encoder</span></p>
    <p class="code"></p>
  </section>
  <section class="picture-side" aria-label="Picture">
    <div class="scene"></div>
    <p class="working" role="status"></p>
  </section>
  <section class="story" aria-label="Text">
    <h2></h2>
    <div class="predict">
      <p class="question"></p>
      <div class="buttons options" role="group"></div>
      <p class="answer" aria-live="polite"></p>
    </div>
    <div class="mathematics"></div>
    <div class="mathematics numbers"></div>
    <div class="paragraphs"></div>
    <p class="task"></p>
  </section>
  <p class="fault" role="alert" hidden></p>
  <p class="announce" aria-live="polite"></p>
</div>`);
