// Functions of each number for itself that take an exponential, four at a time, in WebAssembly. Their twins
// are in kernels.js, and so are those that JavaScript computes as fast.

import { Function_, I32, V128, code, simd } from "./assembler.js";

/** @typedef {import("./assembler.js").Code} Code */

const { get, set, advance, less, whilst, loadVector, storeVector, f32x4, i32x4 } = code;

/** @param {number} n of an instruction of two vectors @returns {(a: Code, b: Code) => Code} */
const two = (n) => (a, b) => [a, b, simd(n)];
const add = two(0xe4);
const sub = two(0xe5);
const mul = two(0xe6);
const div = two(0xe7);
const least = two(0xe8);
const most = two(0xe9);
/** @param {Code} a @returns {Code} */
const negative = (a) => [a, simd(0xe1)];
const ONE = f32x4(1);

/** c₀ + x·(c₁ + x·(c₂ + …)). @param {Code} x @param {number[]} coefficients @returns {Code} */
const polynomial = (x, [first, ...rest]) =>
  rest.length ? add(f32x4(first), mul(x, polynomial(x, rest))) : f32x4(first);

// exp(r) = 1 + r + r²·p(r) for |r| ≤ ln 2 / 2 (Moshier, Cephes, expf).
const EXP = [0.50000001201, 0.16666665459, 0.041665795894, 0.0083334519073];
EXP.push(0.0013981999507, 0.000198756915);

/**
 * The functions of x by their names. `e` is exp of what it is given.
 * @param {Code} x @param {(a: Code) => Code} e
 * @returns {Record<string, Code>}
 */
function functions(x, e) {
  /** a / (1 + exp(−b)). @param {Code} a @param {Code} b */
  const gated = (a, b) => div(a, add(ONE, e(negative(b))));
  const cubic = add(f32x4(2 * Math.sqrt(2 / Math.PI)), mul(f32x4(0.07135481627), mul(x, x)));
  return {
    exp: e(x),
    sigmoid: gated(ONE, x),
    silu: gated(x, x),
    tanh: sub(gated(f32x4(2), mul(f32x4(2), x)), ONE),
    gelu_tanh: gated(x, mul(x, cubic)),
  };
}

/**
 * A function over numbers from `from` to `end`, whose values go to `to`.
 * @param {string} name
 */
function pass(name) {
  const f = new Function_(name, I32, I32, I32);
  const [from, end, to] = [0, 1, 2];
  const [x, n, r] = f.some(3, V128);
  /** @param {Code} a @returns {Code} */
  const exp = (a) => [
    ...[least(most(a, f32x4(-87.3)), f32x4(88.37)), set(r)],
    ...[mul(get(r), f32x4(Math.LOG2E)), simd(0x6a), set(n)], // to the nearest whole number
    sub(sub(get(r), mul(get(n), f32x4(0.693359375))), mul(get(n), f32x4(-2.1219444e-4))),
    set(r),
    add(ONE, add(get(r), mul(mul(get(r), get(r)), polynomial(get(r), EXP)))),
    ...[get(n), simd(0xf8), i32x4(127), simd(0xae)], // the exponent of 2ⁿ
    ...[code.i32(23), simd(0xab)],
    simd(0xe6),
  ];
  const body = functions(get(x), exp)[name];
  return f.emit(
    whilst(
      less(from, end),
      [get(from), loadVector(), set(x)],
      [get(to), body, storeVector()],
      advance(from, 16),
      advance(to, 16),
    ),
  );
}

/** All of them, as functions of a module. */
export const unaryFunctions = () => Object.keys(functions([], (a) => a)).map(pass);
