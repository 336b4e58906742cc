// SPDX-License-Identifier: Apache-2.0

import { shownName } from "./users.js";

/** What the browser's tab says: what is unread, whether something was not sent, and which hall is in view. */
export function showTitle({ halls, outbox }, language, hallId) {
  const app = language.t("app_name");
  const name = halls.get(hallId)?.name;
  let title = name ? `${shownName(name)} · ${app}` : app;
  if (outbox.unseenFailures().size > 0) title = language.t("failed_title", { name: title });
  const count = halls.unreadTotal();
  document.title = count > 0 ? language.t("unread_title", { count, name: title }) : title;
}
