// Theme switch on every page, and reload when a served build changes. From disk there is no network and no polling.
"use strict";
(function () {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  function stored(value) {
    try {
      if (value !== undefined) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch (error) { return null; } // storage may be off; the system's theme then stays
  }
  function dark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function label() { button.textContent = dark() ? "Light theme" : "Dark theme"; }
  button.addEventListener("click", function () {
    root.dataset.theme = dark() ? "light" : "dark";
    stored(root.dataset.theme);
    label();
    document.dispatchEvent(new Event("themechange"));
  });
  label();
  if (location.protocol.startsWith("http")) {
    let version = null;
    setInterval(async function () {
      try {
        const reply = await fetch(root.dataset.base + "version.txt", { cache: "no-store" });
        const text = await reply.text();
        if (version !== null && text !== version && reply.ok) location.reload();
        if (reply.ok) version = text;
      } catch (error) { /* the server is rebuilding or gone: the page stays readable */ }
    }, 3000);
  }
})();
