// What a page is given of the facts of a hand-out and of its address, as a server would say it.

/**
 * @typedef {{name: string, note: string, key: string, model: string, encoder: string, first: string,
 *   maps: Record<string, string>, typical: (number | null)[], image: number, latent_dim: number,
 *   terms: import("../model/terms.js").TermFacts | null, gaps: object | null}} Model
 * @typedef {{key: string, images: number, data: string, pictures: string, furthest: number,
 *   typical: (number | null)[], rates: object[], models: Model[], lessons?: Record<string, object>}} Facts
 * @typedef {import("./address.js").Address} Address
 */

export const ROOT = "handout:/";
export const MOST_BESIDE = 4;
const SECTIONS = 9;

/** A model as a page takes it, with one of its maps. @param {Model} model @param {string | null} kind */
function entryOf({ name, note, model, encoder, first, maps }, kind) {
  return { name, note, model, encoder, first, map: maps[kind ?? ""] ?? Object.values(maps)[0] };
}

/** The model that an address names, or the first. @param {Facts} facts @param {Address} address */
export function modelOf({ models }, address) {
  const named = address.text("checkpoint");
  return models.find(({ name }) => name === named) ?? models[0];
}

/** The models that stand beside each other. @param {Facts} facts @param {Address} address */
export function besideOf({ models }, address) {
  const names = models.map(({ name }) => name);
  const wanted = address.names("beside", names).slice(0, MOST_BESIDE);
  const chosen = wanted.length ? wanted : names.slice(0, 2);
  return chosen.flatMap((name) => models.filter((model) => model.name === name));
}

/** @param {Facts} facts @param {Address} address @param {Model} model */
const imageOf = (facts, address, model) =>
  address.whole("image", 0, facts.images - 1) ?? model.image;

/** Where x is said to be none of the images. @param {Address} address @param {string} name */
const drawnIn = (address, name) => address.text(name) === "drawn";

/** @param {Facts} facts @param {Address} address */
function exploreOf(facts, address) {
  const model = modelOf(facts, address);
  const { latent_dim: d } = model;
  return {
    key: model.key,
    models: [entryOf(model, address.text("map"))],
    typical: model.typical,
    start: { image: imageOf(facts, address, model), z: address.numbers("z", d, d) },
    message: Object.hasOwn(model.maps, "none")
      ? "This model has one latent dimension; a map needs two."
      : "",
    sees: { z: [], words: "" },
    drawn: drawnIn(address, "x"),
    terms: model.terms,
  };
}

/** @param {Facts} facts @param {Address} address */
function compareOf(facts, address) {
  const models = besideOf(facts, address);
  const place = address.numbers("place", 1, 2);
  const image = facts.typical.find((n) => n !== null) ?? 0;
  return {
    key: facts.key,
    models: models.map((model) => entryOf(model, null)),
    typical: facts.typical,
    furthest: facts.furthest,
    start: {
      image: address.whole("image", 0, facts.images - 1) ?? image,
      place: place?.every((v) => Math.abs(v) <= facts.furthest) ? place : null,
    },
    drawn: drawnIn(address, "x_beside"),
  };
}

/** @param {Facts} facts @param {Address} address */
function understandOf(facts, address) {
  const model = modelOf(facts, address);
  return {
    key: model.key,
    models: [entryOf(model, null)],
    typical: model.typical,
    start: {
      image: imageOf(facts, address, model),
      section: address.whole("section", 1, SECTIONS) ?? 1,
    },
    drawn: drawnIn(address, "x"),
    rates: facts.rates,
    gaps: model.gaps,
    katex: "",
  };
}

/** The pages, by their names: what each is given, its worker, and what it tells of itself, for the address. */
export const PAGES = {
  explore: {
    title: "Explore",
    given: exploreOf,
    worker: "model/worker.js",
    told: ({ image, z, drawn }) => ({ image, z: z.join(","), x: drawn ? "drawn" : null }),
  },
  compare: {
    title: "Compare",
    given: compareOf,
    worker: "model/worker.js",
    told: ({ image, place }) => ({
      ...(image === null ? {} : { image }),
      place: place && place.join(","),
      x_beside: image === null ? "drawn" : null,
    }),
  },
  understand: {
    title: "Understand",
    given: understandOf,
    worker: "model/worker_exact.js",
    told: ({ image, section, drawn }) => ({ image, section, x: drawn ? "drawn" : null, z: null }),
  },
};
