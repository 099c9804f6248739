/* Saved pictures side by side: a slider, a player, and only what the filters show. fill: draw() tells it of every change. */
const viewer = { fill: () => {} };

function buildViewer() {
  const sets = DATA.frames;
  if (!sets.length) { $("section-frames").remove(); return; }
  $("frames-note").textContent = `Decoded frames, and sources where there was room, of the first saved episodes of each point, shown as WebP of quality ${DATA.frame_quality}. Closed loop: pictures differ between points because the arm moved differently. The uncompressed run's pictures are its sources.`;
  const cameras = [...new Set(sets.flatMap(set => Object.keys(set.cameras)))];
  for (const name of cameras) $("camera").append(new Option(name, name));
  const sourceOf = set => sets.findIndex(other => other.kind === "source" && other.point === set.point && other.seed === set.seed);
  const clean = set => sets.findIndex(other => byName[other.point].role === "uncompressed" && other.seed === set.seed);
  /* What a picture is best looked at beside: its own source, the uncompressed run of its scene, anything else. */
  const besides = index => [sourceOf(sets[index]), clean(sets[index]), 0].find(other => other >= 0);
  let timer = null;
  const show = () => {
    const step = Number($("slider").value);
    let longest = 0;
    for (const side of ["left", "right"]) {
      const set = sets[Number($(side).value)], frames = $(side).value === "" ? [] : set.cameras[$("camera").value] || [];
      longest = Math.max(longest, frames.length);
      const frame = frames[Math.min(step, frames.length - 1)];
      if (frame) $(side + "-image").src = frame.src; else $(side + "-image").removeAttribute("src");
      if (!frame) { $(side + "-caption").textContent = "no picture"; continue; }
      const point = byName[set.point], outcome = (DATA.outcomes[set.point] || {})[set.seed];
      const ended = outcome ? ` · this episode: ${outcome[WON] ? "success" : "failure"} after ${outcome[STEPS]} steps` : "";
      $(side + "-caption").textContent = `step ${frame.step}${step >= frames.length ? " (episode over)" : ""} · ${number(point.payload_bpp)} bpp · SR ${number(point.success_rate)}${ended}`;
    }
    $("slider").max = Math.max(0, longest - 1);
    $("slider-text").textContent = longest ? `${Math.min(step, longest - 1) + 1} / ${longest}` : "–";
  };
  viewer.fill = () => {
    const left = sets.map((set, index) => index).filter(index => shown(byName[sets[index].point]) && kept(sets[index].seed, (DATA.outcomes[sets[index].point] || {})[sets[index].seed]));
    for (const side of ["left", "right"]) {
      const before = $(side).value;
      $(side).replaceChildren(...left.map(index => new Option(`${label(byName[sets[index].point])} · ${sets[index].kind}, seed ${sets[index].seed}`, index)));
      const coded = left.filter(index => byName[sets[index].point].role === "codec" && sets[index].kind === "decoded");
      const first = [coded.find(index => sourceOf(sets[index]) >= 0), coded[0], left[0]].find(index => index !== undefined);
      if (before !== "" && left.includes(Number(before))) $(side).value = before;
      else if (first !== undefined) {
        const wanted = side === "left" ? first : besides(Number($("left").value));
        $(side).value = left.includes(wanted) ? wanted : first;
      }
    }
    show();
  };
  $("left").addEventListener("input", () => {
    const own = besides(Number($("left").value));
    if ([...$("right").options].some(option => option.value === String(own))) $("right").value = own;
    show();
  });
  for (const id of ["right", "camera", "slider"]) $(id).addEventListener("input", show);
  $("play").addEventListener("click", () => {
    if (timer !== null) { clearInterval(timer); timer = null; $("play").textContent = "play"; return; }
    $("play").textContent = "stop";
    timer = setInterval(() => { const slider = $("slider"); slider.value = Number(slider.value) >= Number(slider.max) ? 0 : Number(slider.value) + 1; show(); }, 400);
  });
}
