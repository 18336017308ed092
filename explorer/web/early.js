// Loads the page's modules while the server still gathers what they will show.

export function show(_parent, data) {
  // What goes wrong here is met again, and told, where it is needed.
  import(new URL(data.main, data.root).href).catch(() => {});
}
