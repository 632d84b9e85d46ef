// Quality against cost, one panel per cost, with the Pareto front. Data comes from data.js; colours from the page's theme.
// Panels are drawn, and plotly's 4.5 MB read, when they come near the window: until then the table has the processor.
"use strict";
(function () {
  const data = window.SR_DATA;
  if (!data) return;
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function plain(text) { return text.replace(/&/g, "&amp;").replace(/</g, "&lt;"); } // plotly reads tags in labels
  const sign = data.lower ? -1 : 1;
  function better(a, b) { return sign * (a.quality - b.quality); }
  function front(points, cost) {
    let best = -Infinity;
    return points.filter(function (p) { return p.eligible; }).sort(function (a, b) { return a[cost] - b[cost] || better(b, a); })
      .filter(function (p) { if (sign * p.quality <= best) return false; best = sign * p.quality; return true; });
  }
  function traces(cost) {
    const points = data.points.filter(function (p) { return p[cost] !== null && p.quality !== null; });
    const line = front(points, cost);
    const groups = [
      ["Ranked", function (p) { return p.eligible && !p.baseline; }, { color: colour("--chart"), size: 9 }],
      ["Baseline", function (p) { return p.baseline; }, { color: colour("--mark"), size: 11, symbol: "diamond" }],
      ["Not ranked", function (p) { return !p.eligible && !p.baseline; },
        { color: colour("--soft"), size: 8, symbol: "circle-open" }],
    ];
    const made = [{ x: line.map(function (p) { return p[cost]; }), y: line.map(function (p) { return p.quality; }),
      mode: "lines", line: { shape: "hv", color: colour("--chart-soft"), width: 2 }, name: "Pareto front", hoverinfo: "skip" }];
    groups.forEach(function (group) {
      const some = points.filter(group[1]);
      made.push({ x: some.map(function (p) { return p[cost]; }), y: some.map(function (p) { return p.quality; }),
        text: some.map(function (p) { return plain(p.label) + (p.team ? "</b><br>" + plain(p.team) + "<b>" : ""); }), customdata: some.map(function (p) { return p.page; }),
        mode: "markers", type: "scatter", name: group[0], marker: group[2],
        hovertemplate: "<b>%{text}</b><br>%{y:." + data.decimals + "f} " + data.unit + " at %{x:.3~g}<extra></extra>" });
    });
    return made;
  }
  function names(cost) { // the front's entries by their number, above the points
    return front(data.points.filter(function (p) { return p[cost] !== null && p.quality !== null; }), cost).map(function (p) {
      return { x: Math.log10(p[cost]), y: p.quality, text: plain(p.label.split("_")[0].slice(0, 12)), showarrow: false, yshift: 13,
        font: { color: colour("--ink"), size: 11 } };
    });
  }
  function ticks(cost) { // plain figures, three or more where the axis allows: plotly's own leave short axes bare
    const values = data.points.map(function (p) { return p[cost]; }).filter(function (v) { return v > 0; });
    const low = Math.min.apply(null, values) / 1.1, high = Math.max.apply(null, values) * 1.1;
    for (const steps of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 8]]) {
      const found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
        steps.forEach(function (step) { found.push(Number((step * Math.pow(10, power)).toPrecision(3))); });
      const inside = found.filter(function (v) { return v >= low && v <= high; });
      if (inside.length >= 3) return inside;
    }
    const step = Math.pow(10, Math.floor(Math.log10(high - low)));
    const even = [];
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) even.push(Number(v.toPrecision(3)));
    return even;
  }
  function layout(title, cost) {
    const axis = { gridcolor: colour("--line"), zeroline: false, linecolor: colour("--line"), ticks: "outside",
      tickcolor: colour("--line"), fixedrange: true };
    const shapes = data.threshold === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: data.threshold,
      y1: data.threshold, line: { color: colour("--soft"), width: 1, dash: "dot" } }];
    return { margin: { l: 48, r: 8, t: 16, b: 42 }, height: 300, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--soft"), size: 12, family: getComputedStyle(document.body).fontFamily },
      xaxis: Object.assign({ type: "log", title: { text: title, standoff: 8 }, tickmode: "array", tickvals: ticks(cost),
        ticktext: ticks(cost).map(String) }, axis),
      yaxis: Object.assign({ tickformat: "." + data.decimals + "f", autorange: data.lower ? "reversed" : true }, axis), showlegend: false, hovermode: "closest", shapes: shapes, annotations: names(cost) };
  }
  const places = Array.from(document.querySelectorAll(".plot"));
  function draw(place) {
    if (!window.Plotly) return;
    Plotly.react(place, traces(place.dataset.cost), layout(place.dataset.title, place.dataset.cost), { displayModeBar: false, responsive: true });
    if (!place.dataset.ready) {
      place.on("plotly_click", function (event) { location.href = event.points[0].customdata; });
      place.dataset.ready = "1";
    }
  }
  function redraw() { places.filter(function (place) { return place.dataset.ready; }).forEach(draw); }
  let wanted = [];
  function want(place) {
    if (window.Plotly) { draw(place); return; }
    wanted.push(place);
    if (wanted.length > 1) return; // the script is on its way
    const script = document.createElement("script");
    script.src = "assets/plotly.min.js";
    script.onload = function () { wanted.forEach(draw); wanted = []; };
    document.body.appendChild(script);
  }
  const watcher = new IntersectionObserver(function (seen) {
    seen.filter(function (one) { return one.isIntersecting; }).forEach(function (one) {
      watcher.unobserve(one.target);
      want(one.target);
    });
  }, { rootMargin: "400px" });
  places.forEach(function (place) { watcher.observe(place); });
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
