// Lets this browser be sent tests of messages: device/… has the page that loads it.
"use strict";

const button = document.querySelector("button");
const status = document.querySelector("[role=status]");
const say = (what) => { status.textContent = status.dataset[what]; };

const subscribe = async (key) => {
  const registration = await navigator.serviceWorker.register("../sw.js");
  const before = await registration.pushManager.getSubscription();
  if (before) await before.unsubscribe(); // it may have been made with another key
  while (!registration.active) await new Promise((resolve) => setTimeout(resolve, 50));
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
};

const add = async () => {
  if (!("serviceWorker" in navigator && "PushManager" in window)) return say("unable");
  if (await Notification.requestPermission() !== "granted") return say("denied");
  const key = await fetch("../vapid-public-key");
  if (!key.ok) return say("keyless");
  const body = JSON.stringify(await subscribe((await key.text()).trim()));
  const saved = await fetch(location.pathname, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  say(saved.ok ? "done" : saved.status === 404 ? "expired" : "refused");
};

button.addEventListener("click", () => {
  button.disabled = true;
  say("wait");
  add().catch(() => say("failed")).finally(() => { button.disabled = false; });
});
button.disabled = false; // until now a press would have done nothing
