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
  // What the server has to say of the build: a note above the page, or none.
  function tell(text) {
    let note = document.getElementById("told");
    if (!text) { if (note) note.remove(); return; }
    if (!note) {
      note = document.createElement("p");
      note.id = "told";
      note.className = "note";
      note.setAttribute("role", "alert");
      document.getElementById("main").prepend(note);
    }
    note.textContent = text;
  }
  if (["127.0.0.1", "localhost"].includes(location.hostname)) {
    setInterval(async function () {
      try {
        const reply = await fetch(root.dataset.base + "version.txt", { cache: "no-store" });
        const lines = (await reply.text()).split("\n");
        if (!reply.ok) return;
        tell(lines.slice(1).join(" "));
        // The page itself knows of which build it is. After a build that failed, pages can be of two builds.
        if (lines.length === 1 && lines[0] !== root.dataset.version) location.reload();
      } catch (error) { /* the server is rebuilding or gone: the page stays readable */ }
    }, 3000);
  }
})();
