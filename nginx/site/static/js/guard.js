// SPDX-License-Identifier: Apache-2.0

// A classic script in the head, which hears of what keeps the page from starting: a file that did not come, an exception in
// one that did. Then the page says so; where not even this script came, its style does after some seconds.
(() => {
  const fail = () => {
    const { body } = document;
    if (body?.dataset.screen !== "starting") return;
    body.dataset.screen = "broken";
    if (parent === window || document.hasFocus()) document.getElementById("start-again")?.focus();
  };
  // An element that could not load its file says so without bubbling.
  window.addEventListener("error", ({ target }) => {
    if (target === window || target?.tagName === "SCRIPT") fail();
  }, { capture: true });
  window.addEventListener("unhandledrejection", fail);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#start-again")) return;
    // Without this script the link leads to the same page, without the hall in its address.
    event.preventDefault();
    location.reload();
  });
})();
