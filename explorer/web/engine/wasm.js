// The kernels as WebAssembly, in two variants: with the multiply-add of relaxed SIMD, and without.

import { F32, Function_, I32, V128, assemble, code, simd } from "./assembler.js";
import { unaryFunctions } from "./wasm_unary.js";

/** @typedef {import("./assembler.js").Code} Code */

const { get, set, advance, sum, less, whilst, load, loadVector, loadSplat, storeVector } = code;
const MUL = simd(0xe6);
const ADD = simd(0xe4);
const PMAX = simd(0xeb);
const MADD = simd(0x105);
const SPLAT = simd(0x13);

// Rows that a tile takes at once, by the vectors of its columns: as many sums as there are registers.
const HEIGHTS = {
  fma: { 2: [6, 4, 2, 1], 1: [8, 4, 1] },
  simd: { 2: [4, 2, 1], 1: [8, 4, 1] },
};

/** @typedef {keyof typeof HEIGHTS} Variant */

/**
 * A tile: so many windows by so many vectors of outputs. Sums begin at the bias; at the end they are
 * max(x, slope · x).
 * @param {Variant} variant @param {number} height @param {1 | 2} vectors
 */
function tile(variant, height, vectors) {
  const f = new Function_("", ...Array(7).fill(I32), F32);
  const [rows, outs, taps, end, k, w, column, slope] = Array.from({ length: 8 }, (_, n) => n);
  const [offset, stop] = f.some(2, I32);
  const base = f.some(height, I32);
  const at = f.some(height, I32);
  // A single row would wait for its own sums: it takes every other number in others.
  const chains = height === 1 ? 2 : 1;
  const sums = Array.from({ length: chains * height }, () => f.some(vectors, V128));
  const weights = f.some(vectors, V128);
  const x = f.local(V128);
  const fused = (/** @type {number} */ to, /** @type {number} */ weight) =>
    variant === "fma"
      ? [get(x), get(weight), get(to), MADD, set(to)]
      : [get(to), get(x), get(weight), MUL, ADD, set(to)];

  base.forEach((b, r) => f.emit(get(rows), load(4 * r), set(b)));
  for (let v = 0; v < vectors; v++)
    for (let r = 0; r < height; r++) f.emit(get(w), loadVector(16 * v), set(sums[r][v]));
  f.emit(advance(w, 16 * vectors));
  /** @type {Code} */
  const inner = [];
  for (let i = 0; i < 4; i++) {
    for (let v = 0; v < vectors; v++)
      inner.push(get(w), loadVector(16 * (vectors * i + v)), set(weights[v]));
    for (let r = 0; r < height; r++) {
      inner.push(get(at[r]), loadSplat(4 * i), set(x));
      const chain = (i % chains) * height + r;
      for (let v = 0; v < vectors; v++) inner.push(fused(sums[chain][v], weights[v]));
    }
  }
  for (const a of at) inner.push(advance(a, 16));
  f.emit(
    whilst(
      less(taps, end),
      [get(taps), load(), set(offset), advance(taps, 4)],
      at.map((a, r) => sum(a, base[r], offset)),
      sum(stop, at[0], k),
      whilst(less(at[0], stop), inner, advance(w, 64 * vectors)),
    ),
    [get(slope), SPLAT, set(x)],
  );
  for (let r = 0; r < height; r++)
    for (let v = 0; v < vectors; v++) {
      const made = sums[r][v];
      if (chains > 1) f.emit(get(made), get(sums[height + r][v]), ADD, set(made));
      f.emit(get(outs), load(4 * r), get(column), [0x6a]);
      f.emit(get(made), get(made), get(x), MUL, PMAX, storeVector(16 * v));
    }
  return f;
}

/**
 * All tiles of a layer: for each panel of weights, all windows.
 * @param {string} name @param {number} first function of the tiles @param {number[]} heights @param {1 | 2} vectors
 */
function layer(name, first, heights, vectors) {
  const f = new Function_(name, ...Array(10).fill(I32), F32);
  const [rows, outs, count, taps, end, k, w, panel, blocks, column, slope] = Array.from(
    { length: 11 },
    (_, n) => n,
  );
  const [row, out, left, limit] = f.some(4, I32);
  const none = f.local(I32);
  const begin = [get(rows), set(row), get(outs), set(out), get(count), set(left)];
  const tiles = heights.map((height, n) => [
    ...[code.i32(height - 1), set(limit)],
    whilst(
      less(limit, left),
      [row, out, taps, end, k, w, column, slope].map(get),
      code.call(first + n),
      advance(row, 4 * height),
      advance(out, 4 * height),
      advance(left, -height),
    ),
  ]);
  return f.emit(
    whilst(
      less(none, blocks),
      begin,
      tiles,
      sum(w, w, panel),
      advance(column, 16 * vectors),
      advance(blocks, -1),
    ),
  );
}

/** The bytes of a variant. @param {Variant} variant */
export function kernelBytes(variant) {
  const [wide, narrow] = [HEIGHTS[variant][2], HEIGHTS[variant][1]];
  return assemble([
    ...wide.map((height) => tile(variant, height, 2)),
    ...narrow.map((height) => tile(variant, height, 1)),
    layer("layer8", 0, wide, 2),
    layer("layer4", wide.length, narrow, 1),
    ...unaryFunctions(),
  ]);
}
