// PSNR against cost, one panel per cost, with the Pareto front. Data comes from data.js; colours from the page's theme.
"use strict";
(function () {
  const data = window.SR_DATA;
  if (!data || !window.Plotly) return;
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function front(points, cost) {
    let best = -Infinity;
    return points.filter(function (p) { return p.eligible; }).sort(function (a, b) { return a[cost] - b[cost] || b.psnr - a.psnr; })
      .filter(function (p) { if (p.psnr <= best) return false; best = p.psnr; return true; });
  }
  function traces(cost) {
    const points = data.points.filter(function (p) { return p[cost] !== null && p.psnr !== null; });
    const line = front(points, cost);
    const groups = [
      ["Ranked", function (p) { return p.eligible && !p.baseline; }, { color: colour("--chart"), size: 9 }],
      ["Baseline", function (p) { return p.baseline; }, { color: colour("--mark"), size: 11, symbol: "diamond" }],
      ["Not ranked", function (p) { return !p.eligible && !p.baseline; },
        { color: colour("--soft"), size: 8, symbol: "circle-open" }],
    ];
    const made = [{ x: line.map(function (p) { return p[cost]; }), y: line.map(function (p) { return p.psnr; }),
      mode: "lines", line: { shape: "hv", color: colour("--chart-soft"), width: 2 }, name: "Pareto front", hoverinfo: "skip" }];
    groups.forEach(function (group) {
      const some = points.filter(group[1]);
      made.push({ x: some.map(function (p) { return p[cost]; }), y: some.map(function (p) { return p.psnr; }),
        text: some.map(function (p) { return p.label; }), customdata: some.map(function (p) { return p.page; }),
        mode: "markers", type: "scatter", name: group[0], marker: group[2],
        hovertemplate: "<b>%{text}</b><br>%{y:.2f} dB at %{x:.3~g}<extra></extra>" });
    });
    return made;
  }
  function names(cost) { // the front's entries by their number, above the points
    return front(data.points.filter(function (p) { return p[cost] !== null && p.psnr !== null; }), cost).map(function (p) {
      return { x: Math.log10(p[cost]), y: p.psnr, text: p.label.split("_")[0].slice(0, 12), showarrow: false, yshift: 13,
        font: { color: colour("--ink"), size: 11 } };
    });
  }
  function layout(title, cost) {
    const axis = { gridcolor: colour("--line"), zeroline: false, linecolor: colour("--line"), ticks: "outside",
      tickcolor: colour("--line"), fixedrange: true };
    const shapes = data.threshold === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: data.threshold,
      y1: data.threshold, line: { color: colour("--soft"), width: 1, dash: "dot" } }];
    return { margin: { l: 48, r: 8, t: 16, b: 42 }, height: 300, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--soft"), size: 12, family: getComputedStyle(document.body).fontFamily },
      xaxis: Object.assign({ type: "log", title: { text: title, standoff: 8 }, dtick: "D2" }, axis),
      yaxis: Object.assign({ tickformat: ".2f" }, axis), showlegend: false, hovermode: "closest", shapes: shapes, annotations: names(cost) };
  }
  function draw() {
    document.querySelectorAll(".plot").forEach(function (place) {
      Plotly.react(place, traces(place.dataset.cost), layout(place.dataset.title, place.dataset.cost), { displayModeBar: false, responsive: true });
      if (!place.dataset.ready) {
        place.on("plotly_click", function (event) { location.href = event.points[0].customdata; });
        place.dataset.ready = "1";
      }
    });
  }
  document.addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
