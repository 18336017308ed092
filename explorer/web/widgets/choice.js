// A group of buttons of which one is chosen.

/**
 * Arrow keys move within the group, Tab leaves it.
 * @param {HTMLElement} group @param {string} attribute `aria-checked` or `aria-selected`
 * @param {(button: HTMLButtonElement) => void} chosen
 * @returns {(button: HTMLButtonElement) => void} chooses one, without a hand
 */
export function oneOf(group, attribute, chosen) {
  const buttons = [...group.querySelectorAll("button")];
  const choose = (/** @type {HTMLButtonElement} */ button, focus = true) => {
    for (const other of buttons) {
      other.setAttribute(attribute, String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    if (focus) button.focus();
    chosen(button);
  };
  for (const [i, button] of buttons.entries()) {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(buttons[(i + step + buttons.length) % buttons.length]);
    });
  }
  return (button) => choose(button, false);
}
