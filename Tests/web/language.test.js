// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import en from "../../nginx/site/static/js/en.js";
import es from "../../nginx/site/static/js/es.js";
import { Language, chooseCode } from "../../nginx/site/static/js/language.js";

const site = new URL("../../nginx/site/", import.meta.url);
const read = (path) => readFileSync(new URL(path, site), "utf8");
const scripts = readdirSync(new URL("static/js/", site));
const speak = (code, wanted) => new Language(code, { en, es }[code], wanted);
const placeholders = (sentence) => {
  const forms = typeof sentence === "string" ? [sentence] : Object.values(sentence);
  return forms.map((form) => [...form.matchAll(/\{(\w+)\}/gu)].map((match) => match[1]).sort().join());
};

test("both languages have the same sentences with the same values", () => {
  assert.deepEqual(Object.keys(es), Object.keys(en));
  for (const key of Object.keys(en)) {
    const values = new Set([...placeholders(en[key]), ...placeholders(es[key])]);
    assert.equal(values.size, 1, key);
  }
});

test("every plural has the forms its language needs", () => {
  for (const [code, table] of [["en", en], ["es", es]]) {
    const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    for (const [key, sentence] of Object.entries(table)) {
      if (typeof sentence === "object") for (const form of forms) assert.ok(sentence[form], `${code} ${key} ${form}`);
    }
  }
});

test("every sentence the page names exists", () => {
  const html = read("chat.html");
  for (const [, key] of html.matchAll(/data-i18n(?:-\w+)?="(\w+)"/gu)) assert.ok(en[key], key);
  for (const name of scripts) {
    for (const [, key] of read(`static/js/${name}`).matchAll(/\bt\("(\w+)"/gu)) assert.ok(en[key], `${name}: ${key}`);
  }
});

test("the browser's language is taken unless another was chosen", async () => {
  assert.equal(chooseCode(null, ["es-MX", "en"]), "es");
  assert.equal(chooseCode(null, ["fr-FR", "es"]), "es");
  assert.equal(chooseCode(null, ["fr-FR"]), "en");
  assert.equal(chooseCode("en", ["es-ES"]), "en");
  assert.equal(chooseCode("xx", []), "en");
  assert.equal((await Language.choose(null, ["es-MX"])).t("send"), "Enviar");
});

test("a language becomes another for all who have it, and of two in a row the last", async () => {
  const language = speak("en");
  const heard = [];
  language.on("changed", () => heard.push(language.t("send")));

  await Promise.all([language.become("es"), language.become("en")]);
  assert.deepEqual([language.code, heard], ["en", []]);
  await Promise.all([language.become("en"), language.become("es")]);
  await language.become("es");
  await language.become(null);

  assert.deepEqual([language.code, heard], ["en", ["Enviar", "Send"]]);
});

test("what is no tag of a language costs no more than its flavour", () => {
  const hour = new Date(2026, 10, 23, 22, 45);
  for (const tag of ["en-US@posix", "en-", "en", "en_US.UTF-8", "en-US-", "en-x", "en-a-b-c-toolongforasubtag"]) {
    assert.equal(chooseCode(null, [tag]), "en", tag);
    assert.match(speak("en", [tag]).hour(hour), /45/u);
  }
  for (const tag of ["es_ES", "es-", "ES", "es_MX@euro", "es-419-"]) assert.equal(chooseCode(null, [tag]), "es", tag);
  for (const tag of ["", "-", "@", "C", "POSIX", "*", "x", "i-klingon", "\u0000", undefined, null, "constructor"]) {
    assert.equal(chooseCode(null, [tag, "es"]), "es", String(tag));
    assert.equal(speak("en", [tag]).code, "en", String(tag));
  }
  assert.equal(chooseCode("constructor", []), "en");
  assert.equal(speak("en", ["en-US@posix"]).hour(hour), speak("en", ["en-US"]).hour(hour));
});

test("hours follow the reader into another time zone", () => {
  const before = process.env.TZ;
  process.env.TZ = "Europe/Madrid";
  const language = speak("es", ["es-ES"]);
  const date = new Date("2026-11-23T12:00:00.000Z");
  assert.deepEqual([language.hour(date), language.followZone()], ["13:00", false]);

  process.env.TZ = "Asia/Tokyo";

  assert.deepEqual([language.followZone(), language.hour(date)], [true, "21:00"]);
  assert.equal(language.followZone(), false);
  process.env.TZ = before ?? "UTC";
});

test("the words are Spanish where they should be", () => {
  const language = speak("es", ["es-ES"]);

  assert.equal(language.t("send"), "Enviar");
  assert.equal(language.t("halls"), "Salas");
  assert.equal(language.t("write_message"), "Escribe un mensaje");
  assert.equal(language.t("banner_offline"), "Sin conexión. Tus mensajes se enviarán al volver.");
  assert.equal(language.t("new_messages", { count: 1 }), "1 mensaje nuevo");
  assert.equal(language.t("new_messages", { count: 12_000 }), "12.000 mensajes nuevos");
});

test("values are put in as they are", () => {
  const language = speak("en");

  assert.equal(language.t("says", { name: "{content}", content: "$& <b>" }), "{content} says: $& <b>");
});

test("who chooses a name or a password that is refused is told why, and what will do", () => {
  const refusals = [
    [{ code: "invalid_username", problem: { limit: 64 } }, /64 letters and digits, without spaces/u, /64 letras y cifras, sin espacios/u],
    // A word that the page itself has for somebody; such a refusal has no limit.
    [{ code: "invalid_username", problem: {} }, /Halls uses that username/u, /lo usa Halls/u],
    [{ code: "invalid_password", problem: { limit: 8 } }, /at least 8 characters/u, /al menos 8 caracteres/u],
    [{ code: "invalid_password", problem: { limit: 1024 } }, /too long/u, /demasiado larga/u],
    [{ code: "invalid_password", problem: {} }, /can’t be seen/u, /no se ve/u],
    [{ code: "invalid_hall_name", problem: { limit: 80 } }, /one line of up to 80/u, /una sola línea de hasta 80/u],
    [{ code: "username_taken" }, /taken, or looks too much like/u, /en uso o se parece demasiado/u],
    [{ code: "hall_name_taken" }, /or one that looks the same/u, /se ve igual/u],
  ];
  for (const [error, english, spanish] of refusals) {
    assert.match(speak("en").error(error), english);
    assert.match(speak("es").error(error), spanish);
  }
});

test("every sentence is said somewhere", () => {
  const sources = [read("chat.html"), ...scripts.filter((name) => !/^e[ns]\.js$/u.test(name)).map((name) => read(`static/js/${name}`))];
  // Some names are put together: an error's code, a state of the banner, a screen.
  const isBuilt = (key) => /^(?:error|banner)_|_(?:title|lead)$/u.test(key);
  const unsaid = Object.keys(en).filter((key) => !isBuilt(key) && !sources.some((source) => source.includes(`"${key}"`)));
  assert.deepEqual(unsaid, []);
});

test("an error without a sentence gets the general one", () => {
  const language = speak("en");

  assert.equal(language.error({ code: "username_taken" }), en.error_username_taken);
  assert.equal(language.error({ code: "never_heard_of" }), en.error_internal);
  assert.equal(language.error({ code: "rate_limited", retryAfter: 1 }), "Too many attempts. Try again in 1 second.");
});

test("days are named by the reader's calendar, also across the change of the clock", () => {
  const before = process.env.TZ;
  process.env.TZ = "Europe/Madrid";
  const language = speak("es", ["es-ES"]);
  const now = new Date("2026-10-26T08:00:00.000Z");

  assert.equal(language.day(new Date("2026-10-25T23:01:00.000Z"), now), "Hoy");
  assert.equal(language.day(new Date("2026-10-24T22:01:00.000Z"), now), "Ayer");
  assert.equal(language.day(new Date("2026-10-24T21:59:00.000Z"), now), "Sábado, 24 de octubre");
  assert.equal(language.day(new Date("2025-10-24T21:59:00.000Z"), now), "Viernes, 24 de octubre de 2025");
  process.env.TZ = before ?? "UTC";
});

test("the hour in the margin has no day period", () => {
  const date = new Date(2026, 10, 23, 22, 45);

  assert.equal(speak("en", ["en-US"]).shortHour(date), "10:45");
  assert.match(speak("en", ["en-US"]).hour(date), /10:45\sPM/u);
  assert.equal(speak("es", ["es-ES"]).shortHour(date), "22:45");
});
