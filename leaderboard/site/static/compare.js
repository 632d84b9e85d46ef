// Two entries on one image: slider, zoom, LR, HR and error maps. The choice is kept in the address after '#'.
"use strict";
(function () {
  const data = window.SR_COMPARE;
  const get = function (id) { return document.getElementById(id); };
  const first = get("first"), second = get("second"), image = get("image"), slider = get("slider");
  const zoomText = get("zoom");
  const choice = new URLSearchParams(location.hash.slice(1));
  // The largest whole zoom that fits the window, so that no pixel is blurred by the browser.
  let zoom = Math.max(1, Math.min(5, Math.floor(Math.min(get("main").clientWidth - 2, innerHeight * 0.75) / data.crop)));
  let centre = { x: 50, y: 50 }; // what the panes below are zoomed in on, in percent

  function option(list, value, text) { const item = new Option(text, value); list.add(item); }
  data.models.forEach(function (model) { option(first, model.id, model.name); option(second, model.id, model.name); });
  data.images.forEach(function (item) { option(image, item.id, item.name + (item.crop ? "" : " (figures only)")); });
  function preset(list, name, fallback) {
    const wanted = choice.get(name);
    if (wanted && Array.from(list.options).some(function (o) { return o.value === wanted; })) list.value = wanted;
    else list.selectedIndex = Math.min(fallback, list.options.length - 1);
  }
  preset(first, "a", 0); preset(second, "b", 1); preset(image, "image", 0);

  function file(kind, item) { return "crops/" + item.id + "/" + kind + ".webp"; }
  function figure(caption, sources, error) {
    const box = document.createElement("figure");
    const inner = document.createElement("div");
    inner.className = error ? "crop error" : "crop";
    sources.forEach(function (source, index) {
      const picture = new Image();
      picture.src = source;
      picture.alt = index === 0 ? caption : "";
      inner.appendChild(picture);
    });
    const text = document.createElement("figcaption");
    text.textContent = caption;
    box.append(inner, text);
    return box;
  }
  function figureOf(item, model) {
    const value = item.values[model.index];
    if (value === null) return "";
    return data.metric + " " + (typeof value === "string" ? "∞" : value.toFixed(data.decimals)) + (data.unit ? " " + data.unit : "");
  }
  function size() {
    const side = data.crop * zoom;
    get("stage").querySelectorAll("img").forEach(function (picture) { picture.style.width = picture.style.height = side + "px"; });
    slider.style.width = side + "px";
    zoomText.textContent = "×" + zoom;
    look();
    slide();
  }
  function look() { // all panes show the same place at the same scale
    const strip = get("strip");
    strip.style.setProperty("--zoom", Math.max(1, zoom - 1));
    strip.style.setProperty("--x", centre.x + "%");
    strip.style.setProperty("--y", centre.y + "%");
  }
  function slide() {
    get("over").style.width = slider.value + "%";
    slider.setAttribute("aria-valuetext", slider.value + "% " + first.selectedOptions[0].text);
  }
  function show() {
    const item = data.images.find(function (one) { return one.id === image.value; });
    const a = data.models.find(function (one) { return one.id === first.value; });
    const b = data.models.find(function (one) { return one.id === second.value; });
    if (!item || !a || !b) return;
    history.replaceState(null, "", "#" + new URLSearchParams({ a: a.id, b: b.id, image: item.id }));
    get("figures").textContent = a.name + " " + figureOf(item, a) + "   ·   " + b.name + " " + figureOf(item, b);
    get("image-page").href = "image/" + item.id + ".html";
    const kept = item.crop ? item.crop.models : [];
    const both = kept.includes(a.id) && kept.includes(b.id);
    get("pictures").hidden = !both;
    get("missing").hidden = both;
    if (!both) return;
    get("left").src = file(a.id, item); get("left").alt = a.name;
    get("right").src = file(b.id, item); get("right").alt = b.name;
    get("left-name").textContent = a.name; get("right-name").textContent = b.name;
    const strip = get("strip");
    strip.replaceChildren();
    if (item.crop.lr) strip.append(figure("LR", [file("_lr", item)]));
    strip.append(figure(a.name, [file(a.id, item)]), figure(b.name, [file(b.id, item)]));
    if (item.crop.hr) {
      strip.append(figure("HR", [file("_hr", item)]));
      strip.append(figure("Error of " + a.name + ", ×6", [file("_hr", item), file(a.id, item)], true));
      strip.append(figure("Error of " + b.name + ", ×6", [file("_hr", item), file(b.id, item)], true));
    } else {
      strip.append(figure("Difference, ×6", [file(a.id, item), file(b.id, item)], true));
    }
    size();
  }
  [first, second, image].forEach(function (list) { list.addEventListener("change", show); });
  slider.addEventListener("input", slide);
  get("stage").addEventListener("pointerdown", function (event) {
    if (event.pointerType === "touch") return; // touch scrolls the picture; the slider moves the divider
    event.preventDefault();
    get("stage").setPointerCapture(event.pointerId);
    drag(event);
  });
  get("stage").addEventListener("pointermove", function (event) { if (event.buttons && event.pointerType !== "touch") drag(event); });
  function drag(event) {
    const box = get("stage").getBoundingClientRect();
    slider.value = Math.round(100 * (event.clientX - box.left) / box.width);
    slide();
  }
  get("strip").addEventListener("pointermove", function (event) {
    const pane = event.target.closest(".crop");
    if (!pane) return;
    const box = pane.getBoundingClientRect();
    centre = { x: 100 * (event.clientX - box.left) / box.width, y: 100 * (event.clientY - box.top) / box.height };
    look();
  });
  get("strip").addEventListener("keydown", function (event) {
    const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
    if (!step) return;
    event.preventDefault();
    centre = { x: Math.min(100, Math.max(0, centre.x + step[0])), y: Math.min(100, Math.max(0, centre.y + step[1])) };
    look();
  });
  get("in").addEventListener("click", function () { zoom = Math.min(zoom + 1, 8); size(); });
  get("out").addEventListener("click", function () { zoom = Math.max(zoom - 1, 1); size(); });
  get("swap").addEventListener("click", function () {
    const kept = first.value; first.value = second.value; second.value = kept; show();
  });
  show();
})();
