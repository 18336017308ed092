import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import globals from "globals";

const WEB = "explorer/web/**/*.js";
const OFF_PAGE = ["explorer/web/engine/**/*.js", "explorer/web/model/**/*.js"];

export default defineConfig([
  { ignores: ["explorer/web/vendor/**"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    files: [WEB],
    rules: {
      "max-lines": ["error", { max: 350 }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: [WEB],
    ignores: OFF_PAGE,
    languageOptions: { globals: { ...globals.browser, Plotly: "readonly" } },
  },
  {
    files: OFF_PAGE,
    languageOptions: { globals: globals.worker },
    rules: {
      "no-restricted-globals": [
        "error",
        ...["document", "window", "HTMLElement"].map((name) => ({
          name,
          message: "The engine and the model run in a worker too, where there is no page.",
        })),
      ],
    },
  },
  {
    files: ["tests/web/**/*.js", "*.js"],
    languageOptions: { globals: globals.node },
  },
]);
