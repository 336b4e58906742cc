// SPDX-License-Identifier: Apache-2.0

// A classic script in the head: what the reader prefers, as far as the first paint and the first requests want it.
(() => {
  const remembered = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      // Without storage the system's theme holds, and the browser's language.
      return null;
    }
  };
  const { dataset } = document.documentElement;
  // The page around the chat may say both (frame.js).
  const given = new URLSearchParams(parent === window ? "" : location.search);
  const theme = given.get("theme") ?? remembered("halls.theme");
  if (theme === "light" || theme === "dark") dataset.theme = theme;
  // As language.js chooses, which says in the end. Its file comes along with the modules, and not after them.
  const tags = [given.get("lang"), remembered("halls.language"), ...(navigator.languages ?? [navigator.language])];
  const codes = tags.map((tag) => /^(?:en|es)(?![a-z])/iu.exec(tag)?.[0].toLowerCase());
  dataset.speaks = codes.find((code) => code !== undefined) ?? "en";
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = new URL(`${dataset.speaks}.js`, document.currentScript.src);
  document.head.append(link);
})();
