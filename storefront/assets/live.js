// Looks at an order again when the shop says that it has changed, and shows what is new. Without
// it the page looks again by itself while a payment is on its way, and else when it is reloaded.
(() => {
  "use strict";
  const said = document.currentScript.dataset;
  const page = document.getElementById("order");
  const heard = document.getElementById("heard");
  if (!page || !heard) return;
  let version = said.version;
  let source, timer, looking = false, again = false, over = false;

  // Shows the order as it is now. Forms on the page are renewed with it: what they asked for may
  // not be possible any more.
  const look = async () => {
    if (over) return;
    if (looking) { again = true; return; }
    looking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) return location.reload();
      const there = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = there.getElementById("order");
      const state = there.querySelector("script[data-version]");
      if (!next) return location.reload();
      over = !state;
      if (over || state.dataset.version !== version) {
        version = state ? state.dataset.version : version;
        page.replaceChildren(...next.childNodes);
        document.title = there.title;
        const title = page.querySelector("h1");
        heard.textContent = title ? title.textContent : "";
        said.every = state && state.dataset.every || "";
      }
      if (over && source) source.close();
    } catch {
      // Another time.
    } finally {
      looking = false;
      if (again) { again = false; look(); } else { plan(); }
    }
  };

  // Where nobody tells, and the payment is on its way, it is looked at now and then.
  const plan = () => {
    clearTimeout(timer);
    const told = source && source.readyState !== EventSource.CLOSED;
    // Where nobody tells any more, the session may have to be renewed, which looking does.
    const every = Number(said.every) || (source ? 60 : 0);
    if (!over && !told && every && !document.hidden) timer = setTimeout(look, every * 1000);
  };

  const listen = () => {
    if (source) source.close();
    source = undefined;
    if (said.events && window.EventSource) {
      source = new EventSource(said.events);
      const hear = (event) => {
        let told = {};
        try { told = JSON.parse(event.data); } catch { /* Something has changed. */ }
        if (told === null || String(told.version) !== version) look();
      };
      source.addEventListener("status", hear);
      source.onerror = plan;
    }
    plan();
  };

  // A page that nobody sees holds no connection.
  document.addEventListener("visibilitychange", () => {
    if (over) return;
    if (document.hidden) {
      clearTimeout(timer);
      if (source) source.close();
    } else {
      listen();
      look();
    }
  });
  listen();
})();
