// SPDX-License-Identifier: Apache-2.0

// The entry: asks who is there, then shows either the welcome screen or the chat.

import { Banner } from "./announcer.js";
import { ChatPage } from "./chat-page.js";
import { $, refuseFiles, wireDialogs } from "./dom.js";
import { frame } from "./frame.js";
import { RequestError, Rest, Waiting, folder, socketAddress } from "./server.js";
import { Session } from "./session.js";
import { Settings, nameModifierKeys } from "./settings.js";
import { io } from "./socket.js";
import { SafeStorage, jittered } from "./utils.js";
import { WelcomeScreen } from "./welcome.js";

const startRetryMilliseconds = 5000;
/** So long after the browser began with the page, or after a press on "Try again", nobody looks at an empty shell. */
const startPatienceMilliseconds = 4000;
const startPatienceMillisecondsMin = 1000;
/** Who signed in last with this browser, for its other windows. */
const userKey = `halls.user${folder}`;

const waiting = new Waiting({ ask: () => rest.session().catch(() => {}) });
const watch = (channel) => (promise) => waiting.watch(channel, promise);
const rest = new Rest({ watch: watch("rest") });
const storage = new SafeStorage(browserStorage());
const settings = await Settings.open({ storage });
const { language } = settings;
const welcome = new WelcomeScreen({ element: $("welcome"), rest, language });
const banner = new Banner({ element: $("offline"), language });
let page = null;
let retryTimer = null;
let isStarting = false;
let starts = 0;
/** How one signs in here, as it was last heard. */
let waysIn = {};

wireDialogs();
nameModifierKeys();
fitKeyboard();
refuseFiles(() => page?.show(language.t("files_refused")));
waiting.on("slow", (isSlow) => page && banner.slowChanged(isSlow));
welcome.on("again", () => start());
// A session that ended leaves nothing of it in the page: drafts and unsent messages wait in the storage.
welcome.on("signedIn", () => (page ? location.reload() : start({ hasSignedIn: true })));
window.addEventListener("online", () => {
  if (!page && document.body.dataset.screen === "problem") start();
});
$("sign-out").addEventListener("click", signOut);
$("settings-dialog").addEventListener("close", () => ($("sign-out-failed").hidden = true));
start();

// The button, the network and the timer all ask for it; two sessions would share one page. What takes too long is said to be
// slow, and can be tried again: then only the newest try counts.
async function start({ hasSignedIn = false } = {}) {
  if (isStarting || page) return;
  const number = (starts += 1);
  const isNewest = () => number === starts;
  const isTrying = (is) => (isStarting = welcome.isBusy = is);
  isTrying(true);
  clearTimeout(retryTimer);
  const spent = number === 1 ? performance.now() : 0;
  const patience = Math.max(startPatienceMilliseconds - spent, startPatienceMillisecondsMin);
  const slowTimer = setTimeout(() => {
    isTrying(false);
    showProblem(new RequestError("slow"));
  }, patience);
  try {
    await enter(isNewest, hasSignedIn);
  } catch (error) {
    document.body.dataset.screen = "broken";
    if (frame.mayTakeFocus) $("start-again").focus();
    throw error;
  } finally {
    clearTimeout(slowTimer);
    if (isNewest()) isTrying(false);
  }
}

async function enter(isNewest, hasSignedIn) {
  try {
    const who = await rest.session();
    const halls = who.user ? await rest.halls() : [];
    if (!isNewest()) return;
    waysIn = who;
    if (who.user) return openChat(who, halls);
    askWho(who);
    // Who has just signed in, and is nobody, has a browser that keeps no cookies.
    if (hasSignedIn) welcome.sayNoCookies();
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (!isNewest()) return;
    if (error.code === "unauthenticated" || isFromTheSite(error)) return askWho(error.problem);
    showProblem(error);
    retryTimer = setTimeout(() => start(), jittered(startRetryMilliseconds));
  }
}

function showProblem(error) {
  document.body.dataset.screen = "problem";
  welcome.showProblem(error);
}

function openChat({ user, login, limits }, halls) {
  document.body.dataset.screen = "chat";
  storage.set(userKey, user.id);
  welcome.hide();
  $("sign-out").hidden = login === "site";
  const view = () => page?.view ?? { hallId: null, isAtEnd: true, isRead: false };
  const session = new Session({
    user, rest, socket: io({ path: socketAddress }), storage, view, watch: watch("send"), folder,
    isSiteLogin: login === "site",
  });
  page = new ChatPage({
    session, rest, storage, language, lengthMax: limits?.message_length_max,
    editSeconds: limits?.edit_seconds, editsAreKept: limits?.earlier_texts,
  });
  session.on("connection", (state, before) => banner.connectionChanged(state, before));
  session.on("replaced", () => location.reload());
  session.on("ended", sessionEnded);
  session.start(halls);
  watchPage(session);
  frame.say("ready");
}

/** The moments at which the world may have moved on without us. */
function watchPage(session) {
  let hiddenSince = null;
  const compareUser = () => {
    const lastId = storage.get(userKey);
    if (lastId !== null && lastId !== session.user.id) location.reload();
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hiddenSince = Date.now();
      page.hidden();
      // A phone may never come back to a page that was put away.
      session.leavePage();
    } else {
      session.wake(hiddenSince === null ? 0 : Date.now() - hiddenSince);
      hiddenSince = null;
      page.visible();
      compareUser();
    }
  });
  frame.on("shown", (isShown) => (isShown ? page.visible() : page.hidden()));
  window.addEventListener("pagehide", () => session.leavePage());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) session.wake(Infinity);
  });
  window.addEventListener("online", () => session.wake());
  window.addEventListener("offline", () => session.networkLost());
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === userKey) compareUser();
    else page.storageChanged(key, newValue);
  });
}

/** A site's login in front of the chat answers in its own way: with a page, or with a no that is none of ours. */
function isFromTheSite({ status, problem }) {
  return (status === 200 || status === 403) && problem.code === undefined;
}

async function sessionEnded() {
  document.body.dataset.screen = "ended";
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  page.end();
  waiting.stop();
  // As before, until the server says otherwise: without an answer signing in will tell what is wrong.
  welcome.askWho(waysIn, { wasSignedIn: true });
  try {
    waysIn = await rest.session();
    welcome.askWho(waysIn, { wasSignedIn: true });
  } catch {
    // It stays as it was.
  }
}

function askWho(ways) {
  document.body.dataset.screen = "sign-in";
  welcome.askWho(ways);
}

async function signOut() {
  const failed = $("sign-out-failed");
  failed.hidden = true;
  try {
    await rest.logout();
  } catch (error) {
    if (error.code !== "unauthenticated") {
      failed.textContent = language.error(error);
      failed.hidden = false;
      return undefined;
    }
  }
  return location.replace(location.pathname + location.search);
}

/** iOS lays its keyboard over the page; the page takes the height that is left. */
function fitKeyboard() {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const fit = () => {
    const isCovered = viewport.scale === 1 && window.innerHeight - viewport.height > 100;
    if (isCovered) document.documentElement.style.setProperty("--page-height", `${viewport.height}px`);
    else document.documentElement.style.removeProperty("--page-height");
    if (isCovered) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", fit);
}

function browserStorage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
