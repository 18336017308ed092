// A view as a text behind the # of an address: all that outlives a reload (keeper.js), small enough to be sent.
// `view=1.TEXT` is JSON, packed (deflate) and written in base64url. What comes from a link is a stranger's: it
// is bounded and checked before anything is made of it.

import { inputOf, pack, takeInput } from "./keeper.js";

/** @typedef {import("./keeper.js").Kept} Kept */

const VERSION = "1.";
export const MOST = 6000; // characters of a view: addresses of some 8,000 pass everywhere
const MOST_READ = 20_000;
const MOST_BYTES = 2 ** 18; // of what is unpacked
const MOST_NUMBERS = 4096; // of a code
const GRAIN = 4; // parts of a pad's unit, to which strokes are rounded
const SLACK = 0.5; // units of the pad that a stroke may be off: a twentieth of a pixel of MNIST's
const WRONG = "The link's view cannot be read, and the usual one is shown instead:";

export class LinkError extends Error {}

// --- bytes and text ---------------------------------------------------------------------------------

/** @param {BlobPart} bytes @param {"compress" | "unpack"} way @param {number} [most] bytes */
async function through(bytes, way, most = Infinity) {
  const format = "deflate-raw";
  const stream = new Blob([bytes])
    .stream()
    .pipeThrough(
      way === "compress" ? new CompressionStream(format) : new DecompressionStream(format),
    );
  const parts = [];
  let size = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > most) {
      reader.cancel().catch(() => {});
      throw new LinkError(`${WRONG} it holds more than ${most / 1024} kB.`);
    }
    parts.push(next.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {Uint8Array} bytes */
const toText = (bytes) =>
  btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** @param {string} text */
const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

/** @param {object} value @returns {Promise<string>} */
export async function encode(value) {
  return VERSION + toText(await through(JSON.stringify(value), "compress"));
}

/** @param {string} text @returns {Promise<any>} */
export async function decode(text) {
  if (!text.startsWith(VERSION))
    throw new LinkError(`${WRONG} it is of another version than ${VERSION.slice(0, -1)}.`);
  if (text.length > MOST_READ)
    throw new LinkError(`${WRONG} it has more than ${MOST_READ} characters.`);
  try {
    const bytes = await through(toBytes(text.slice(VERSION.length)), "unpack", MOST_BYTES);
    const value = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error();
    return value;
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError(`${WRONG} a part of it is missing. Copy the whole link.`);
  }
}

// --- numbers ----------------------------------------------------------------------------------------

/** Of a text of 32-bit numbers. @param {string} text */
const floats = (text) => new Float32Array(toBytes(text).buffer);
/** @param {number} v */
const short = (v) => Number(v.toPrecision(5));
/** A code's numbers, rounded. @param {string} [text] */
const rounded = (text) => (text ? Array.from(floats(text), short) : null);
/** @param {string} text */
const levels = (text) => toText(Uint8Array.from(floats(text), (v) => Math.round(255 * v)));

/** Numbers from a link as keeper.js packs them; null where they are none. @param {unknown} list */
function packed(list) {
  if (!Array.isArray(list) || list.length > MOST_NUMBERS) return null;
  if (!list.every((v) => Number.isFinite(v) && Math.abs(v) <= 1e6)) return null;
  return pack(Float32Array.from(list));
}

/** @param {unknown} text */
function unlevelled(text) {
  if (typeof text !== "string") throw new LinkError(`${WRONG} its picture is none.`);
  return pack(Float32Array.from(toBytes(text), (v) => v / 255));
}

/** The points of a stroke that its line needs (Douglas & Peucker 1973). @param {[number, number][]} points @returns {[number, number][]} */
export function simplified(points) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy);
  let [far, most] = [0, SLACK];
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = [points[i][0] - a[0], points[i][1] - a[1]];
    const off = length ? Math.abs(x * dy - y * dx) / length : Math.hypot(x, y);
    if (off > most) [far, most] = [i, off];
  }
  if (!far) return [a, b];
  return [...simplified(points.slice(0, far + 1)).slice(0, -1), ...simplified(points.slice(far))];
}

/** A stroke as differences of whole numbers. @param {[number, number][]} points */
function differences(points) {
  let before = [0, 0];
  return simplified(points).flatMap((point) => {
    const at = point.map((v) => Math.round(GRAIN * v));
    const step = at.map((v, k) => v - before[k]);
    before = at;
    return step;
  });
}

/** @param {unknown} list @returns {[number, number][]} */
function stroke(list) {
  if (!Array.isArray(list) || list.length % 2 || !list.every(Number.isInteger))
    throw new LinkError(`${WRONG} its drawing has strokes that are none.`);
  const at = [0, 0];
  return Array.from({ length: list.length / 2 }, (_, i) => {
    for (const k of [0, 1]) at[k] = Math.max(-1e5, Math.min(1e5, at[k] + list[2 * i + k]));
    return [at[0] / GRAIN, at[1] / GRAIN];
  });
}

/** Which of n images are chosen, as bits. @param {number[]} images @param {number} n */
function bitsOf(images, n) {
  const bits = new Uint8Array(Math.ceil(n / 8));
  for (const i of images) bits[i >> 3] |= 1 << (i & 7);
  return toText(bits);
}

/** @param {string} text @param {number} n */
function imagesOf(text, n) {
  const bits = toBytes(text);
  return Array.from({ length: n }, (_, i) => i).filter((i) => bits[i >> 3] & (1 << (i & 7)));
}

// --- a page's view ----------------------------------------------------------------------------------

/** The page by name. @param {any} page */
export const nameOf = ({ root }) =>
  ["explore", "compare", "understand"].find((name) => root.classList.contains(name)) ?? "";

/** What outlives a reload, of any page. @param {any} page @returns {Partial<Kept>} */
function kept(page) {
  if (page.keeper) return page.keeper.record();
  const { z, data, drawn } = page;
  const codes = z ? { [data.models[0].model]: pack(Float32Array.from(z)) } : {};
  return { shape: String(page.pictures.shape), x: drawn ? inputOf(page) : null, codes };
}

/** The view in few signs: what a link holds. @param {any} page @returns {any} */
function compact(page) {
  const all = kept(page);
  const { pictures, data, marks = [] } = page;
  const paths = data.models.map(({ model }) => model);
  const of = (byModel = {}) => paths.map((path) => rounded(byModel[path]));
  const { x } = all;
  return {
    g: nameOf(page),
    s: all.shape,
    x: !x
      ? null
      : x.taken
        ? { t: levels(x.taken) }
        : { k: x.strokes.map(differences), b: x.base ? levels(x.base) : null },
    z: of(all.codes),
    m: all.manifold ? 1 : 0,
    p: all.path,
    t: all.tab,
    w: typeof all.share === "number" ? short(all.share) : null,
    a: (all.marks ?? []).map((mark, k) => {
      if (!mark) return null;
      const image = pictures.numberOf(marks[k].x);
      return { x: image ?? levels(mark.x), p: mark.place?.map(short) ?? null, e: of(mark.ends) };
    }),
    o: paths.map((path) => all.windows?.[path]?.map(short) ?? null),
    h: all.hidden ?? [],
    l: all.lasso && [paths.indexOf(all.lasso.model), bitsOf(all.lasso.images, pictures.count)],
  };
}

/** @typedef {{without: (view: any) => any, says: string, held: (view: any) => boolean}} Loss what a view can do without, and what is said of it */

/** In this order. @type {Loss[]} */
const LOSSES = [
  {
    held: ({ l }) => Boolean(l),
    without: (view) => ({ ...view, l: null }),
    says: "the images that the lasso has chosen",
  },
  {
    held: ({ a }) => a.some((mark) => typeof mark?.x === "string"),
    without: (view) => ({
      ...view,
      a: view.a.map((mark) => (typeof mark?.x === "string" ? null : mark)),
    }),
    says: "the marks of the walk that are pictures of yours",
  },
  {
    held: ({ x }) => Boolean(x?.t || x?.b),
    without: (view) => ({ ...view, x: null }),
    says: "the picture of yours that is x",
  },
  {
    held: ({ x }) => Boolean(x),
    without: (view) => ({ ...view, x: null }),
    says: "the drawing, which has too many strokes",
  },
  {
    held: ({ z }) => z.some((code) => code?.length > 16),
    without: (view) => ({ ...view, z: [], a: [] }),
    says: "z and the walk, whose codes are long",
  },
];

/**
 * The view of a page as the text of a link, and what it had no room for, in words.
 * @param {any} page @returns {Promise<{text: string, lost: string[]}>}
 */
export async function write(page) {
  let view = compact(page);
  let text = await encode(view);
  const lost = [];
  for (const { held, without, says } of LOSSES) {
    if (text.length <= MOST) break;
    if (!held(view)) continue;
    view = without(view);
    text = await encode(view);
    lost.push(says);
  }
  return { text, lost };
}

/** What keeper.js restores, of what a link holds. @param {any} view @param {any} page @returns {Promise<Kept>} */
async function expand(view, { data, pictures }) {
  const paths = data.models.map(({ model }) => model);
  /** @param {unknown} list @param {(one: any) => any} read */
  const byModel = (list, read) =>
    Object.fromEntries(paths.map((path, n) => [path, read(Array.isArray(list) ? list[n] : null)]));
  const marks = await Promise.all(
    (Array.isArray(view.a) ? view.a : []).slice(0, 2).map(async (mark) => {
      if (typeof mark !== "object" || mark === null) return null;
      const image = Number.isInteger(mark.x) && mark.x >= 0 && mark.x < pictures.count;
      if (image) await pictures.ready(mark.x);
      const place = packed(mark.p) && mark.p.length === 2 ? mark.p : null;
      return {
        x: image ? pack(pictures.get(mark.x)) : unlevelled(mark.x),
        place,
        ends: byModel(mark.e, packed),
      };
    }),
  );
  const { x, l } = view;
  const strokes = x && Array.isArray(x.k) ? x.k.map(stroke) : undefined;
  return {
    shape: String(view.s),
    search: "",
    x: !x
      ? null
      : { taken: x.t ? unlevelled(x.t) : undefined, strokes, base: x.b ? unlevelled(x.b) : null },
    manifold: view.m === 1,
    path: String(view.p),
    tab: typeof view.t === "string" ? view.t : null,
    codes: byModel(view.z, packed),
    share: typeof view.w === "number" ? view.w : null,
    windows: byModel(view.o, (range) => range),
    hidden: Array.isArray(view.h) ? view.h.slice(0, 1000).map(String) : [],
    lasso:
      Array.isArray(l) && typeof l[1] === "string" && paths[l[0]]
        ? { model: paths[l[0]], images: imagesOf(l[1], pictures.count) }
        : null,
    marks,
  };
}

/** Show a link's view on its page; another page's is left alone. @param {any} page @param {string} text @returns {Promise<boolean>} whether it was this page's */
export async function open(page, text) {
  const view = await decode(text);
  if (view.g !== nameOf(page)) return false;
  const shape = String(page.pictures.shape);
  if (view.s !== shape)
    throw new LinkError(`${WRONG} it is of pictures of another size than ${shape}.`);
  let record;
  try {
    record = await expand(view, page);
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError(`${WRONG} a part of it is not what it should be.`);
  }
  if (page.keeper) {
    page.keeper.apply(record);
    page.change("x").change("film");
  } else {
    const x = takeInput(page, record.x);
    if (x) page.setInput(x, null, true);
  }
  if (view.x || !page.data.drawn || !page.keeper) {
    page.fault(""); // what is said of an x that an address does not hold
    page.settle();
  } else page.keeper.sayLost();
  return true;
}
