// What the browser's modules find in the page beside what every browser has.

/** plotly.js, once it has been loaded; its package brings no types. */
declare var Plotly: any;

interface History {
  /** Set where the page folds its own entries of the history into one. */
  foldsViews?: boolean;
}

/** What stood behind the # when the page was opened, where its host takes that away. */
declare var openedWith: string | undefined;
