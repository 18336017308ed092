// Loads the page's modules while the server still gathers what they will show.

/**
 * @param {HTMLElement} _parent
 * @param {{main: string, root: string}} data its path, relative to the app's root
 */
export function show(_parent, data) {
  // A fault here is met again, and shown, where the module is needed.
  import(new URL(data.main, data.root).href).catch(() => {});
}
