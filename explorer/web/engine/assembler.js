// WebAssembly's binary format, as much of it as the kernels need.
// Source: WebAssembly Core Specification 2.0, section 5, and its proposal "relaxed SIMD".

/** @typedef {(number | Code)[]} Code bytes in lists, and in lists of lists */

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;
const NO_RESULT = 0x40;
const ADD = 0x6a;

/** An unsigned number as LEB128. @param {number} n @returns {Code} */
export const unsigned = (n) => (n < 128 ? [n] : [(n & 127) | 128, unsigned(n >>> 7)]);

/** A signed one. @param {number} n @returns {Code} */
const signed = (n) => (n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, signed(n >> 7)]);

/** @param {Code} code @returns {number[]} */
const flat = (code) => code.flatMap((part) => (typeof part === "number" ? part : flat(part)));

/** With its length before it. @param {Code} bytes @returns {Code} */
const sized = (bytes) => {
  const all = flat(bytes);
  return [unsigned(all.length), ...all];
};

/** @param {string} text */
const named = (text) => sized([...new TextEncoder().encode(text)]);

/** @param {Code[]} items @returns {Code} */
const vector = (items) => [unsigned(items.length), items];

/** @param {number} id @param {Code[]} items @returns {Code} */
const section = (id, items) => [id, sized(vector(items))];

/** A vector instruction by its number. @param {number} n @param {...number} rest @returns {Code} */
export const simd = (n, ...rest) => [0xfd, unsigned(n), rest.map(unsigned)];

/** Instructions, each a list of bytes. */
export const code = {
  /** @param {number} local @returns {Code} */
  get: (local) => [0x20, unsigned(local)],
  /** @param {number} local @returns {Code} */
  set: (local) => [0x21, unsigned(local)],
  /** @param {number} n @returns {Code} */
  i32: (n) => [0x41, signed(n)],
  /** @param {number} x four times @returns {Code} */
  f32x4: (x) => [simd(12), ...new Uint8Array(Float32Array.of(x, x, x, x).buffer)],
  /** @param {number} n four times @returns {Code} */
  i32x4: (n) => [simd(12), ...new Uint8Array(Int32Array.of(n, n, n, n).buffer)],
  /** An i32 from the address on top. @param {number} [offset] @returns {Code} */
  load: (offset = 0) => [0x28, 2, offset],
  /** @param {number} [offset] */
  loadVector: (offset = 0) => simd(0, 0, offset),
  /** Four times the float there. @param {number} [offset] */
  loadSplat: (offset = 0) => simd(9, 2, offset),
  /** @param {number} [offset] */
  storeVector: (offset = 0) => simd(11, 0, offset),
  /** Add a number to a local. @param {number} local @param {number} n @returns {Code} */
  advance: (local, n) => [code.get(local), code.i32(n), ADD, code.set(local)],
  /** Add two locals into a third. @param {number} to @param {number} a @param {number} b @returns {Code} */
  sum: (to, a, b) => [code.get(a), code.get(b), ADD, code.set(to)],
  /** @param {number} a @param {number} b locals @returns {Code} */
  less: (a, b) => [code.get(a), code.get(b), 0x48],
  /** A body that runs as long as a condition holds, and not at all where it does not at first.
   * @param {Code} condition @param {...Code} body @returns {Code} */
  whilst: (condition, ...body) => [
    ...[condition, 0x04, NO_RESULT, 0x03, NO_RESULT],
    ...[body, condition, 0x0d, 0, 0x0b, 0x0b],
  ],
  /** @param {number} index of a function @returns {Code} */
  call: (index) => [0x10, unsigned(index)],
};

/** A function in the making: parameters first, then locals as they are asked for. */
export class Function_ {
  /** @param {string} name it is exported by, or "" @param {...number} parameters their types */
  constructor(name, ...parameters) {
    this.name = name;
    this.parameters = parameters;
    /** @type {number[]} */
    this.locals = [];
    /** @type {Code} */
    this.body = [];
  }

  /** A new local. @param {number} type */
  local(type) {
    return this.parameters.length + this.locals.push(type) - 1;
  }

  /** @param {number} count @param {number} type */
  some(count, type) {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** @param {...Code} parts */
  emit(...parts) {
    this.body.push(...parts);
    return this;
  }
}

/**
 * A module of functions without results, over a memory that it imports as "e" "m".
 * @param {Function_[]} functions in the order of their numbers
 */
export function assemble(functions) {
  /** @type {Code} */
  const module = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(
      1,
      functions.map(({ parameters }) => [0x60, vector(parameters.map((p) => [p])), 0]),
    ),
    section(2, [[named("e"), named("m"), 2, 0, 1]]),
    section(
      3,
      functions.map((_, n) => unsigned(n)),
    ),
    section(
      7,
      functions.flatMap(({ name }, n) => (name ? [[named(name), 0, unsigned(n)]] : [])),
    ),
    section(
      10,
      functions.map(({ locals, body }) =>
        sized([vector(locals.map((type) => [1, type])), body, 0x0b]),
      ),
    ),
  ];
  return Uint8Array.from(flat(module));
}
