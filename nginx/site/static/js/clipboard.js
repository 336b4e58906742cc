// SPDX-License-Identifier: Apache-2.0

/** Puts a text into the clipboard; false where the browser does not let us. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP there is no such clipboard, and some browsers ask the person first: the old way is left.
    return copySelection(text);
  }
}

function copySelection(text) {
  const { activeElement } = document;
  const area = document.createElement("textarea");
  area.className = "sr-only copy-source";
  area.readOnly = true;
  area.value = text;
  document.body.append(area);
  // Without it Safari would scroll there.
  area.focus({ preventScroll: true });
  area.select();
  let isCopied = false;
  try {
    isCopied = document.execCommand("copy");
  } finally {
    area.remove();
    activeElement?.focus({ preventScroll: true });
  }
  return isCopied;
}

/**
 * Files and pictures cannot be sent: dropped or pasted ones are refused, with `refuse()` saying so. Left alone, the browser
 * would show a dropped file in the place of the page, and what was being written would be gone.
 */
export function refuseFiles(refuse) {
  const drag = (event) => {
    const types = [...(event.dataTransfer?.types ?? [])];
    // Text goes where one can write.
    if (!types.includes("Files") && event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    if (event.type === "drop" && types.includes("Files")) refuse();
  };
  for (const type of ["dragover", "drop"]) document.addEventListener(type, drag);
  document.addEventListener("paste", (event) => {
    const { types = [], files = [] } = event.clipboardData ?? {};
    // A program that copies text may bring a picture of it along.
    if (files.length === 0 || types.includes("text/plain")) return;
    event.preventDefault();
    refuse();
  });
}
