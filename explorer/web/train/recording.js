// The film of a run, recorded while it is replayed: its codes, the decoded grid beside them, and the epoch.

import { context2d, set, write } from "../widgets/dom.js";
import { endingOf, filmType, record } from "../widgets/recorder.js";
import { save } from "../widgets/save.js";
import { font } from "../widgets/type.js";
import { stepAt } from "./moments.js";

const HIGH = 672; // pixels of the pictures
const LINE = 48; // and of the line below them
const RATE = 9; // snapshots a second
const SHORTEST = 3; // seconds
const LONGEST = 30;

/**
 * What it needs of the page.
 * @typedef {{parts: import("./panel.js").Parts, main: {name: string} | null,
 *   snapshots: import("./snapshots.js").SnapshotSequence | null, playback: import("./playback.js").Playback,
 *   scatter: import("./scatter.js").Scatter, gallery: import("./gallery.js").Gallery, paint: (now: number) => void}} Page
 */

/**
 * Draws the page's canvases as they are at a share of the run.
 * @param {Page} page @returns {import("../widgets/recorder.js").Painter}
 */
function painter(page) {
  const { parts, main, snapshots, playback, scatter, gallery } = page;
  const canvas = document.createElement("canvas");
  const codes = scatter.canvas;
  const wide = Math.round((HIGH * codes.width) / codes.height);
  canvas.width = 2 * Math.round((wide + HIGH) / 2); // encoders take even numbers
  canvas.height = HIGH + LINE;
  const c = context2d(canvas);
  const { known } = /** @type {import("./snapshots.js").SnapshotSequence} */ (snapshots);
  const draw = (/** @type {number} */ share) => {
    playback.seek(known, stepAt(known, share * (known.length - 1)));
    page.paint(performance.now());
    const { paper, ink } = scatter.colours();
    c.fillStyle = paper;
    c.fillRect(0, 0, canvas.width, canvas.height);
    c.imageSmoothingEnabled = true;
    c.drawImage(codes, 0, 0, wide, HIGH);
    c.imageSmoothingEnabled = false;
    c.drawImage(gallery.grid, wide, 0, HIGH, HIGH);
    c.fillStyle = ink;
    c.font = font(20);
    c.textBaseline = "middle";
    c.textAlign = "left";
    c.fillText(main?.name ?? "", 16, HIGH + LINE / 2, wide);
    c.textAlign = "right";
    c.fillText(parts.when.textContent ?? "", canvas.width - 16, HIGH + LINE / 2, HIGH);
  };
  return { canvas, paint: draw };
}

export class Recording {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.going = false;
    page.parts.film.addEventListener("click", () => (this.going ? this.giveUp() : this.make()));
  }

  giveUp() {
    this.going = false;
  }

  /** Offer it where there is something to record, and a browser that can. */
  offer() {
    const { parts, snapshots } = this.page;
    parts.film.disabled = !this.going && ((snapshots?.frames.length ?? 0) < 2 || !filmType());
  }

  async make() {
    const { page } = this;
    const { parts, snapshots, main } = page;
    const type = filmType();
    if (!snapshots || !main) return;
    const say = (/** @type {string} */ text) => {
      parts.filmed.hidden = !text;
      write(parts.filmed, text);
    };
    const seconds = Math.min(LONGEST, Math.max(SHORTEST, snapshots.known.length / RATE));
    this.going = true;
    set(parts.film, "aria-pressed", true);
    write(parts.film, "■ Stop");
    try {
      const content = await record(painter(page), seconds, type, (share) => {
        say(`Recording: ${Math.round(100 * share)} %`);
        return this.going && page.main === main;
      });
      if (content) save(`${main.name}-training.${endingOf(type)}`, content);
      say(
        content
          ? `Saved ${main.name}-training.${endingOf(type)}. Without the page, as GIF, WebP, MP4 or WebM: ` +
              `python -m explorer film ${main.name} --run --out training.gif`
          : "",
      );
    } catch (error) {
      say(`The film could not be made: ${error instanceof Error ? error.message : error}.`);
    }
    this.going = false;
    set(parts.film, "aria-pressed", false);
    write(parts.film, "Film");
  }
}
