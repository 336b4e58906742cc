// SPDX-License-Identifier: Apache-2.0

// What holds for the files as they are: the style, the security policy, the colours.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const site = new URL("../../nginx/site/", import.meta.url);
const read = (path) => readFileSync(new URL(path, site), "utf8");
const list = (folder) => readdirSync(new URL(folder, site)).map((name) => `${folder}${name}`);
const scripts = list("static/js/");
const styles = list("static/css/");
const html = read("chat.html");

test("every file names its licence in the first line and stays readable in length", () => {
  for (const path of ["chat.html", ...scripts, ...styles, ...list("static/img/")]) {
    // The list of what is loaded early grows with the modules, and nobody reads it.
    const lines = read(path).split("\n").filter((line) => !line.includes('rel="modulepreload"'));
    assert.match(lines[0], /SPDX-License-Identifier: Apache-2\.0/u, path);
    assert.ok(lines.length <= 360, `${path} has ${lines.length} lines`);
  }
});

test("nothing in the page needs an inline script or style", () => {
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:/iu);
  for (const path of scripts) {
    assert.doesNotMatch(read(path), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/u, path);
  }
});

test("messages, halls and users do not import each other, and neither they nor what reads text touch the DOM", () => {
  const nouns = ["messages", "halls", "users"];
  for (const name of nouns) {
    const imports = [...read(`static/js/${name}.js`).matchAll(/from "\.\/(.+)\.js"/gu)].map((match) => match[1]);
    assert.deepEqual(imports.filter((each) => nouns.includes(each)), [], name);
  }
  for (const name of [...nouns, "content", "utils"]) {
    assert.doesNotMatch(read(`static/js/${name}.js`), /\b(?:document|window|navigator|location)\./u, name);
  }
});

test("every module is announced in the page, so that none is waited for twice", () => {
  const announced = [...html.matchAll(/rel="modulepreload" href="(.+?)"/gu)].map((match) => match[1]);

  // Of the languages preferences.js announces the reader's.
  assert.deepEqual(announced.sort(), scripts.filter((path) => !/\/(?:chat|guard|preferences|en|es)\.js$/u.test(path)).sort());
  for (const path of scripts) assert.doesNotMatch(read(path), /from "\.\/e[ns]\.js"/u, path);
});

test("ids are unique, and what the scripts look up exists", () => {
  const ids = [...html.matchAll(/\sid="([\w-]+)"/gu)].map((match) => match[1]);
  assert.equal(new Set(ids).size, ids.length);
  for (const path of scripts) {
    const used = [...read(path).matchAll(/(?:\$|copyOf|getElementById)\("([\w-]+)"\)/gu)].map((match) => match[1]);
    for (const id of used) assert.ok(ids.includes(id), `${path}: #${id}`);
  }
});

// Colours: sRGB relative luminance and contrast after WCAG 2.

const luminanceOf = (linear) => 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
const base = read("static/css/base.css");

function hexLuminance(hex) {
  const channels = hex.slice(1).match(/../gu).map((pair) => parseInt(pair, 16) / 255);
  return luminanceOf(channels.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)));
}

// OKLCH → linear sRGB, after Björn Ottosson; outside of the gamut the channels are cut off.
function oklchLuminance(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return luminanceOf(linear.map((value) => Math.min(Math.max(value, 0), 1)));
}

const token = (name, theme) => {
  const [, light, dark] = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`, "u").exec(base);
  return hexLuminance(theme === "light" ? light : dark);
};
const numbers = (name) => [...base.matchAll(new RegExp(`--${name}: ([\\d.]+)`, "gu"))].map((match) => Number(match[1]));

test("text has a contrast of 4.5:1 in both themes, controls of 3:1", () => {
  const pairs = [
    ["text", "surface"], ["text", "surface-side"], ["text", "surface-raised"], ["text", "surface-hover"], ["text", "accent-soft"],
    ["text", "surface-code"], ["text-quiet", "surface"], ["text-quiet", "surface-side"], ["text-quiet", "surface-raised"],
    ["text-quiet", "surface-hover"], ["accent", "surface"], ["accent", "surface-raised"], ["accent", "accent-soft"],
    ["accent-strong", "accent-soft"], ["accent-strong", "surface"], ["on-accent", "accent"], ["on-accent", "accent-strong"],
    ["danger", "surface"], ["danger", "surface-raised"],
  ];
  for (const theme of ["light", "dark"]) {
    for (const [front, back] of pairs) {
      const found = contrast(token(front, theme), token(back, theme));
      assert.ok(found >= 4.5, `${theme}: ${front} on ${back} is ${found.toFixed(2)}`);
    }
    assert.ok(contrast(token("line-strong", theme), token("surface", theme)) >= 3, `${theme}: line-strong`);
    assert.ok(contrast(1, token("danger-fill", theme)) >= 4.5, `${theme}: white on danger-fill`);
  }
});

test("the colour of every person has a contrast of 4.5:1, as a name and on the disc", () => {
  const [chroma] = numbers("person-chroma");
  const [discChroma] = numbers("disc-chroma");
  for (const [index, theme] of ["light", "dark"].entries()) {
    const lightness = numbers("person-lightness")[index];
    const discLightness = numbers("disc-lightness")[index];
    for (let hue = 0; hue < 360; hue += 1) {
      const person = oklchLuminance(lightness, chroma, hue);
      const onPage = contrast(person, token("surface", theme));
      const onDisc = contrast(person, oklchLuminance(discLightness, discChroma, hue));
      assert.ok(onPage >= 4.5, `${theme}: hue ${hue} on the page is ${onPage.toFixed(2)}`);
      assert.ok(onDisc >= 4.5, `${theme}: hue ${hue} on the disc is ${onDisc.toFixed(2)}`);
    }
  }
});
