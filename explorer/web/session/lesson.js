// The player of a lesson: a card below the page with a step's text, its question, and the way on. The page makes room
// for it, so that it lies over nothing. Page Up and Page Down, which a presenter's remote sends, go from step to step.

import { html, set, write } from "../widgets/dom.js";
import { DEEDS, MARKS, showView, viewAt } from "./lesson_view.js";
import { nameOf } from "./link.js";
import { inAddress, putInAddress } from "./page_menu.js";
import { PARTS, hideParts } from "./parts.js";

/**
 * @typedef {{ask: string, options: string[], right: number, answer: string}} Question
 * @typedef {{text: string, view?: import("./lesson_view.js").View, highlight?: string[], hide?: string[],
 *   question?: Question, until?: string}} Step
 * @typedef {{name: string, title: string, page: string, checkpoint: string, data?: string, hide?: string[],
 *   steps: Step[]}} Lesson
 */

const MARKUP = `<section class="lesson-card" role="region" aria-label="Lesson">
  <div class="lesson-words"><p class="lesson-head"><b class="lesson-title"></b> <span class="lesson-progress"></span></p>
    <div aria-live="polite"><p class="lesson-text"></p></div>
    <div class="lesson-question"><p class="lesson-ask"></p><div class="lesson-options" role="group"></div>
      <p class="lesson-answer" aria-live="polite"></p></div></div>
  <div class="lesson-buttons"><button type="button" class="lesson-before" title="The step before: Page Up">Back</button>
    <button type="button" class="lesson-next" title="The next step: Page Down">Next</button>
    <button type="button" class="lesson-close" title="Leave the lesson; the page stays as it is">Close</button>
    <p class="lesson-wait" role="status"></p></div>
</section>`;
const LOOK = 150; // milliseconds between looks at whether what is to be done has been done
const WENT = "vae-lesson";

/** A lesson by its name. @param {any} page @param {string} name @returns {Promise<Lesson>} */
export async function fetchLesson({ data }, name) {
  if (data.lessons) {
    const found = Object.entries(data.lessons).find(([one]) => one === name);
    if (found) return found[1];
    const there = Object.keys(data.lessons).join(", ") || "none";
    throw new Error(`There is no lesson “${name.slice(0, 64)}” in this file; there is ${there}.`);
  }
  const answer = await fetch(new URL(`stage/lessons/${encodeURIComponent(name)}`, data.root));
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Where a lesson is. @param {string} root @param {Lesson} lesson @param {number} step */
export function addressOf(root, { name, page, checkpoint, data }, step) {
  const url = new URL(page === "explore" ? "./" : page, root);
  url.searchParams.set("checkpoint", checkpoint);
  if (data) url.searchParams.set("data", data);
  url.searchParams.set("lesson", name);
  url.searchParams.set("step", String(step));
  return url;
}

/** Go where a lesson is, if that is elsewhere. @param {any} page @param {Lesson} lesson @param {number} step @returns {boolean} */
export function goTo(page, lesson, step) {
  const { data } = page;
  const here =
    nameOf(page) === lesson.page &&
    data.models[0]?.name === lesson.checkpoint &&
    (!lesson.data || data.lessons || inAddress("data") === lesson.data);
  const went = sessionStorage.getItem(WENT) === lesson.name;
  sessionStorage.removeItem(WENT);
  if (here) return false;
  if (data.visit && data.lessons[lesson.name]) {
    data.visit(lesson.page, { checkpoint: lesson.checkpoint, lesson: lesson.name, step });
    return true;
  }
  if (went || data.lessons)
    throw new Error(
      `The lesson “${lesson.title}” is about ${lesson.checkpoint}${lesson.data ? ` and ${lesson.data}` : ""}, which are not here.`,
    );
  sessionStorage.setItem(WENT, lesson.name);
  const url = addressOf(data.root, lesson, step);
  for (const name of ["present", "hide"]) {
    const value = inAddress(name);
    if (value) url.searchParams.set(name, value);
  }
  location.assign(url);
  return true;
}

/** A text with *em*, **strong** and `code` as elements. @param {string} text @returns {(string | HTMLElement)[]} */
export function marked(text) {
  return text.split(/(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|`[^`]+`)/).map((part) => {
    const kind = part.startsWith("**")
      ? "strong"
      : part.startsWith("`")
        ? "code"
        : /^\*[^*]+\*$/.test(part)
          ? "em"
          : "";
    if (!kind) return part;
    const element = document.createElement(kind);
    element.textContent = part.replace(/^(\*\*|\*|`)|(\*\*|\*|`)$/g, "");
    return element;
  });
}

export class Player {
  /** @param {import("./page_menu.js").PageMenu} menu @param {Lesson} lesson */
  constructor(menu, lesson) {
    this.menu = menu;
    this.page = menu.page;
    this.lesson = lesson;
    this.at = -1;
    this.done = true;
    this.asked = false; // whether somebody wanted to go on without
    this.root = html(MARKUP);
    set(this.root, "aria-label", `Lesson: ${lesson.title}`);
    menu.page.root.append(this.root);
    this.find = (/** @type {string} */ name) =>
      /** @type {any} */ (this.root.querySelector(`.lesson-${name}`));
    write(this.find("title"), lesson.title);
    this.find("before").addEventListener("click", () => this.open(this.at));
    this.find("next").addEventListener("click", () => this.next());
    this.find("close").addEventListener("click", () => this.close());
    this.key = (/** @type {KeyboardEvent} */ event) => this._key(event);
    addEventListener("keydown", this.key, { capture: true }); // before the page's own
    this.sizes = new ResizeObserver(() => this._room());
    this.sizes.observe(this.root);
    document.documentElement.dataset.lesson = "there";
    this.timer = 0;
    /** @type {unknown} */
    this.mark = null;
  }

  get step() {
    return this.lesson.steps[this.at];
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (!this.page.root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "PageDown" && event.key !== "PageUp") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "PageDown") this.next();
    else if (this.at > 0) this.open(this.at);
  }

  next() {
    const { steps } = this.lesson;
    if (!this.done && !this.asked) {
      this.asked = true;
      const deed = DEEDS[this.step.until ?? ""];
      write(this.find("wait"), `First ${deed}; or once more, to go on without.`);
      return;
    }
    if (this.at + 1 < steps.length) this.open(this.at + 2);
  }

  /** Show a step. @param {number} number from 1 */
  async open(number) {
    const { steps } = this.lesson;
    const last = steps.length;
    this.at = Math.min(last, Math.max(1, Math.round(number) || 1)) - 1;
    const { at, step } = this;
    this._write();
    hideParts([...this.menu.hidden, ...(this.lesson.hide ?? []), ...(step.hide ?? [])]);
    clearInterval(this.timer);
    try {
      await showView(this.page, viewAt(steps, at));
    } catch (error) {
      this.page.fault(error.message ?? String(error));
    }
    if (this.at !== at) return; // another step was asked for
    this._light();
    this.root.dataset.step = String(at + 1);
    putInAddress({ lesson: this.lesson.name, step: at + 1 });
    this._wait();
  }

  _write() {
    const { at, step } = this;
    const { steps } = this.lesson;
    write(this.find("progress"), `${at + 1} of ${steps.length}`);
    this.find("text").replaceChildren(...marked(step.text));
    const { question } = step;
    this.find("question").hidden = !question;
    write(this.find("answer"), "");
    write(this.find("ask"), question?.ask ?? "");
    this.find("options").replaceChildren(
      ...(question?.options ?? []).map((option, n) => {
        const button = html('<button type="button" aria-pressed="false"></button>');
        button.append(...marked(option));
        button.addEventListener("click", () => this._answer(n));
        return button;
      }),
    );
    this.find("before").disabled = at === 0;
    this.find("next").hidden = at === steps.length - 1;
    this.root.scrollTop = 0;
    if (!this.root.contains(document.activeElement)) return;
    const { activeElement } = document;
    if (!(activeElement instanceof HTMLElement) || activeElement.matches(":disabled, [hidden]"))
      this.find(at === 0 ? "next" : "before").focus();
  }

  /** @param {number} chosen */
  _answer(chosen) {
    const { right, answer } = /** @type {Question} */ (this.step.question);
    const buttons = this.find("options").querySelectorAll("button");
    for (const [n, button] of buttons.entries()) {
      set(button, "aria-pressed", n === chosen);
      set(button, "data-right", n === right - 1);
    }
    const verdict = chosen === right - 1 ? "Yes. " : "Not quite. ";
    this.find("answer").replaceChildren(verdict, ...marked(answer));
    if (this.step.until === "answer") this._ready();
  }

  /** Have the page make room for the card. */
  _room() {
    const { height } = this.root.getBoundingClientRect();
    document.documentElement.style.setProperty("--lesson", `${Math.ceil(height)}px`);
  }

  /** Have the parts that the step speaks of stand out, and be in the window: the first of them above all. */
  _light() {
    for (const lit of document.querySelectorAll("[data-lesson-lit]"))
      lit.removeAttribute("data-lesson-lit");
    const lit = [];
    for (const name of this.step.highlight ?? [])
      for (const part of document.querySelectorAll(PARTS[name] ?? "none")) {
        if (!part.checkVisibility() || part.closest("[data-lesson-lit]")) continue;
        part.setAttribute("data-lesson-lit", "true");
        lit.push(part);
      }
    this._room();
    for (const part of lit.reverse())
      part.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  /** Wait until what is to be done has been. */
  _wait() {
    const { until } = this.step;
    this.asked = false;
    this.done = !until;
    write(this.find("wait"), "");
    set(this.find("next"), "data-waits", !this.done);
    const read = MARKS[until ?? ""];
    if (!until || !read) return;
    this.mark = JSON.stringify(read(this.page) ?? null);
    this.timer = window.setInterval(() => {
      if (JSON.stringify(read(this.page) ?? null) !== this.mark) this._ready();
    }, LOOK);
  }

  _ready() {
    clearInterval(this.timer);
    this.done = true;
    set(this.find("next"), "data-waits", false);
    write(this.find("wait"), "");
  }

  close() {
    clearInterval(this.timer);
    removeEventListener("keydown", this.key, { capture: true });
    this.sizes.disconnect();
    this.root.remove();
    hideParts(this.menu.hidden);
    for (const lit of document.querySelectorAll("[data-lesson-lit]"))
      lit.removeAttribute("data-lesson-lit");
    delete document.documentElement.dataset.lesson;
    document.documentElement.style.removeProperty("--lesson");
    putInAddress({ lesson: null, step: null });
    this.menu.player = null;
    this.menu.button("lessons").focus();
  }
}
