// What an object holds is to be seen where it is made: a class's fields are first set in its
// constructor, or in that of a class that it extends.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

/**
 * @typedef {any} Node of a syntax tree (ESTree)
 * @typedef {{name: string, base: string, made: Set<string>, late: {field: string, line: number}[]}} Class
 *   which fields are set where it is made, and which elsewhere
 */

const WEB = new URL("../../explorer/web/", import.meta.url);
// Without node_modules the other tests run all the same.
const espree = await import("espree").catch(() => null);

/** The field of `this` that a node writes to; undefined where it is none. @param {Node} target */
const fieldOf = (target) =>
  target?.type === "MemberExpression" && target.object.type === "ThisExpression" && !target.computed
    ? String(target.property.name)
    : undefined;

/** The fields of `this` that a node sets by itself. @param {Node} node @returns {string[]} */
function fieldsSet(node) {
  if (node.type === "AssignmentExpression") return patternFields(node.left);
  if (node.type === "UpdateExpression") return patternFields(node.argument);
  const assigns =
    node.type === "CallExpression" &&
    node.callee.object?.name === "Object" &&
    node.callee.property?.name === "assign" &&
    node.arguments[0]?.type === "ThisExpression";
  if (!assigns) return [];
  return node.arguments
    .slice(1)
    .flatMap((/** @type {Node} */ { type, properties }) =>
      type === "ObjectExpression"
        ? properties.map((/** @type {Node} */ { key }) => key?.name ?? "…")
        : ["…"],
    );
}

/** Also those within `[this.a, this.b] = …` and `({ x: this.a } = …)`. @param {Node} target @returns {string[]} */
function patternFields(target) {
  const field = fieldOf(target);
  if (field) return [field];
  const parts = target?.elements ?? target?.properties?.map((/** @type {Node} */ p) => p.value);
  return (parts ?? []).filter(Boolean).flatMap(patternFields);
}

/**
 * Visit a node and all below it, but for classes and functions with a `this` of their own.
 * @param {Node} node @param {boolean} later whether it runs some time later @param {(node: Node, later: boolean) => void} visit
 */
function walk(node, later, visit) {
  visit(node, later);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type !== "string" || /^(Class|Function)/.test(child.type)) continue;
      walk(child, later || child.type === "ArrowFunctionExpression", visit);
    }
}

/** All classes of a module. @param {string} text @returns {Class[]} */
function classesOf(text) {
  /** @type {Class[]} */
  const found = [];
  const tree = espree?.parse(text, { ecmaVersion: 2022, sourceType: "module", loc: true });
  const all = (/** @type {Node} */ node) => {
    if (/^Class(Declaration|Expression)$/.test(node.type)) found.push(classOf(node));
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value])
        if (typeof child?.type === "string") all(child);
  };
  all(tree);
  return found;
}

/** @param {Node} node @returns {Class} */
function classOf(node) {
  /** @type {Class} */
  const made = {
    name: node.id?.name ?? "",
    base: node.superClass?.name ?? "",
    made: new Set(),
    late: [],
  };
  for (const member of node.body.body) {
    const { key, value, kind, type } = member;
    // A setter's field is no field of its own; what it writes to is.
    if (type === "PropertyDefinition" || kind === "set") made.made.add(key.name);
    if (!value?.body) continue;
    walk(value.body, kind !== "constructor", (inner, later) => {
      for (const field of fieldsSet(inner))
        if (!later) made.made.add(field);
        else made.late.push({ field, line: inner.loc.start.line });
    });
  }
  return made;
}

/** The fields that are set first after an object was made. @param {Map<string, string>} modules their texts, by name */
function lateFields(modules) {
  const all = [...modules].flatMap(([module, text]) =>
    classesOf(text).map((one) => ({ module, ...one })),
  );
  const byName = new Map(all.map((one) => [one.name, one]));
  /** @type {(name: string, field: string) => boolean} */
  const declared = (name, field) => {
    const one = byName.get(name);
    return Boolean(one && (one.made.has(field) || declared(one.base, field)));
  };
  return all.flatMap(({ module, name, base, made, late }) =>
    late
      .filter(({ field }) => !made.has(field) && !declared(base, field))
      .map(({ field, line }) => `${module}:${line} ${name}.${field}`),
  );
}

const skip = espree ? false : "no node_modules here";

test("a field that is set first in a method or in a listener is found", { skip }, () => {
  const text = `
    class Base { constructor() { this.a = 1; [this.b, this.c] = [2, 3]; } }
    class Derived extends Base {
      d = 4;
      constructor(host) { super(); host.onclick = () => (this.e = 5); }
      set f(value) { this.a = value; }
      change() { this.a = this.b = this.c = this.d = this.f = 0; this.g += 1; this.h++; }
      more() { Object.assign(this, { a: 1, i: 2 }); if (this.a) ({ x: this.j } = this); }
      other() { return function () { this.k = 1; }; }
    }`;
  const found = lateFields(new Map([["m.js", text]]));
  assert.deepEqual(
    found.map((one) => one.split(".").at(-1)),
    ["e", "g", "h", "i", "j"],
  );
  assert.equal(found[0], "m.js:5 Derived.e");
});

test("each class of the browser's sets its fields where it is made", { skip }, () => {
  const names = readdirSync(WEB, { recursive: true, encoding: "utf8" });
  const modules = new Map(
    names
      .filter((name) => name.endsWith(".js"))
      .map((name) => [name, readFileSync(new URL(name.replaceAll("\\", "/"), WEB), "utf8")]),
  );
  const classes = [...modules.values()].flatMap(classesOf).map(({ name }) => name);
  assert.ok(classes.length > 20, "no classes were found");
  assert.equal(new Set(classes).size, classes.length, "two classes have one name");
  assert.deepEqual(lateFields(modules), []);
});
