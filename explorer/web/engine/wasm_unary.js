// Functions of each number for itself, four at a time, in WebAssembly. Their twins are in kernels.js.

import { F32, Function_, I32, V128, code, simd } from "./assembler.js";

/** @typedef {import("./assembler.js").Bytes} Bytes */

const { get, set, advance, less, whilst, loadVector, storeVector, f32x4, i32x4 } = code;

/** @param {number} n of an instruction of two vectors @returns {(a: Bytes, b: Bytes) => Bytes} */
const two = (n) => (a, b) => [...a, ...b, ...simd(n)];
const add = two(0xe4);
const sub = two(0xe5);
const mul = two(0xe6);
const div = two(0xe7);
const least = two(0xe8);
const most = two(0xe9);
const above = two(0x44);
/** @param {Bytes} mask @param {Bytes} a where it is set @param {Bytes} b elsewhere @returns {Bytes} */
const select = (mask, a, b) => [...a, ...b, ...mask, ...simd(0x52)];
/** @param {Bytes} a @returns {Bytes} */
const abs = (a) => [...a, ...simd(0xe0)];
/** @param {Bytes} a @returns {Bytes} */
const negative = (a) => [...a, ...simd(0xe1)];
const ONE = f32x4(1);

/** c₀ + x·(c₁ + x·(c₂ + …)). @param {Bytes} x @param {number[]} coefficients @returns {Bytes} */
const polynomial = (x, [first, ...rest]) =>
  rest.length ? add(f32x4(first), mul(x, polynomial(x, rest))) : f32x4(first);

// exp(r) = 1 + r + r²·p(r) for |r| ≤ ln 2 / 2 (Moshier, Cephes, expf).
const EXP = [0.50000001201, 0.16666665459, 0.041665795894, 0.0083334519073];
EXP.push(0.0013981999507, 0.000198756915);
// erfc(y) = t·p(t)·exp(−y²), t = 1 / (1 + 0.3275911·y) (Abramowitz & Stegun, 7.1.26), to 1.5e-7.
const ERFC = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];

/**
 * The functions, of x and two numbers p and q, by their names. `e` is exp of what it is given, and `t`
 * keeps a vector for later.
 * @param {Bytes} x @param {Bytes} p @param {Bytes} q @param {(a: Bytes) => Bytes} e @param {number} t
 * @returns {Record<string, Bytes>}
 */
function functions(x, p, q, e, t) {
  /** x / (1 + exp(−a)). @param {Bytes} a */
  const gated = (a) => div(x, add(ONE, e(negative(a))));
  const square = mul(x, x);
  // 1 − Φ(|x|)
  const tail = [
    ...div(ONE, add(ONE, mul(f32x4(0.3275911 * Math.SQRT1_2), abs(x)))),
    ...set(t),
    ...mul(mul(mul(f32x4(0.5), get(t)), polynomial(get(t), ERFC)), e(mul(square, f32x4(-0.5)))),
  ];
  const scaled = mul(x, p);
  // log(1 + v) = 2 artanh(v / (2 + v)), v = exp(−|p·x|)
  const folded = [
    ...[...e(negative(abs(scaled))), ...set(t)],
    ...[...div(get(t), add(f32x4(2), get(t))), ...set(t)],
    ...mul(
      get(t),
      polynomial(mul(get(t), get(t)), [2, 2 / 3, 2 / 5, 2 / 7, 2 / 9, 2 / 11, 2 / 13]),
    ),
  ];
  return {
    exp: e(x),
    sigmoid: div(ONE, add(ONE, e(negative(x)))),
    silu: gated(x),
    tanh: sub(div(f32x4(2), add(ONE, e(mul(f32x4(-2), x)))), ONE),
    elu: select(above(x, f32x4(0)), x, mul(p, sub(e(least(x, f32x4(0))), ONE))),
    gelu: mul(x, [
      ...[...tail, ...set(t)],
      ...select(above(x, f32x4(0)), sub(ONE, get(t)), get(t)),
    ]),
    gelu_tanh: gated(
      mul(x, add(f32x4(2 * Math.sqrt(2 / Math.PI)), mul(f32x4(0.07135481627), square))),
    ),
    softplus: [
      ...[...folded, ...set(t)],
      ...select(above(scaled, q), x, add(most(x, f32x4(0)), div(get(t), p))),
    ],
    leaky_relu: select(above(x, f32x4(0)), x, scaled),
    clamp: least(most(x, p), q),
    scale: scaled,
  };
}

/**
 * A function over numbers from `from` to `end`, whose values go to `to`; its numbers p and q.
 * @param {string} name
 */
function pass(name) {
  const f = new Function_(name, I32, I32, I32, F32, F32);
  const [from, end, to, first, second] = [0, 1, 2, 3, 4];
  const [x, p, q, n, r, t] = f.some(6, V128);
  /** @param {Bytes} a @returns {Bytes} */
  const exp = (a) => [
    ...[...least(most(a, f32x4(-87.3)), f32x4(88.37)), ...set(r)],
    ...[...mul(get(r), f32x4(Math.LOG2E)), ...simd(0x6a), ...set(n)], // to the nearest whole number
    ...sub(sub(get(r), mul(get(n), f32x4(0.693359375))), mul(get(n), f32x4(-2.1219444e-4))),
    ...set(r),
    ...add(ONE, add(get(r), mul(mul(get(r), get(r)), polynomial(get(r), EXP)))),
    ...[...get(n), ...simd(0xf8), ...i32x4(127), ...simd(0xae)], // the exponent of 2ⁿ
    ...[...code.i32(23), ...simd(0xab)],
    ...simd(0xe6),
  ];
  const body = functions(get(x), get(p), get(q), exp, t)[name];
  return f.emit(
    [...get(first), ...simd(0x13), ...set(p), ...get(second), ...simd(0x13), ...set(q)],
    whilst(
      less(from, end),
      [...get(from), ...loadVector(), ...set(x)],
      [...get(to), ...body, ...storeVector()],
      advance(from, 16),
      advance(to, 16),
    ),
  );
}

/** All of them, as functions of a module. */
export const unaryFunctions = () => Object.keys(functions([], [], [], (a) => a, 0)).map(pass);
