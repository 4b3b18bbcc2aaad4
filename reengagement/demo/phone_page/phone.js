"use strict";

// What a phone does with a push message, on a page: it shows it, reports it shown, and reports a press.

const POLL_MS = 1000;
const SHOWN_AT_FIRST = 12;
const REMEMBERED = 2000;

const $ = (selector) => document.querySelector(selector);
const list = $(".notifications");
const arrived = new Map(); // by phone and tag: a message with a tag that is shown replaces it
const remembered = {
  shown: new Set(JSON.parse(localStorage.getItem("shown") || "[]")),
  closed: new Set(JSON.parse(localStorage.getItem("closed") || "[]")),
  pressed: new Set(JSON.parse(localStorage.getItem("pressed") || "[]")),
};
let language = preferredLanguage();
let newest = 0;
let first = true;
let all = false;

const words = () => WORDS[language];
const keyOf = (item) => `${item.token} ${item.notification?.tag ?? item.id}`;
const shortId = (id) => (id.length > 10 ? `${id.slice(0, 8)}…` : id);

function remember(what, id) {
  remembered[what].add(id);
  localStorage.setItem(what, JSON.stringify([...remembered[what]].slice(-REMEMBERED)));
}

function webAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/* Reporting, as the service worker does: a simple POST whose answer isn't looked at. */
function report(address) {
  const url = webAddress(address);
  if (!url) return Promise.reject(new Error("no address"));
  return fetch(url, { method: "POST", mode: "no-cors", keepalive: true, credentials: "omit" });
}

function reportShown(item) {
  if (!item.notification || remembered.shown.has(item.id)) return;
  remember("shown", item.id);
  report(item.notification.data?.shownUrl).catch(() => {}); // shown is a lower bound by definition
}

async function press(item, card) {
  const target = webAddress(item.notification?.navigate);
  const reporting = report(item.notification?.data?.clickUrl);
  if (target) window.open(target, "_blank", "noopener");
  try {
    await reporting;
  } catch {
    toast(words().notReported, true);
    return;
  }
  remember("pressed", item.id);
  toast(words().reported);
  close(item, card);
}

function close(item, card) {
  remember("closed", item.id);
  const next = card.nextElementSibling ?? card.previousElementSibling;
  const hadFocus = card.contains(document.activeElement);
  card.classList.add("leaving");
  const finish = () => {
    if (hadFocus) next?.querySelector(".open").focus();
    render();
  };
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) finish();
  else setTimeout(finish, 220);
}

let toastTimer = 0;
function toast(text, wrong = false) {
  const line = $(".toast");
  line.textContent = text;
  line.classList.toggle("wrong", wrong);
  line.classList.add("up");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => line.classList.remove("up"), 3200);
}

/* Drawing */
function ago(moment) {
  const minutes = Math.floor((Date.now() - moment) / 60000);
  if (minutes < 1) return words().now;
  const format = new Intl.RelativeTimeFormat(language, { style: "narrow" });
  if (minutes < 60) return format.format(-minutes, "minute");
  if (minutes < 24 * 60) return format.format(-Math.floor(minutes / 60), "hour");
  return format.format(-Math.floor(minutes / 1440), "day");
}

function cardOf(item) {
  const card = $("#notification").content.firstElementChild.cloneNode(true);
  const { title, body } = item.notification ?? { title: words().unreadable, body: words().unreadableBody };
  card.dataset.id = item.id;
  card.querySelector(".app").textContent = words().appName;
  const whose = card.querySelector(".for");
  whose.textContent = shortId(item.userId);
  whose.title = words().user(item.userId);
  card.querySelector("time").dateTime = item.at;
  card.querySelector("time").textContent = ago(new Date(item.at));
  card.querySelector(".title").textContent = title;
  card.querySelector(".body").textContent = body;
  card.querySelector(".open").addEventListener("click", () => press(item, card));
  card.querySelector(".dismiss").setAttribute("aria-label", words().dismiss(title));
  card.querySelector(".dismiss").addEventListener("click", () => close(item, card));
  return card;
}

function waiting() {
  const whose = $(".whose").value;
  return [...arrived.values()]
    .filter((item) => !remembered.closed.has(item.id) && (!whose || item.userId === whose))
    .sort((one, other) => other.id - one.id);
}

function render(entering = new Set()) {
  const items = waiting();
  const visible = all ? items : items.slice(0, SHOWN_AT_FIRST);
  const cards = new Map([...list.children].map((card) => [card.dataset.id, card]));
  const wanted = visible.map((item) => {
    const card = cards.get(String(item.id)) ?? cardOf(item);
    card.classList.toggle("entering", entering.has(item.id));
    card.querySelector("time").textContent = ago(new Date(item.at));
    return card;
  });
  // Only what changed is touched: whoever is about to press a card must not lose it under the finger.
  for (const card of [...list.children]) if (!wanted.includes(card)) card.remove();
  wanted.forEach((card, at) => {
    if (list.children[at] !== card) list.insertBefore(card, list.children[at] ?? null);
  });
  $(".empty").hidden = items.length > 0;
  const more = $(".more");
  more.hidden = visible.length === items.length;
  more.textContent = words().more(items.length - visible.length);
}

function renderPeople() {
  const select = $(".whose");
  const chosen = select.value;
  const people = [...new Set([...arrived.values()].map((item) => item.userId))].sort();
  if (select.options.length === people.length + 1 && first === false) return;
  const everyone = new Option(words().everyone, "");
  select.replaceChildren(everyone, ...people.map((id) => new Option(id, id)));
  select.value = people.includes(chosen) ? chosen : "";
}

function renderClock() {
  const now = new Date();
  const time = now.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hour12: false });
  $(".clock").textContent = time;
  $(".small-clock").textContent = time;
  $(".date").textContent = now.toLocaleDateString(language, { weekday: "long", day: "numeric", month: "long" });
}

function renderFigures(counts) {
  const format = new Intl.NumberFormat(language);
  const figures = { accepted: counts?.accepted, shown: remembered.shown.size, pressed: remembered.pressed.size };
  for (const [name, value] of Object.entries(figures)) {
    if (value !== undefined) $(`[data-figure=${name}]`).textContent = format.format(value);
  }
}

function renderWords() {
  document.documentElement.lang = language;
  document.title = words().title;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = words()[place.dataset.word];
  for (const place of document.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", words()[place.dataset.label]);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  const behaviour = $(".behaviour").value || "ordinary";
  $(".behaviour").replaceChildren(
    ...Object.entries(words().answers).sort(([one], [other]) => (other === "ordinary") - (one === "ordinary"))
      .map(([value, text]) => new Option(text, value)),
  );
  $(".behaviour").value = behaviour;
  if ($(".whose").options.length) $(".whose").options[0].text = words().everyone;
  list.replaceChildren();
  renderClock();
  render();
  renderFigures();
}

/* The push service */
async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(path);
  return answer.json();
}

async function poll() {
  try {
    const [items, counts] = await Promise.all([getJson(`/arrived?after=${newest}`), getJson("/counts")]);
    const entering = new Set();
    for (const item of items.reverse()) {
      newest = Math.max(newest, item.id);
      if (!first) entering.add(item.id);
      arrived.set(keyOf(item), item);
      reportShown(item); // whichever phone it is for, and whether or not this page has room for it
    }
    if (items.length || first) renderPeople();
    first = false;
    render(entering);
    renderFigures(counts);
  } catch {
    toast(words().offline, true);
  } finally {
    setTimeout(poll, document.hidden ? POLL_MS * 3 : POLL_MS);
  }
}

async function setBehaviour(answer) {
  if (answer === "ordinary") {
    await fetch("/behaviour", { method: "DELETE" });
  } else {
    const status = Number(answer);
    const instruction = { answer: Number.isNaN(status) ? answer : status };
    if (status === 429) instruction.retry_after = "30";
    const headers = { "Content-Type": "application/json" };
    await fetch("/behaviour", { method: "POST", headers, body: JSON.stringify(instruction) });
  }
  $(".warning").hidden = answer === "ordinary";
}

async function begin() {
  renderWords();
  setInterval(renderClock, 1000);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset.language;
      localStorage.setItem("language", language);
      renderWords();
    });
  }
  $(".whose").addEventListener("change", () => render());
  $(".more").addEventListener("click", () => {
    all = true;
    render();
  });
  $(".behaviour").addEventListener("change", (event) => {
    setBehaviour(event.target.value).catch(() => toast(words().offline, true));
  });
  poll();
  const [settings, behaviours] = await Promise.all([getJson("/settings.json"), getJson("/behaviour")]);
  const address = webAddress(settings.dashboard);
  if (address) {
    $(".dashboard").href = address;
    $(".dashboard").hidden = false;
  }
  const general = behaviours.find((behaviour) => behaviour.endpoint === null);
  if (general) {
    const answer = String(general.answer);
    if (!(answer in words().answers)) $(".behaviour").add(new Option(answer, answer));
    $(".behaviour").value = answer;
    $(".warning").hidden = false;
  }
}

begin().catch(() => toast(words().offline, true));
