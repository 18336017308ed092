// q(z|x) in numbers: mean, standard deviation and KL of each dimension, most informative first.

import { brief, signed, zName } from "../widgets/dom.js";

const SHOWN = 10;

/** @param {HTMLElement} rows the table's body @param {import("../model/vae.js").Posterior} posterior @param {any[]} dims in the order of their KL */
export function paintPosterior(rows, posterior, dims) {
  const line = ({ index, active }) => {
    const cells = [
      signed(posterior.mu[index]),
      posterior.std[index].toFixed(3),
      brief(posterior.klPerDim[index], 2),
    ];
    const inside = cells.map((cell) => `<td>${cell}</td>`).join("");
    return `<tr${active ? "" : ' class="inactive"'}><th>${zName(index)}</th>${inside}</tr>`;
  };
  const left = dims.length - SHOWN;
  const more = left > 0 ? `<tr><td colspan="4">and ${left} more</td></tr>` : "";
  rows.innerHTML = dims.slice(0, SHOWN).map(line).join("") + more;
}
