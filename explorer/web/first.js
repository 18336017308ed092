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

// What stands behind the # is taken off the address with its first change: a link's view is kept for the page, and the
// theme goes where the framework looks for it. It is shown once; what the hand makes of it stays in the tab.
{
  const read = () => {
    const carried = new URLSearchParams(location.hash.slice(1));
    if (!carried.has("view") && !carried.has("theme")) return false;
    globalThis.openedWith = location.hash;
    const theme = { light: "Light", dark: "Dark" }[carried.get("theme") ?? ""];
    try {
      if (theme)
        localStorage.setItem(`stActiveTheme-${location.pathname}-v2`, JSON.stringify(theme));
    } catch {
      // A browser that keeps nothing has the system's theme.
    }
    history.replaceState(history.state, "", location.pathname + location.search);
    return true;
  };
  globalThis.openedWith = "";
  read();
  addEventListener("hashchange", () => /[#&]view=/.test(location.hash) && location.reload());
}

// A lesson's place, what is hidden and the lecture hall's look are the browser's own part of an address: the page keeps
// them where the server writes the rest of it.
{
  const OWN = ["lesson", "step", "present", "hide"];
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const next = new URL(url ?? "", location.href);
    if (next.pathname === location.pathname) {
      const now = new URLSearchParams(location.search);
      for (const name of OWN) {
        const value = now.get(name);
        if (value === null) next.searchParams.delete(name);
        else next.searchParams.set(name, value);
      }
    }
    push(state, unused, next.pathname + next.search + next.hash);
  };
}

// The framework asks for its icons' font at once, 0.4 MB. It comes when an icon is seen, after the first picture.
{
  const load = document.fonts.load.bind(document.fonts);
  document.fonts.load = (font, ...text) =>
    font.includes("Material Symbols") ? Promise.resolve([]) : load(font, ...text);
}

// What is seen first has the theme that was chosen here, and stays until the page's own part is mounted, or until
// there is something else to see: a fault, a question, or a page that ended without one.
{
  try {
    const chosen = JSON.parse(
      localStorage.getItem(`stActiveTheme-${location.pathname}-v2`) ?? '""',
    );
    if (chosen === "Light" || chosen === "Dark")
      document.documentElement.style.setProperty("--opening", chosen.toLowerCase());
  } catch {
    // A browser that keeps nothing has the system's theme.
  }
  const there =
    ".stage:not(.train), .train .state:not([data-state='']), [data-testid=stException], [data-testid=stAlert], [role=dialog]";
  const ended = '.stApp[data-test-script-state="notRunning"] .brand';
  const SOON = 3000; // milliseconds that a page without any of them has to mount what it shows
  let ending = false;
  const leave = () => {
    watch.disconnect();
    document.querySelector(".opening")?.remove();
  };
  const watch = new MutationObserver(() => {
    if (document.querySelector(there)) {
      watch.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(leave)); // it has its place, and its first picture
    } else if (!ending && document.querySelector(ended)) {
      ending = true;
      setTimeout(leave, SOON);
    }
  });
  watch.observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-test-script-state"],
  });
}
