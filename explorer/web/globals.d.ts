// What the browser's modules find in the page beside what every browser has.

/** plotly.js, once it has been loaded; its package brings no types. */
declare var Plotly: any;

interface History {
  /** Set where the page folds its own entries of the history into one. */
  foldsViews?: boolean;
}

/** Modules of a hand-out, which are functions there (web/handout/boot.js). */
declare var define: (
  path: string,
  make: (
    exports: object,
    need: (path: string) => any,
    later: (path: string) => Promise<any>,
  ) => void,
) => void;
declare var need: (path: string) => any;
declare var later: (path: string) => Promise<any>;

/** The files of a hand-out (web/handout/packs.js). */
declare var packs: {
  files: Map<string, Uint8Array<ArrayBuffer>>;
  get(path: string): Promise<Uint8Array<ArrayBuffer> | null>;
  worker(...modules: string[]): string;
  arrived(name: string): void;
};

/** What stood behind the # when the page was opened, where its host takes that away. */
declare var openedWith: string | undefined;
