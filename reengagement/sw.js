// Shows a reminder, and reports that it was shown and pressed.
// Serve it from the product's own site, or importScripts() it into the service worker that is there.
"use strict";

{
  const ORIGINS = new Set([self.location.origin, /* origins */]);

  const OPT_OUT = "opt-out";

  const report = (url) =>
    fetch(url, { method: "POST", mode: "no-cors", keepalive: true, credentials: "omit" }).catch(() => {});

  const readReminder = (event) => {
    try {
      const { notification } = event.data.json();
      return notification.data.clickUrl ? notification : null;
    } catch {
      return null; // a message of somebody else, for another listener
    }
  };

  const open = async (url) => {
    const wanted = new URL(url, self.location.origin);
    const target = ORIGINS.has(wanted.origin) ? wanted.href : `${self.location.origin}/`;
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = windows.find((one) => one.url === target);
    return there ? there.focus() : self.clients.openWindow(target);
  };

  self.addEventListener("push", (event) => {
    const reminder = readReminder(event);
    if (!reminder) return;
    const { title, body, tag, navigate, data } = reminder;
    const actions = data.optOutUrl ? [{ action: OPT_OUT, title: data.optOutTitle }] : [];
    const options = { body, tag, renotify: false, actions, data: { ...data, navigate } };
    event.waitUntil(
      self.registration.showNotification(title, options).then(() => data.shownUrl && report(data.shownUrl)),
    );
  });

  self.addEventListener("notificationclick", (event) => {
    const { clickUrl, navigate, optOutUrl } = event.notification.data ?? {};
    if (!clickUrl) return;
    event.notification.close();
    if (event.action === OPT_OUT) { // a page that asks: a slip of the thumb changes nothing, and is no click
      event.waitUntil(open(optOutUrl));
      return;
    }
    event.waitUntil(Promise.all([open(navigate ?? "/"), report(clickUrl)]));
  });
}
