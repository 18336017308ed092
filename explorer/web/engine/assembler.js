// WebAssembly's binary format, as much of it as the kernels need.
// Source: WebAssembly Core Specification 2.0, section 5, and its proposal "relaxed SIMD".

/** @typedef {number[]} Bytes */

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;
const NO_RESULT = 0x40;

/** An unsigned number as LEB128. @param {number} n @returns {Bytes} */
export const unsigned = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]);

/** A signed one. @param {number} n @returns {Bytes} */
const signed = (n) => (n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)]);

/** @param {string} text @returns {Bytes} */
const named = (text) => [...unsigned(text.length), ...new TextEncoder().encode(text)];

/** @param {Bytes[]} items @returns {Bytes} */
const vector = (items) => [...unsigned(items.length), ...items.flat()];

/** @param {number} id @param {Bytes} content @returns {Bytes} */
const section = (id, content) => [id, ...unsigned(content.length), ...content];

/** A vector instruction by its number. @param {number} n @param {...number} rest @returns {Bytes} */
export const simd = (n, ...rest) => [0xfd, ...unsigned(n), ...rest.flatMap(unsigned)];

/** Instructions, each a list of bytes. */
export const code = {
  /** @param {number} local */
  get: (local) => [0x20, ...unsigned(local)],
  /** @param {number} local */
  set: (local) => [0x21, ...unsigned(local)],
  /** @param {number} n */
  i32: (n) => [0x41, ...signed(n)],
  /** @param {number} x four times @returns {Bytes} */
  f32x4: (x) => [...simd(12), ...new Uint8Array(Float32Array.of(x, x, x, x).buffer)],
  /** @param {number} n four times @returns {Bytes} */
  i32x4: (n) => [...simd(12), ...new Uint8Array(Int32Array.of(n, n, n, n).buffer)],
  /** An i32 from the address on top. */
  load: [0x28, 2, 0],
  add: [0x6a],
  /** @param {number} [offset] */
  loadVector: (offset = 0) => simd(0, 0, offset),
  /** Four times the float there. @param {number} [offset] */
  loadSplat: (offset = 0) => simd(9, 2, offset),
  /** @param {number} [offset] */
  storeVector: (offset = 0) => simd(11, 0, offset),
  /** Add a number to a local. @param {number} local @param {number} n @returns {Bytes} */
  advance: (local, n) => [...code.get(local), ...code.i32(n), 0x6a, ...code.set(local)],
  /** Add a local to another. @param {number} local @param {number} by @returns {Bytes} */
  grow: (local, by) => [...code.get(local), ...code.get(by), 0x6a, ...code.set(local)],
  /** @param {number} a @param {number} b locals @returns {Bytes} */
  less: (a, b) => [...code.get(a), ...code.get(b), 0x48],
  /** A body that runs as long as a condition holds, and not at all where it does not at first.
   * @param {Bytes} condition @param {...Bytes} body @returns {Bytes} */
  whilst: (condition, ...body) => [
    ...[...condition, 0x04, NO_RESULT, 0x03, NO_RESULT],
    ...body.flat(),
    ...[...condition, 0x0d, 0, 0x0b, 0x0b],
  ],
  /** @param {number} index of a function */
  call: (index) => [0x10, ...unsigned(index)],
};

/** A function in the making: parameters first, then locals as they are asked for. */
export class Function_ {
  /** @param {string} name it is exported by, or "" @param {...number} parameters their types */
  constructor(name, ...parameters) {
    this.name = name;
    this.parameters = parameters;
    /** @type {number[]} */
    this.locals = [];
    /** @type {Bytes} */
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

  /** @param {...Bytes} parts */
  emit(...parts) {
    for (const part of parts) this.body.push(...part);
    return this;
  }
}

/**
 * A module of functions without results, over a memory that it imports as "e" "m".
 * @param {Function_[]} functions in the order of their numbers
 */
export function assemble(functions) {
  const types = functions.map(({ parameters }) => [0x60, ...vector(parameters.map((p) => [p])), 0]);
  const exported = functions.flatMap(({ name }, n) =>
    name ? [[...named(name), 0, ...unsigned(n)]] : [],
  );
  const bodies = functions.map(({ locals, body }) => {
    const content = [...vector(locals.map((type) => [1, type])), ...body, 0x0b];
    return [...unsigned(content.length), ...content];
  });
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, [1, ...named("e"), ...named("m"), 2, 0, 1]),
    ...section(3, vector(functions.map((_, n) => unsigned(n)))),
    ...section(7, vector(exported)),
    ...section(10, vector(bodies)),
  ]);
}
