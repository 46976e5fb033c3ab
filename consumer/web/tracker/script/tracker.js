// Engagement's tracker: page views, clicks, form submissions and events of a site. No cookies, no dependency.
// <script async src="https://HOST/tracker.js" data-write-key="KEY"></script>; docs/tracker.md has the rest.
(() => {
  "use strict";
  const script = document.currentScript;
  const { writeKey, consent: mode, pages } = script.dataset;
  // Relative to the script, so that a site may serve both under a path of its own host.
  const endpoint = new URL("v1/batch", script.src);
  // Calls made before this script was loaded; the object below if it is on the page twice.
  const calls = window.engagement || [];
  if (!Array.isArray(calls)) return;

  const DAY = 864e5;
  // Characters: some 300 events, and a twentieth of what a site may keep.
  const QUEUE = 2e5;
  const QUEUE_DAYS = 7;
  const ID_DAYS = 395;
  // Characters, at most 60 kB: browsers send 64 kB of a page that is being left.
  const BATCH = 2e4;
  // As many as even the narrowest limits of a token let through together.
  const BATCH_EVENTS = 10;
  const ATTRIBUTE = "data-engagement-";

  const warn = (why) => console.warn("engagement:", why);
  // Errors of the tracker never become errors of the site.
  const safely = (run) => (...given) => {
    try {
      return run(...given);
    } catch (error) {
      warn(error);
    }
  };

  // Everything that is kept is in localStorage. Without it nothing is recorded: an opt-out could not be kept.
  let storage;
  try {
    storage = localStorage;
  } catch {}
  const PREFIX = "engagement.";
  const read = (key) => storage.getItem(PREFIX + key);
  const write = (key, value) => storage.setItem(PREFIX + key, value);
  const remove = (key) => storage.removeItem(PREFIX + key);
  const stored = (start) =>
    Object.keys(storage)
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length))
      .sort();
  const forget = () => stored("").forEach((key) => key == "consent" || remove(key));

  // Global Privacy Control and Do Not Track come before consent.
  const objects = () => navigator.globalPrivacyControl || navigator.doNotTrack == 1;
  const allowed = () => {
    if (!storage || objects()) return false;
    const choice = read("consent");
    return choice == "yes" || (choice != "no" && mode != "required");
  };

  const random = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, 0)).join("");
  const anonymousId = () => {
    if (!allowed()) return;
    const [since, id] = (read("id") || "").split(" ");
    if (id && Date.now() - since < ID_DAYS * DAY) return id;
    write("id", Date.now() + " " + random());
    return anonymousId();
  };

  // Fragments are left out, but for the routes of single-page sites (#/route, #!route), those without their queries.
  const route = () => (/^#[!/][^?]*/.exec(location.hash) || [""])[0];
  const address = () => location.origin + location.pathname + location.search + route();
  let viewed;
  let referrer = document.referrer;
  const pageFields = () => ({
    url: address(),
    path: location.pathname + route(),
    search: location.search,
    title: document.title,
    referrer,
  });
  const campaign = () => {
    const found = {};
    new URLSearchParams(location.search).forEach((value, key) => {
      if (key.startsWith("utm_")) found[key == "utm_campaign" ? "name" : key.slice(4)] = value;
    });
    return found;
  };

  const record = (type, fields) => {
    if (!allowed()) return;
    const time = new Date();
    const messageId = random();
    const text = JSON.stringify({
      type,
      messageId,
      timestamp: time,
      anonymousId: anonymousId(),
      context: {
        page: pageFields(),
        campaign: campaign(),
        locale: navigator.language,
        library: { name: "tracker.js", version: "1" },
      },
      ...fields,
    });
    if (text.length > BATCH) throw "event too large";
    // Each event has a key of its own, so that tabs do not overwrite one another's.
    const key = "event." + +time + "." + messageId;
    write(key, text);
    ours.add(key);
    let room = QUEUE;
    stored("event.").reverse().forEach((kept) => (room -= read(kept).length) < 0 && remove(kept));
    soon(250);
  };

  // An event is kept until the server has answered. One that is sent again has the same id, and is a duplicate.
  const sending = new Set();
  // Those of this page: while it is left, earlier ones, which went the same way once, are not sent again.
  const ours = new Set();
  let failures = 0;
  let timer;
  const soon = (delay) => (timer = timer || setTimeout(deliver, delay));
  const deliver = safely((leaving) => {
    timer = clearTimeout(timer);
    if (!allowed() || (sending.size && !leaving)) return;
    let room = BATCH;
    const keys = [];
    const texts = [];
    for (const key of stored("event.")) {
      if (key.split(".")[1] < Date.now() - QUEUE_DAYS * DAY) remove(key);
      const text = read(key);
      if (!text || sending.has(key) || (leaving && !ours.has(key))) continue;
      if ((room -= text.length) < 0 || keys.length == BATCH_EVENTS) break;
      keys.push(key);
      texts.push(text);
      sending.add(key);
    }
    if (!keys.length) return;
    const batch = JSON.stringify({ writeKey, sentAt: new Date(), batch: 0 });
    // A string goes as text/plain, for which browsers do not ask the server first (CORS).
    const body = batch.replace(/0}$/, () => "[" + texts + "]}");
    if (leaving) return navigator.sendBeacon(endpoint, body);
    fetch(endpoint, { method: "POST", body, keepalive: true, credentials: "omit" })
      .then((answer) => {
        if (answer.status == 429 || answer.status >= 500) throw answer.status;
        failures = 0;
        keys.forEach(remove);
        // Until it is read, the request counts among the 64 kB.
        return answer.text();
      })
      .then((text) => text.includes('"reason"') && warn(text))
      .catch(() => failures++)
      .then(() => {
        keys.forEach((key) => sending.delete(key));
        if (stored("event.").length) soon(failures && Math.min(3e5, 2500 * 2 ** failures) * (0.5 + Math.random()));
      });
  });
  const retry = () => {
    failures = 0;
    // The outcome of a beacon is unknown: what it sent is sent again.
    sending.clear();
    deliver();
  };

  const page = (name, properties) => {
    if (viewed && viewed != address()) referrer = viewed;
    viewed = address();
    record("page", { name, properties: { ...pageFields(), ...properties } });
  };
  const view = safely(() => pages != "manual" && viewed != address() && page());
  const consent = (given) => {
    if (!storage || objects()) return;
    const before = allowed();
    write("consent", given ? "yes" : "no");
    if (!given) forget();
    else if (!before) {
      viewed = 0;
      view();
    }
  };
  const api = {
    track: (event, properties) => record("track", { event, properties }),
    page,
    identify: (userId, traits) => {
      if (!allowed()) return;
      // A second person at the same browser becomes another visitor.
      if (read("user") && read("user") != userId) api.reset();
      write("user", userId);
      record("identify", { userId: "" + userId, traits });
    },
    reset: () => storage && ["id", "user"].forEach(remove),
    anonymousId,
    consent,
    optOut: () => consent(false),
    optIn: () => consent(true),
    push: ([name, ...given]) => api[name](...given),
  };
  for (const name in api) api[name] = safely(api[name]);
  window.engagement = api;

  // data-engagement-event names the event, other data-engagement-… are its properties. What is typed is not read.
  const listen = (type, selector, usual, own) =>
    document.addEventListener(
      type,
      safely(({ target, button }) => {
        const element = target.closest && target.closest(selector);
        // An `auxclick` is of the middle button, which opens a tab, or of the right one, which opens a menu.
        if (!element || button > 1) return;
        const { event, ...properties } = [...element.attributes].reduce(
          (found, { name, value }) =>
            name.startsWith(ATTRIBUTE) ? { ...found, [name.slice(16).replace(/-/g, "_")]: value } : found,
          own(element),
        );
        api.track(event || usual, properties);
      }),
      true,
    );
  const clicked = [`[${ATTRIBUTE}event]:not(form)`, "link_clicked"];
  const link = ({ href }) => (href && href.split ? { href: href.split(/[?#]/)[0] } : {});
  listen("click", ...clicked, link);
  listen("auxclick", ...clicked, link);
  listen("submit", `form[${ATTRIBUTE}event]`, "form_submitted", (form) => {
    // Its own: `form.id` may be a field of it.
    const name = form.getAttribute("name") || form.getAttribute("id");
    return { form: name, object_id: name };
  });

  // A moment later, when the site has changed its title.
  const moved = () => setTimeout(view);
  for (const change of ["pushState", "replaceState"]) {
    const original = history[change];
    history[change] = function (...given) {
      original.apply(this, given);
      moved();
    };
  }
  ["popstate", "hashchange"].forEach((type) => addEventListener(type, moved));
  // A page that comes back from the browser's cache is viewed again.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) {
      viewed = 0;
      moved();
    }
  });
  addEventListener("pagehide", deliver);
  document.addEventListener("visibilitychange", () => (document.hidden ? deliver(true) : retry()));
  addEventListener("online", retry);

  if (storage && !allowed()) forget();
  calls.forEach(api.push);
  // A page that is prepared in advance is viewed once it is shown.
  if (document.prerendering) document.addEventListener("prerenderingchange", moved);
  else view();
  // What an earlier page could not send.
  if (allowed()) soon(250);
})();
