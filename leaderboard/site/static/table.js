// Sort, filter and track switch of the leaderboard. Rows are in the page already; this only orders and hides them.
"use strict";
(function () {
  const table = document.getElementById("board");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById("find");
  const doubts = document.getElementById("clean");
  const count = document.getElementById("count");
  const rows = Array.from(body.rows).map(function (row, index) {
    return { row: row, index: index, text: row.dataset.find, flagged: row.dataset.flagged === "1",
      values: Array.from(row.cells).map(function (cell) { return cell.dataset.v; }) };
  });
  const numeric = heads.map(function (head) { return head.dataset.kind === "number"; });
  rows.forEach(function (item) { // numbers are parsed once, not in every comparison
    item.values = item.values.map(function (value, column) { return numeric[column] && value !== "" ? Number(value) : value; });
  });
  const collator = new Intl.Collator("en", { numeric: true });
  let state = { column: 0, ascending: true };
  let ready = false;

  // The view is kept in the address, so that it survives the reload of a served page and can be sent to others.
  function remember() {
    if (!ready) return;
    const track = document.querySelector("[data-track][aria-pressed=true]");
    const view = new URLSearchParams();
    if (track && track.dataset.track !== "rank") view.set("track", track.dataset.track);
    if (state.column !== 0 || !state.ascending) view.set("sort", (state.ascending ? "" : "-") + state.column);
    if (search.value) view.set("find", search.value);
    if (doubts.checked) view.set("clean", "1");
    history.replaceState(null, "", view.toString() ? "#" + view : location.pathname);
  }
  function restore() {
    const view = new URLSearchParams(location.hash.slice(1));
    const track = Array.from(document.querySelectorAll("[data-track]")).find(function (button) {
      return button.dataset.track === view.get("track");
    });
    if (track) track.click();
    const sorted = /^(-?)(\d+)$/.exec(view.get("sort") || "");
    if (sorted && Number(sorted[2]) < heads.length) sort(Number(sorted[2]), !sorted[1]);
    search.value = view.get("find") || "";
    doubts.checked = view.get("clean") === "1";
    filter();
    ready = true;
  }

  function compare(column, ascending) {
    const sign = ascending ? 1 : -1;
    return function (a, b) {
      const x = a.values[column], y = b.values[column];
      const missing = (x === "") - (y === "");
      if (missing) return missing; // unknown figures stay last in both directions
      const order = numeric[column] ? x - y : collator.compare(x, y);
      return sign * order || a.index - b.index;
    };
  }
  function sort(column, ascending) {
    state = { column: column, ascending: ascending };
    body.textContent = ""; // emptied at once: moving a thousand rows one by one took a fifth longer
    const parts = document.createDocumentFragment();
    rows.slice().sort(compare(column, ascending)).forEach(function (item) { parts.appendChild(item.row); });
    body.appendChild(parts);
    heads.forEach(function (head, index) {
      head.setAttribute("aria-sort", index === column ? (ascending ? "ascending" : "descending") : "none");
    });
    remember();
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach(function (item) {
      const fits = words.every(function (word) { return item.text.includes(word); }) && !(doubts.checked && item.flagged);
      item.row.hidden = !fits;
      shown += fits;
    });
    count.textContent = shown + " of " + rows.length + " ranked entries";
    remember();
  }
  heads.forEach(function (head, index) {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", function () {
      const first = head.dataset.first !== "descending";
      sort(index, state.column === index ? !state.ascending : first);
    });
  });
  search.addEventListener("input", filter);
  doubts.addEventListener("change", filter);
  document.querySelectorAll("[data-track]").forEach(function (button) {
    button.addEventListener("click", function () {
      const track = button.dataset.track;
      document.querySelectorAll("[data-track]").forEach(function (other) {
        other.setAttribute("aria-pressed", String(other === button));
      });
      rows.forEach(function (item) {
        const rank = item.row.getAttribute("data-" + track) || "";
        item.row.cells[0].textContent = rank || "–";
        item.row.cells[0].dataset.v = rank;
        item.values[0] = rank === "" ? "" : Number(rank);
        item.row.classList.toggle("first", rank === "1");
      });
      sort(0, true);
    });
  });
  restore();
})();
