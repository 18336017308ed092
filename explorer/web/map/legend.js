// The classes beside a map, by name where the map does not name them: a press takes one off the map, two presses leave it alone there. Where colours
// are a factor's values, a bar of them.

import { html, set, write } from "../widgets/dom.js";

/** @typedef {import("./painter.js").Group} Group */

export class Legend {
  /** @param {HTMLElement} host @param {(hidden: Set<string>) => void} changed */
  constructor(host, changed) {
    this.host = host;
    this.changed = changed;
    /** Names of the classes that are not shown. @type {Set<string>} */
    this.hidden = new Set();
    /** @type {Group[]} */
    this.groups = [];
    host.addEventListener("click", (event) => this._pressed(event, false));
    host.addEventListener("dblclick", (event) => this._pressed(event, true));
  }

  /** @param {Group[]} groups @param {[string, number, number] | null} [bar] a factor's name and range */
  show(groups, bar = null) {
    const key = (/** @type {Group[]} */ all) => all.map((g) => g.name + g.colour).join("\n");
    if (key(groups) === key(this.groups)) return;
    this.groups = groups;
    this.hidden = new Set();
    this.host.dataset.bar = String(Boolean(bar));
    if (bar) return this._showBar(groups, bar);
    // A single class tells nothing apart.
    this.host.replaceChildren(
      ...(groups.length > 1 ? groups : []).map(({ name, colour }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.name = name;
        button.append(html("<span></span>"));
        write(button.children[0], name);
        button.title = `Show or hide ${name}; twice: only ${name}`;
        button.style.setProperty("--dot", colour);
        set(button, "aria-pressed", true);
        return button;
      }),
    );
  }

  /** A bar of what colours the codes instead of their classes. @param {import("./colouring.js").Shading} shading */
  showRamp({ ramp, bar }) {
    const [name, low, high] = bar;
    this.show(
      ramp.map((colour) => ({
        name: `${name} ${low} ${high}`,
        colour,
        points: [0, 0],
        label: null,
      })),
      bar,
    );
  }

  /** Leave out what is written on the map itself: the names of these classes. @param {Set<string>} written */
  leave(written) {
    if (this.host.dataset.bar === "true") return;
    for (const one of /** @type {Iterable<HTMLElement>} */ (this.host.children))
      set(one, "data-named", written.has(one.dataset.name ?? ""));
  }

  /** @param {Group[]} groups @param {[string, number, number]} bar */
  _showBar(groups, [name, low, high]) {
    const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(high - low || 1))));
    const short = (/** @type {number} */ v) => String(Number(v.toFixed(digits))).replace("-", "−");
    const bar = html('<div class="bar"><b></b><span></span><i role="img"></i><span></span></div>');
    const [title, above, colours, below] = /** @type {Iterable<HTMLElement>} */ (bar.children);
    title.textContent = name;
    above.textContent = short(high);
    below.textContent = short(low);
    set(colours, "aria-label", `${name} from ${short(low)}, dark, to ${short(high)}, light`);
    colours.style.setProperty("--ramp", groups.map((g) => g.colour).join(", "));
    this.host.replaceChildren(bar);
  }

  /** @param {MouseEvent} event @param {boolean} alone */
  _pressed(event, alone) {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    const name = button?.dataset.name;
    if (name === undefined) return;
    const others = this.groups.map((g) => g.name).filter((other) => other !== name);
    if (alone) {
      const was = others.every((other) => this.hidden.has(other));
      this.hidden = new Set(was ? [] : others);
    } else {
      this.hidden = new Set(this.hidden);
      if (!this.hidden.delete(name)) this.hidden.add(name);
    }
    this._told();
  }

  /** Take classes off the map, and no others. @param {Iterable<string>} names those that there are not are left out */
  hide(names) {
    const there = new Set(this.groups.map((g) => g.name));
    this.hidden = new Set([...names].filter((name) => there.has(name)));
    this._told();
  }

  _told() {
    for (const one of /** @type {Iterable<HTMLElement>} */ (this.host.children))
      set(one, "aria-pressed", !this.hidden.has(one.dataset.name ?? ""));
    this.changed(this.hidden);
  }
}
