// What the address of a hand-out says after "#": `page=explore&checkpoint=…&image=7&z=0.5,-1`. It is a stranger's:
// what makes no sense is dropped. What is not known here stays as it is.

const FARTHEST = 1e6; // of a code's numbers

export class Address {
  /** @param {string} hash */
  constructor(hash) {
    this.parts = new URLSearchParams(hash.replace(/^#/, ""));
  }

  /** Whether it says nothing. */
  get empty() {
    return this.parts.size === 0;
  }

  /** A text; one of `options`, where there are some. @param {string} name @param {string[]} [options] */
  text(name, options) {
    const found = this.parts.get(name);
    return found !== null && (!options || options.includes(found)) ? found : null;
  }

  /** A whole number from `low` to `high`. @param {string} name @param {number} low @param {number} high */
  whole(name, low, high) {
    const text = this.parts.get(name) ?? "";
    const found = Number(text);
    return /^\d{1,9}$/.test(text) && found >= low && found <= high ? found : null;
  }

  /** Numbers, from `least` to `most` of them. @param {string} name @param {number} least @param {number} most @returns {number[] | null} */
  numbers(name, least, most) {
    const text = this.parts.get(name);
    if (!text) return null;
    const found = text.split(",").map((part) => (part.trim() ? Number(part) : NaN));
    if (found.length < least || found.length > most) return null;
    return found.every((v) => Math.abs(v) <= FARTHEST) ? found : null;
  }

  /** Those of `options` that it lists, in its order. @param {string} name @param {string[]} options */
  names(name, options) {
    const found = (this.parts.get(name) ?? "")
      .split(",")
      .map((part) => part.replaceAll("%2C", ",").replaceAll("%25", "%"));
    return [...new Set(found)].filter((name) => options.includes(name));
  }

  /** Change parts; null takes one away. @param {Record<string, string | number | null>} parts */
  put(parts) {
    for (const [name, value] of Object.entries(parts))
      if (value === null) this.parts.delete(name);
      else this.parts.set(name, String(value));
  }

  toString() {
    return `#${this.parts.toString().replaceAll("%2C", ",")}`;
  }
}
