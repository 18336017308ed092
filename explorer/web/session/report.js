// What the server hears of a view: once a hand has let go, and only what it does not know.

export class Report {
  constructor() {
    /** @type {(view: object) => void} */
    this.send = () => {};
    this.known = "";
    this.count = 0; // the same view may be sent again after another scene
  }

  /** @param {object} view */
  update(view) {
    const text = JSON.stringify(view);
    if (text === this.known) return;
    this.known = text;
    this.count += 1;
    this.send({ ...view, telling: this.count });
  }
}
