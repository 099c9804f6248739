const DATA = JSON.parse(document.getElementById("data").textContent);
const FILTERS = ["codec", "mode", "policy", "task", "send", "sensor", "link", "timing"];
const ALWAYS = ["codec", "policy", "task", "send", "sensor"];
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a3fb0", "#8c2d04", "#1b7837", "#c51b7d",
  "#35978f", "#e08214", "#5e4fa2", "#bf812d", "#3288bd"], SHADES = ["#3b4754", "#7d8896", "#8a6d5a", "#6b7f6b", "#7b6a9a", "#946a4a"];
const TICKS = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7].flatMap(power => [1, 2, 5].map(digit => Number(`${digit}e${power}`)));
const SYMBOLS = ["circle", "diamond", "triangle-up", "square", "star", "hexagon", "triangle-down", "pentagon"];
/* What a curve's name says behind its codec and mode: its conditions. Colour tells the codec, dash the mode, symbol these. */
const conditions = [...new Set(DATA.points.map(point => point.curve.split(", ").slice(1).join(", ")))];
const symbol = point => SYMBOLS[conditions.indexOf(point.curve.split(", ").slice(1).join(", ")) % SYMBOLS.length];
const names = isCodec => [...new Set(DATA.points.filter(point => (point.role === "codec") === isCodec).map(point => point.codec))];
const codecs = names(true), others = names(false);
const colour = codec => codecs.includes(codec) ? COLOURS[codecs.indexOf(codec) % COLOURS.length] : SHADES[others.indexOf(codec) % SHADES.length];
/* Where the codecs' points lie on an axis; rivals far outside of it (nothing sent, or everything) would squeeze them together. */
function span(points, x) {
  const values = points.filter(point => point.role === "codec" && point[x] > 0).map(point => point[x]);
  return values.length ? [Math.min(...values) / 1.6, Math.max(...values) * 1.6] : [0, Infinity];
}
const $ = id => document.getElementById(id);
const hidden = Object.fromEntries(FILTERS.map(key => [key, new Set()]));
let paperShown = true;
/* Of the episodes: objects left out, first and last seed. */
const seeds = Object.values(DATA.outcomes).flatMap(of => Object.keys(of).map(Number)), every = [Math.min(...seeds), Math.max(...seeds)];
const objectsHidden = new Set(), range = [...every];
const whole = () => !objectsHidden.size && range[0] <= every[0] && range[1] >= every[1];
const kept = (seed, outcome) => seed >= range[0] && seed <= range[1] && !(outcome && objectsHidden.has(outcome[OBJECT]));

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}
const known = value => value !== null && value !== undefined;
const number = (value, digits = 3) => !known(value) ? "–" : Math.abs(value) >= 10000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
const percent = value => known(value) ? (100 * value).toFixed(0) + " %" : "–";
const interval = ci => known(ci) && known(ci[0]) ? `[${ci[0].toFixed(2)}, ${ci[1].toFixed(2)}]` : "–";
const signed = value => known(value) ? (value > 0 ? "+" : "") + value.toFixed(3) : "–";
const shown = point => FILTERS.every(key => !hidden[key].has(String(point[key])));
const rate = point => known(point.target_bpp) ? `${point.target_bpp} bpp` : known(point.target_bitrate) ? `${point.target_bitrate} bit/s` : "";
const label = point => point.curve + (rate(point) ? `, ${rate(point)}` : "");
const byName = Object.fromEntries(DATA.points.map(point => [point.name, point]));

function buildFilters() {
  for (const key of FILTERS) {
    const values = [...new Set(DATA.points.map(point => String(point[key])))];
    if (values.length < 2 && !ALWAYS.includes(key)) continue;
    const group = element("fieldset");
    group.append(element("legend", key));
    for (const value of values) {
      const choice = element("label");
      const box = element("input");
      box.type = "checkbox";
      box.checked = true;
      box.dataset.filter = key;
      box.value = value;
      box.addEventListener("change", () => { box.checked ? hidden[key].delete(value) : hidden[key].add(value); draw(); });
      choice.append(box);
      if (key === "codec") {
        const swatch = element("span", "", "swatch");
        swatch.style.background = colour(value);
        choice.append(swatch);
      }
      choice.append(document.createTextNode(value));
      group.append(choice);
    }
    $("filters").append(group);
  }
  if (DATA.object_names.length > 1) {
    const group = element("fieldset");
    group.append(element("legend", "object"));
    DATA.object_names.forEach((name, index) => {
      const choice = element("label"), box = element("input");
      box.type = "checkbox";
      box.checked = true;
      box.dataset.filter = "object";
      box.value = name;
      box.addEventListener("change", () => { box.checked ? objectsHidden.delete(index) : objectsHidden.add(index); draw(); });
      choice.append(box, document.createTextNode(name));
      group.append(choice);
    });
    $("filters").append(group);
  }
  if (every[1] > every[0]) {
    const group = element("fieldset");
    group.append(element("legend", "seeds"));
    ["first", "last"].forEach((name, end) => {
      const choice = element("label"), box = element("input");
      box.type = "number";
      box.id = `seed-${name}`;
      [box.min, box.max, box.value] = [every[0], every[1], every[end]];
      box.addEventListener("change", () => { range[end] = box.value === "" ? every[end] : Number(box.value); draw(); });
      choice.append(document.createTextNode(name), box);
      group.append(choice);
    });
    $("filters").append(group);
  }
  const group = element("fieldset"), choice = element("label"), box = element("input");
  box.type = "checkbox";
  box.checked = true;
  box.id = "paper";
  box.addEventListener("change", () => { paperShown = box.checked; draw(); });
  choice.append(box, document.createTextNode("paper's curves (other policy)"));
  group.append(choice);
  $("filters").append(group);
}

function paperTraces(y) {
  const names = [...new Set(DATA.paper.map(row => row.codec))];
  return names.map((name, index) => {
    const rows = DATA.paper.filter(row => row.codec === name);
    return { x: rows.map(row => row.bpp), y: rows.map(row => row[y]), name: "paper (other policy)", legendgroup: "paper", showlegend: index === 0,
      mode: "lines", line: { color: "#c3cad3", width: 1.5 }, hovertemplate: `paper: ${name}<br>%{x:.4f} bpp: %{y}<extra></extra>` };
  });
}

function traces(points, x, y, ci, within) {
  const curves = [...new Set(points.filter(point => point.role !== "uncompressed").map(point => point.curve))];
  return curves.map(name => {
    const rows = points.filter(point => point.curve === name && known(point[x]) && point[x] > 0 && known(point[y]) && (point.role === "codec" || onAxis(point, x, within))).sort((a, b) => a[x] - b[x]);
    if (!rows.length) return null;
    const rival = rows[0].role === "rival";
    return { x: rows.map(row => row[x]), y: rows.map(row => row[y]), name, mode: rival ? "markers" : "lines+markers",
      line: { color: colour(rows[0].codec), width: 2, dash: rows[0].mode === "inter" ? "solid" : "dash" },
      marker: { color: colour(rows[0].codec), size: rival ? 11 : 7, symbol: rival ? "x" : symbol(rows[0]) },
      error_y: { type: "data", symmetric: false, thickness: 1, width: 3, color: colour(rows[0].codec),
        array: rows.map(row => known(row[ci]) && known(row[ci][1]) ? row[ci][1] - row[y] : 0), arrayminus: rows.map(row => known(row[ci]) && known(row[ci][0]) ? row[y] - row[ci][0] : 0) },
      text: rows.map(row => `${label(row)}<br>SR ${number(row.success_rate)} ${interval(row.success_rate_ci95)}, ${row.episodes} episodes<br>${number(row.payload_bpp)} bpp, ${number(row.bits_per_second)} bit/s<br>mean steps ${number(row.mean_steps)}`),
      hovertemplate: "%{text}<extra></extra>" };
  }).filter(Boolean);
}

const onAxis = (point, x, within) => point[x] >= within[0] && point[x] <= within[1];

/* Runs without a place on the axis of bits (uncompressed; rivals far from the codecs' rates) are levels across the plot. */
function levels(points, x, y, within) {
  const shapes = [], entries = [];
  const level = (value, name, color, dash) => {
    shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line: { color, width: 1.4, dash }, layer: "below" });
    entries.push({ x: [null], y: [null], mode: "lines", name, line: { color, width: 1.4, dash } });
  };
  points.filter(point => point.role === "uncompressed" && known(point[y])).forEach((point, index) => {
    const shade = ["#3b4754", "#7b6a9a", "#4f7d6b", "#946a4a"][index % 4], name = point.curve.replace("none", "uncompressed");
    level(point[y], `${name}: ${number(point[y])}`, shade, point.reference ? "solid" : "longdashdot");
    if (y === "success_rate" && point.reference) level(0.95 * point[y], `0.95 x ${name}`, shade, "dash");
  });
  for (const point of points.filter(point => point.role === "rival" && known(point[y]) && !onAxis(point, x, within)))
    level(point[y], `${point.curve}: ${number(point[y])} at ${point[x] > 0 ? number(point[x], 2) : "no"} ${x === "payload_bpp" ? "bpp" : "bit/s"}`, colour(point.codec), "dot");
  return { shapes, entries };
}

function plot(id, points, x, y, ci, xTitle, yTitle, paper) {
  const within = span(points, x), background = paper && paperShown ? paperTraces(paper) : [], { shapes, entries } = levels(points, x, y, within);
  const layout = { margin: { l: 60, r: 16, t: 30, b: 50 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest", font: { family: "system-ui, sans-serif", size: 12, color: "#1c2430" },
    xaxis: { type: "log", title: { text: xTitle }, gridcolor: "#eceff3", zeroline: false, tickvals: TICKS, ticktext: TICKS.map(value => value >= 1000 ? value / 1000 + "k" : String(value)), ticks: "outside", tickcolor: "#c3cad3" },
    yaxis: { title: { text: yTitle }, gridcolor: "#eceff3", zeroline: false, ...(y === "success_rate" ? { range: [-0.03, 1.05] } : { rangemode: "tozero" }) },
    showlegend: id === "plot-sr-bpp", legend: { x: 1.01, y: 1 }, shapes };
  return Plotly.react(id, [...background, ...entries, ...traces(points, x, y, ci, within)], layout, { responsive: true, displaylogo: false, modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]], toImageButtonOptions: { format: "svg", filename: id } });
}

function fill(id, columns, rows) {
  const table = $(id), head = element("thead"), body = element("tbody"), top = element("tr");
  for (const column of columns) top.append(element("th", column[0], column[2]));
  head.append(top);
  for (const row of rows) {
    const line = element("tr");
    for (const column of columns) line.append(element("td", column[1](row), column[2]));
    body.append(line);
  }
  if (!rows.length) {
    const line = element("tr"), cell = element("td", "nothing to show", "empty");
    cell.colSpan = columns.length;
    line.append(cell);
    body.append(line);
  }
  table.replaceChildren(head, body);
}

function drawTables(points) {
  const names = new Set(points.map(point => point.name)), curves = new Set(points.map(point => point.curve));
  fill("table-curves", [["curve", row => row.name], ["points", row => row.points], ["seeds", row => row.seeds],
    ["threshold, bpp", row => row.threshold_bpp.text], ["threshold, bit/s", row => row.threshold_bps.text],
    ["bits at equal SR", row => row.saving && known(row.saving.value) ? `${(100 * row.saving.value).toFixed(1)} %` + (known(row.saving.low) ? ` [${(100 * row.saving.low).toFixed(1)}, ${(100 * row.saving.high).toFixed(1)}]` : "") : "–"],
    ["against", row => row.anchor || "–"], ["over SR", row => row.saving && known(row.saving.success_low) ? `${row.saving.success_low.toFixed(2)}–${row.saving.success_high.toFixed(2)}` : "–"]],
  whole() ? DATA.curves.filter(row => curves.has(row.name)) : []);
  fill("table-points", [["point", label], ["episodes", row => row.episodes + (row.missing > 0 ? ` of ${row.expected}` : "")], ["SR", row => number(row.success_rate)], ["95 %", row => interval(row.success_rate_ci95)],
    ["payload bpp", row => number(row.payload_bpp)], ["wire bpp", row => number(row.wire_bpp)], ["bit/s", row => number(row.bits_per_second)], ["bits per success", row => number(row.bits_per_success)],
    ["mean steps", row => number(row.mean_steps)], ["of successes", row => number(row.mean_steps_success)], ["path, rad", row => number(row.path_length)], ["action efficiency", row => number(row.action_efficiency)], ["jerk, rad/s³", row => number(row.jerk)],
    ["PSNR, dB", row => number(row.psnr)], ["MS-SSIM", row => number(row.ms_ssim)], ["action error, rad", row => number(row.action_error)], ["frame age p50, ms", row => number(row.frame_age_p50)], ["at floor", row => number(row.frames_at_floor)], ["infra errors", row => row.infrastructure_errors]], points);
  fill("table-comparisons", [["candidate", row => label(byName[row.candidate])], ["against", row => label(byName[row.anchor]), "text"], ["sweep", row => row.sweep || "–", "text"], ["kind", row => row.kind, "text"], ["seeds", row => row.difference.seeds], ["only it / only other", row => `${row.difference.gained} / ${row.difference.lost}`],
    ["difference", row => signed(row.difference.difference)], ["95 %", row => interval([row.difference.low, row.difference.high])], ["p (McNemar)", row => number(row.difference.p_value)], ["p adjusted", row => row.kind === "exploratory" ? "–" : number(row.p_adjusted)], ["rates allow it", row => row.fair ? "yes" : "no"], ["≥ 0.95 x", row => row.not_below ? "yes" : "not shown"]],
  whole() ? DATA.comparisons.filter(row => names.has(row.candidate)) : []);
  const objects = DATA.object_names.map((name, index) => [name, index]).filter(([, index]) => !objectsHidden.has(index));
  fill("table-objects", [["point", label], ...objects.map(([name, index]) => [name, row => {
    const of = Object.entries(DATA.outcomes[row.name] || {}).filter(([seed, outcome]) => outcome[OBJECT] === index && kept(Number(seed), outcome));
    return of.length ? `${of.filter(([, outcome]) => outcome[WON]).length}/${of.length}` : "–";
  }])], points);
  const both = key => row => { const found = row.latency_ms[key]; return found && known(found.p50) ? `${number(found.p50)} / ${number(found.p95)}` : "–"; };
  fill("table-latency", [["point", label], ...["encode", "decode", "policy", "frame_age"].map(key => [key.replace("_", " "), both(key)])], points);
}

function draw() {
  const points = DATA.points.filter(shown).map(point => whole() ? point : restricted(point, kept));
  $("partial").hidden = whole();
  $("lead").textContent = `${points.length} of ${DATA.points.length} points, ${points.reduce((sum, point) => sum + point.episodes, 0).toLocaleString("en")} episodes shown. ${Object.entries(DATA.shared).filter(([, value]) => known(value) && value !== false).map(([key, value]) => `${key}: ${value}`).join(" · ")}`;
  plot("plot-sr-bpp", points, "payload_bpp", "success_rate", "success_rate_ci95", "payload bits per pixel", "success rate", "success_rate");
  plot("plot-sr-bps", points, "bits_per_second", "success_rate", "success_rate_ci95", "payload bit/s of simulated time", "success rate", null);
  plot("plot-steps-bpp", points, "payload_bpp", "mean_steps", "mean_steps_ci95", "payload bits per pixel", "mean steps", "mean_steps");
  drawTables(points);
  fill("table-correlations", [["metric", row => row[0]], ["rho", row => number(row[1].rho)], ["p", row => number(row[1].p_value)], ["points", row => row[1].points]],
    correlations(points).sort((a, b) => Math.abs(b[1].rho || 0) - Math.abs(a[1].rho || 0)));
  viewer.fill();
}

/* Plotly travels packed: it is most of the page. */
async function unpackPlotly() {
  const packed = Uint8Array.from(atob($("plotly").textContent), letter => letter.charCodeAt(0));
  const script = element("script", await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
  document.head.append(script);
}

async function start() {
  for (const warning of DATA.warnings) $("warnings").append(element("li", warning));
  buildFilters();
  fill("table-sweeps", [["sweep", row => row.sweep], ["cells", row => row.cells], ["episodes", row => row.episodes], ["failed attempts", row => row.infrastructure_errors],
    ["commits", row => row.commits.map(commit => commit.slice(0, 12) + (commit.endsWith("-dirty") ? "-dirty" : "")).join(", "), "text"], ["processors", row => row.processors.join("; "), "text"]], DATA.sweeps);
  $("configuration").textContent = JSON.stringify(DATA.configurations, null, 2);
  $("facts").textContent = JSON.stringify(DATA.facts, null, 2);
  buildViewer();
  await unpackPlotly();
  draw();
  document.body.dataset.ready = "yes";
  document.dispatchEvent(new Event("ready"));
}

start().catch(error => { $("lead").textContent = `This page can't be drawn here: ${error.message}. It needs a browser of 2023 or later.`; throw error; });
