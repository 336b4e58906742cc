// SPDX-License-Identifier: Apache-2.0

import { frame } from "./frame.js";
import { Emitter } from "./utils.js";

/** The screens before the chat: signing in, registering, waiting for the server. Emits signedIn(user), again(). */
export class WelcomeScreen extends Emitter {
  #element;
  #rest;
  #language;
  #title;
  #lead;
  #forms;
  #mayRegister = false;
  #shown = null;
  /** What the server said no with. */
  #refusal = null;
  #hadFocus = false;
  #wasSignedIn = false;

  constructor({ element, rest, language }) {
    super();
    this.#element = element;
    this.#rest = rest;
    this.#language = language;
    this.#title = element.querySelector("#welcome-title");
    this.#lead = element.querySelector("#welcome-lead");
    this.#forms = { login: element.querySelector("#login"), register: element.querySelector("#register") };
    for (const [name, form] of Object.entries(this.#forms)) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#submit(name, form);
      });
    }
    language.on("changed", () => this.#shown && this.#say());
    element.querySelector("#to-register").addEventListener("click", () => this.#show("register"));
    element.querySelector("#to-login").addEventListener("click", () => this.#show("sign_in"));
    element.querySelector("#try-again").addEventListener("click", () => this.emit("again"));
  }

  /** What the server says of who may come in; `wasSignedIn` when a session just ended. */
  askWho({ login, registration, login_url: siteLogin }, { wasSignedIn = false } = {}) {
    this.#mayRegister = Boolean(registration);
    this.#wasSignedIn = wasSignedIn;
    this.#offerSiteLogin(siteLogin);
    // Who answers in another way is the site in front of the chat, which asks for its own login.
    if (login !== "accounts") this.#show("site");
    else this.#show(wasSignedIn ? "signed_out" : "sign_in");
  }

  /** Why one cannot come in: no network, a server that is slow, or down, or says no. */
  showProblem(error) {
    this.#refusal = error;
    const isDown = error.code === "unreachable" || error.code === "busy" || error.status >= 500;
    if (error.code === "offline" || error.code === "slow") this.#show(error.code);
    else this.#show(isDown ? "server_failed" : "refused");
  }

  sayNoCookies() {
    this.#showError(this.#forms.login, this.#language.t("error_no_cookies"));
  }

  /** While it is being tried it cannot be tried again. */
  set isBusy(isBusy) {
    const button = this.#element.querySelector("#try-again");
    const hadFocus = document.activeElement === button;
    button.disabled = isBusy;
    if (!isBusy && this.#hadFocus && !button.hidden) button.focus();
    this.#hadFocus = isBusy && hadFocus;
  }

  hide() {
    this.#element.hidden = true;
    this.#shown = null;
  }

  #show(name) {
    const isNew = this.#shown !== name;
    this.#shown = name;
    this.#element.hidden = false;
    const asksName = name === "sign_in" || name === "signed_out";
    this.#forms.login.hidden = !asksName;
    this.#forms.register.hidden = name !== "register";
    this.#element.querySelector("#to-register").hidden = !this.#mayRegister;
    this.#element.querySelector("#try-again").hidden = asksName || name === "register";
    if (name !== "site") this.#offerSiteLogin(null);
    for (const form of Object.values(this.#forms)) this.#showError(form, "");
    this.#say();
    if (!isNew || !frame.mayTakeFocus) return;
    const field = this.#element.querySelector("form:not([hidden]) input");
    (field ?? this.#title).focus();
  }

  #offerSiteLogin(address) {
    const link = this.#element.querySelector("#site-login");
    link.hidden = typeof address !== "string";
    if (!link.hidden) link.href = frame.loginAddress(address);
    this.#element.querySelector("#try-again").classList.toggle("primary", link.hidden);
  }

  #say() {
    const siteTitle = this.#wasSignedIn ? "signed_out_title" : "sign_in_title";
    const title = this.#shown === "site" ? siteTitle : `${this.#shown}_title`;
    const lead = this.#shown === "site" ? "site_signs_in" : `${this.#shown}_lead`;
    this.#title.textContent = this.#language.t(title);
    this.#lead.textContent = this.#shown === "refused" ? this.#language.error(this.#refusal) : this.#language.t(lead);
  }

  async #submit(name, form) {
    const { username, password } = Object.fromEntries(new FormData(form));
    const button = form.querySelector(".primary");
    button.disabled = true;
    this.#showError(form, "");
    try {
      const { user } = await this.#rest[name](username.trim(), password);
      for (const each of Object.values(this.#forms)) each.reset();
      this.emit("signedIn", user);
    } catch (error) {
      this.#showError(form, this.#language.error(error));
      const field = error.code === "invalid_username" || error.code === "username_taken" ? "username" : "password";
      form.elements[field].focus();
      form.elements[field].select();
    } finally {
      button.disabled = false;
    }
  }

  #showError(form, text) {
    const place = form.querySelector(".form-error");
    place.textContent = text;
    place.hidden = text === "";
  }
}
