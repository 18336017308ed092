// q(z|x) in numbers: mean, standard deviation and KL of each dimension, most informative first.

import { brief, dimensionName, signed, write } from "../widgets/dom.js";

const SHOWN = 10;

/** Text of a stranger's, as HTML. @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** The first and the last of a table's heads. @param {HTMLElement} rows the table's body */
function heads(rows) {
  const cells = rows.closest("table").querySelectorAll("thead th");
  return { first: cells[0], last: cells[cells.length - 1] };
}

/**
 * @param {HTMLElement} rows the table's body
 * @param {import("../session/model_view.js").ModelView} view its q(z|x), a row a slider, in their order
 */
export function paintPosterior(rows, { posterior, dims, coordinates, vae }) {
  const { mu, std, klPerDim } = posterior;
  const line = (dim, n) => {
    const { index, active, choice, share } = dim;
    const at = coordinates[n];
    const kl = share === undefined ? brief(klPerDim[index], 2) : `${(100 * share).toFixed(0)} %`;
    const name = escaped(dimensionName(dim));
    if (choice) {
      const option = escaped(choice.options[mu[index]] ?? "");
      const told = choice.kind === "label" ? "given" : kl;
      return `<tr><th>${name}</th><td class="option" colspan="2" title="${option}">${option}</td><td>${told}</td></tr>`;
    }
    const cells = [signed(at.read(mu)), at.spread(std).toFixed(3), vae.prior.hasDensity ? kl : "–"];
    const inside = cells.map((cell) => `<td>${cell}</td>`).join("");
    return `<tr${active ? "" : ' class="inactive"'}><th>${name}</th>${inside}</tr>`;
  };
  const along = dims.some(({ share }) => share !== undefined);
  const { first, last } = heads(rows);
  write(first, along ? "by variance" : vae.prior.hasDensity ? "by mean KL" : "");
  write(last, along ? "share" : "KL");
  // The choices come first here: there are few, and they are at the end of a code.
  const lines = dims.map(line);
  const of = (choice) => lines.filter((_, n) => Boolean(dims[n].choice) === choice);
  const all = [...of(true), ...of(false)];
  const left = all.length - SHOWN;
  const more = left > 0 ? `<tr><td colspan="4">and ${left} more</td></tr>` : "";
  rows.innerHTML = all.slice(0, SHOWN).join("") + more;
}
