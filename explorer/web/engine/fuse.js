// Ops that become part of others: they cost nothing then.

import { OPS } from "./ops.js";

/** @typedef {import("./program.js").Node} Node @typedef {import("./layout.js").Value} Value */

/** The slope below 0 of what is max(x, slope · x); null of what is not. @param {Node} node */
function slopeOf({ op, spec }) {
  const slope = op === "relu" ? 0 : op === "leaky_relu" ? (spec.slope ?? 0.01) : null;
  return slope !== null && slope >= 0 && slope <= 1 ? slope : null;
}

/** By how much a node enlarges by whole repetition; null where it does not. @param {Node | undefined} node */
function factorOf(node) {
  if (node?.op !== "upsample" || node.spec.mode === "bilinear") return null;
  const [from, to] = [node.inputs[0], node.output];
  /** @type {[number, number]} */
  const factor = [to.height / from.height, to.width / from.width];
  return factor.every(Number.isInteger) ? factor : null;
}

/**
 * Make a node part of the layer before it, if it can be; whether it could.
 * @param {Node} node @param {Node | undefined} before that makes its input, and for it alone
 */
function join(node, before) {
  if (!before || !OPS[before.op].prepare || before.slope !== 1) return false;
  const slope = slopeOf(node);
  if (slope !== null) before.slope = slope;
  else if (node.op === "affine" && !before.fold) before.fold = node.spec;
  else return false;
  before.output = node.output;
  return true;
}

/**
 * @param {{nodes: Node[], x: Value, outputs: Value[]}} program whose input is `x`
 * @returns {{nodes: Node[], x: Value, outputs: Value[]}}
 */
export function fuse({ nodes, x, outputs }) {
  /** @type {Map<Value, Node>} */
  const makers = new Map();
  const dropped = new Set();
  for (const node of nodes) {
    const [input] = node.inputs;
    const before = input?.users === 1 ? makers.get(input) : undefined;
    if (node.op === "reshape" && input === x && x.users === 1) {
      x = node.output; // it comes in that shape
      dropped.add(node);
    } else if (join(node, before)) {
      dropped.add(node);
      makers.set(node.output, /** @type {Node} */ (before));
    } else {
      const factor =
        node.op === "conv" && String(node.spec.stride ?? [1, 1]) === "1,1" && factorOf(before);
      if (before && factor) {
        node.factor = factor;
        node.inputs = before.inputs;
        dropped.add(before);
      }
      makers.set(node.output, node);
    }
  }
  // Where only the shape changes before a value comes out, it comes out as it was.
  outputs = outputs.map((value) => {
    for (
      let node = makers.get(value);
      node?.op === "reshape" && value.users === 1;
      node = makers.get(value)
    ) {
      dropped.add(node);
      [value] = node.inputs;
    }
    return value;
  });
  return { nodes: nodes.filter((node) => !dropped.has(node)), x, outputs };
}
