// Stands in the page's head, before every other script.

// Each change of the address by the server is an entry of the browser's history, and the page that Back leads
// to writes its present view there again: nobody would get out. What a page says of itself takes the place of
// what it said before; another page is an entry.
{
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const stays = new URL(url ?? "", location.href).pathname === location.pathname;
    (stays ? history.replaceState.bind(history) : push)(state, unused, url);
  };
}

// The framework asks for its icons' font at once, 0.4 MB. It comes when an icon is seen, after the first picture.
{
  const load = document.fonts.load.bind(document.fonts);
  document.fonts.load = (font, ...text) =>
    font.includes("Material Symbols") ? Promise.resolve([]) : load(font, ...text);
}
