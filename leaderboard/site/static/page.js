// Theme switch on every page, and reload when a served build changes. Elsewhere nothing is polled.
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
  if (["127.0.0.1", "localhost"].includes(location.hostname)) {
    setInterval(async function () {
      try {
        const reply = await fetch(root.dataset.base + "version.txt", { cache: "no-store" });
        const text = await reply.text();
        if (reply.ok && text !== root.dataset.version) location.reload(); // the page itself knows of which build it is
      } catch (error) { /* the server is rebuilding or gone: the page stays readable */ }
    }, 3000);
  }
})();
