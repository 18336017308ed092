// The list of lessons, those of the server or of the file that the page is in.

import { html, set, write } from "../widgets/dom.js";

const MARKUP = `<section class="lesson-list" role="dialog" aria-label="Lessons">
  <div class="share-head"><b>Lessons</b> <button type="button" class="list-close">Close</button></div>
  <ul></ul>
</section>`;

export class LessonList {
  /** @param {import("./page_menu.js").PageMenu} menu @param {string} root */
  constructor(menu, root) {
    this.menu = menu;
    this.root = html(MARKUP);
    this.root.hidden = true;
    menu.root.after(this.root);
    this.root.querySelector(".list-close").addEventListener("click", () => this.toggle());
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle();
    });
    this.found = this._fetch(root);
  }

  /** @param {string} root */
  async _fetch(root) {
    const { lessons } = /** @type {any} */ (this.menu.page.data);
    const all = lessons
      ? Object.values(lessons).map((one) => ({ ...one, steps: one.steps.length }))
      : await (await fetch(new URL("stage/lessons", root))).json();
    if (!all.length) this.root.append("None is about the models and images that are in this file.");
    this.root.querySelector("ul").replaceChildren(
      ...all.map(({ name, title, about, steps }) => {
        const row = html(
          '<li><button type="button"><b></b> <span></span><small></small></button></li>',
        );
        const button = row.querySelector("button");
        write(row.querySelector("b"), title);
        write(row.querySelector("span"), `${steps} steps`);
        write(row.querySelector("small"), about ?? "");
        button.addEventListener("click", () => {
          this.toggle();
          this.menu.teach(name).catch((error) => this.menu.page.fault(error.message));
        });
        return row;
      }),
    );
  }

  toggle() {
    const open = this.root.hidden;
    this.root.hidden = !open;
    set(this.menu.button("lessons"), "aria-expanded", open);
    if (!open) return this.menu.button("lessons").focus();
    this.found.then(
      () => /** @type {HTMLElement | null} */ (this.root.querySelector("li button"))?.focus(),
      (error) => this.menu.page.fault(error.message),
    );
  }
}
