// What a page gives as a file.

/** Have the browser save a file. @param {string} name @param {Blob} content */
export function save(name, content) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(content);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
