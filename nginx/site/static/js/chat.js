// SPDX-License-Identifier: Apache-2.0

// The entry: asks who is there, then shows either the welcome screen or the chat.

import { Banner } from "./banner.js";
import { ChatPage } from "./chat-page.js";
import { refuseFiles } from "./clipboard.js";
import { wireDialogs } from "./dialogs.js";
import { nameModifierKeys } from "./keyboard.js";
import { Rest } from "./rest.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { io } from "./socket.js";
import { WelcomeScreen } from "./users.js";
import { SafeStorage } from "./utils.js";

const startRetryMilliseconds = 5000;
/** Who signed in last with this browser, for its other windows. */
const userKey = "halls.user";

const rest = new Rest();
const storage = new SafeStorage(browserStorage());
const settings = new Settings({ storage });
const element = (id) => document.getElementById(id);
const welcome = new WelcomeScreen({ element: element("welcome"), rest, language: settings.language });
const banner = new Banner({ element: element("offline"), language: settings.language });
let page = null;
let retryTimer = null;
let isStarting = false;
/** How one signs in here, as it was last heard. */
let waysIn = {};

wireDialogs();
nameModifierKeys();
fitKeyboard();
refuseFiles(() => page?.show(settings.language.t("files_refused")));
settings.on("language", (language) => {
  welcome.setLanguage(language);
  banner.setLanguage(language);
  page?.setLanguage(language);
});
welcome.on("again", start);
// A session that ended leaves nothing of it in the page: drafts and unsent messages wait in the storage.
welcome.on("signedIn", () => (page ? location.reload() : start()));
window.addEventListener("online", () => {
  if (!page && document.body.dataset.screen === "problem") start();
});
element("sign-out").addEventListener("click", signOut);
element("settings-dialog").addEventListener("close", () => (element("sign-out-failed").hidden = true));
start();

// The button, the network and the timer all ask for it; two sessions would share one page.
async function start() {
  if (isStarting || page) return;
  isStarting = true;
  clearTimeout(retryTimer);
  welcome.isBusy = true;
  try {
    await enter();
  } finally {
    welcome.isBusy = false;
    isStarting = false;
  }
}

async function enter() {
  try {
    const who = await rest.session();
    waysIn = who;
    if (!who.user) return askWho(who);
    openChat(who, await rest.halls());
  } catch (error) {
    if (error.code === "unauthenticated" || isFromTheSite(error)) return askWho(error.problem);
    if (!error.code) throw error;
    document.body.dataset.screen = "problem";
    welcome.showProblem(error.code);
    retryTimer = setTimeout(start, startRetryMilliseconds * (0.75 + Math.random() / 2));
  }
}

function openChat({ user, login, limits }, halls) {
  document.body.dataset.screen = "chat";
  storage.set(userKey, user.id);
  welcome.hide();
  element("sign-out").hidden = login === "site";
  const view = () => page?.view ?? { hallId: null, isAtEnd: true, isRead: false };
  const session = new Session({ user, rest, socket: io(), storage, view, isSiteLogin: login === "site" });
  page = new ChatPage({ session, rest, storage, language: settings.language, lengthMax: limits?.message_length_max });
  session.on("connection", (state, before) => banner.connectionChanged(state, before));
  session.on("replaced", () => location.reload());
  session.on("ended", sessionEnded);
  session.start(halls);
  watchPage(session);
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
    } else {
      session.wake(hiddenSince === null ? 0 : Date.now() - hiddenSince);
      hiddenSince = null;
      page.visible();
      compareUser();
    }
  });
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
  try {
    waysIn = await rest.session();
  } catch {
    // Without an answer one signs in as before: it will tell what is wrong.
  }
  welcome.askWho(waysIn, { wasSignedIn: true });
}

function askWho(ways) {
  document.body.dataset.screen = "sign-in";
  welcome.askWho(ways);
}

async function signOut() {
  const failed = element("sign-out-failed");
  failed.hidden = true;
  try {
    await rest.logout();
  } catch (error) {
    if (error.code !== "unauthenticated") {
      failed.textContent = settings.language.error(error);
      failed.hidden = false;
      return undefined;
    }
  }
  return location.replace(location.pathname);
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
