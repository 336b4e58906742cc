// SPDX-License-Identifier: Apache-2.0

// A classic script in the head, so that the first paint has the chosen theme already.
(() => {
  try {
    const theme = JSON.parse(localStorage.getItem("halls.theme"));
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage the system's theme holds.
  }
})();
