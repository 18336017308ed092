// Packs of files (docs/FORMATS.md): from the page itself, where they stand as text, or from beside it. The twin that
// writes them is explorer/handout/packs.py. Runs in the page before any module.

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

{
  const BITS = 7;
  const PROGRESS = 250; // milliseconds
  const INSTEAD = { À: 0, Á: 13, Â: 60 };
  const SCRIPT = { type: "text/javascript" };

  /** The bytes of a text of seven bits a character. @param {string} text */
  const bytesOf = (text) => {
    const found = new Uint8Array(Math.floor((text.length * BITS) / 8));
    for (let i = 0, at = 0, held = 0, bits = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code > 127) code = INSTEAD[text[i]];
      held = ((held << BITS) | code) & 0x7fff;
      bits += BITS;
      if (bits < 8) continue;
      bits -= 8;
      found[at++] = held >> bits;
    }
    return found;
  };

  /** The files of a pack by their paths. @param {ReadableStream} packed @returns {Promise<Map<string, Bytes>>} */
  const unpack = async (packed) => {
    const whole = await new Response(
      packed.pipeThrough(new DecompressionStream("gzip")),
    ).arrayBuffer();
    const length = new DataView(whole).getUint32(0, true);
    const index = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
    return new Map(
      Object.entries(index).map(([path, [first, count]]) => [
        path,
        new Uint8Array(whole, 4 + length + first, count),
      ]),
    );
  };

  class Packs {
    constructor() {
      /** @type {{packs: {name: string, size: number}[], folder: string | null}} */
      this.facts = JSON.parse(document.getElementById("pack-list").textContent);
      /** @type {Map<string, Bytes>} */
      this.files = new Map();
      /** The scripts that came, for workers. @type {Blob[]} */
      this.scripts = [];
      /** Whoever waits for a file. @type {Map<string, ((file: Bytes | null) => void)[]>} */
      this.waiting = new Map();
      /** Packs are taken in their order. @type {Promise<unknown>} */
      this.taken = Promise.resolve();
      this.left = this.facts.packs.length;
      this.fault = "";
      if (this.facts.folder !== null)
        for (const { name } of this.facts.packs) this._take(() => this._fetch(name));
      else this._sayHowFar();
    }

    /** Say how much of the first pack has come. */
    _sayHowFar() {
      const [{ name, size }] = this.facts.packs;
      const asking = setInterval(() => {
        const words = document.querySelector(".opening-words");
        const script = document.getElementById(`pack-${name}`);
        if (!words || this.files.size || this.fault) return clearInterval(asking);
        /** @type {Text[]} */
        const texts = Array.from(script?.childNodes ?? [], (node) => /** @type {Text} */ (node));
        const come = texts.reduce((sum, text) => sum + text.length, 0);
        words.textContent = `The model is on its way: ${Math.round((100 * come) / size)} %`;
      }, PROGRESS);
    }

    /** A pack has arrived in the page. @param {string} name */
    arrived(name) {
      const script = document.getElementById(`pack-${name}`);
      this._take(async () => {
        const bytes = bytesOf(script.textContent);
        script.remove();
        return new Blob([bytes]).stream();
      });
    }

    /** @param {() => Promise<ReadableStream>} open */
    _take(open) {
      this.taken = this.taken
        .then(async () => this._add(await unpack(await open())))
        .catch((error) => {
          this.fault = globalThis.DecompressionStream
            ? `A part of this page is damaged or cut off (${error.message}); fetch it again.`
            : "This browser cannot unpack the page: it needs one of 2023 or later.";
          const words = document.querySelector(".opening-words");
          if (words) words.textContent = this.fault;
        })
        .finally(() => {
          this.left -= 1;
          if (this.left) return;
          for (const all of this.waiting.values()) for (const resolve of all) resolve(null);
          this.waiting.clear();
        });
    }

    /** @param {string} name */
    async _fetch(name) {
      const answer = await fetch(`${this.facts.folder}/${name}.bin`);
      if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
      return answer.body;
    }

    /** @param {Map<string, Bytes>} files */
    async _add(files) {
      const code = files.get("code.js");
      if (code) {
        const script = new Blob([code], SCRIPT);
        this.scripts.push(script);
        await import(URL.createObjectURL(script));
      }
      for (const [path, file] of files) {
        if (path === "code.js") continue;
        this.files.set(path, file);
        for (const resolve of this.waiting.get(path) ?? []) resolve(file);
        this.waiting.delete(path);
      }
    }

    /** A file, once it has come; null where there is none. @param {string} path @returns {Promise<Bytes | null>} */
    async get(path) {
      const there = this.files.get(path);
      if (there) return there;
      if (!this.left) return null;
      return new Promise((resolve) =>
        this.waiting.set(path, [...(this.waiting.get(path) ?? []), resolve]),
      );
    }

    /** The address of a worker that runs modules one after the other. @param {string[]} modules */
    worker(...modules) {
      const run = modules.map((path) => `need(${JSON.stringify(path)});`).join("");
      const boot = document.getElementById("boot").textContent;
      return URL.createObjectURL(new Blob([boot, ...this.scripts, run], SCRIPT));
    }
  }

  globalThis.packs = new Packs();
  globalThis.later("handout/handout.js").then(({ begin }) => begin());
}
