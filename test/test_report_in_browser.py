"""The report's page where Chromium is installed: it loads, plots draw, filters filter, and the console stays empty."""

# ruff: noqa: E501  (page scripts inside)
from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from embodiedcomp_eval.report import page
from embodiedcomp_eval.statistics import wilson

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


PROBE = """
<script>
document.addEventListener("ready", () => {
const rows = id => document.querySelectorAll(`#${id} tbody tr`).length;
const drawn = id => document.querySelectorAll(`#${id} .scatterlayer .trace`).length;
const box = (key, value) => document.querySelector(`input[data-filter="${key}"][value="${value}"]`);
const seen = { ready: document.body.dataset.ready, points: rows("table-points"), traces: drawn("plot-sr-bpp"), bps: drawn("plot-sr-bps"), steps: drawn("plot-steps-bpp") };
box("codec", "webp").click();
seen.withoutWebp = rows("table-points"); seen.tracesWithoutWebp = drawn("plot-sr-bpp"); seen.curvesWithoutWebp = rows("table-curves");
box("sensor", "real").click();
seen.clean = rows("table-points");
document.getElementById("paper").click();
seen.tracesWithoutPaper = drawn("plot-sr-bpp");
box("codec", "webp").click(); box("sensor", "real").click(); document.getElementById("paper").click();
seen.again = rows("table-points"); seen.tracesAgain = drawn("plot-sr-bpp");
const cells = id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => [...row.children].map(cell => cell.textContent));
const byMetric = () => Object.fromEntries(cells("table-correlations").map(row => [row[0], row.slice(1)]));
const options = () => document.querySelectorAll("#left option").length;
seen.legend = [...document.querySelectorAll("#plot-sr-bpp .legendtext")].map(text => text.textContent);
seen.sweeps = cells("table-sweeps"); seen.correlations = byMetric(); seen.options = options();
seen.compared = [document.getElementById("left"), document.getElementById("right")].map(side => side.selectedOptions[0].textContent);
box("mode", "inter").click();
seen.correlationsIntra = byMetric(); seen.optionsIntra = options();
box("mode", "inter").click();
box("object", "can").click();
seen.withoutCan = cells("table-points").map(row => row.slice(1, 4)); seen.partial = !document.getElementById("partial").hidden;
seen.objects = cells("table-objects")[0]; seen.comparisons = cells("table-comparisons").length;
box("object", "can").click();
const last = document.getElementById("seed-last");
last.value = 10009; last.dispatchEvent(new Event("change"));
seen.tenSeeds = cells("table-points").map(row => row[1]); seen.tracesOfTen = drawn("plot-sr-bpp");
last.value = 10039; last.dispatchEvent(new Event("change"));
seen.partialAgain = !document.getElementById("partial").hidden;
const slider = document.getElementById("slider");
const before = document.getElementById("left-image").src;
slider.value = 2; slider.dispatchEvent(new Event("input"));
seen.moved = document.getElementById("left-image").src !== before;
seen.sliderText = document.getElementById("slider-text").textContent;
document.getElementById("play").click(); seen.playing = document.getElementById("play").textContent; document.getElementById("play").click();
const out = document.createElement("pre"); out.id = "probe"; out.textContent = JSON.stringify(seen); document.body.append(out);
});
</script>
"""
LOOK = """
<script>
document.addEventListener("ready", () => {
const traces = ["sr-bpp", "sr-bps", "steps-bpp"].map(id => document.querySelectorAll(`#plot-${id} .scatterlayer .trace`).length);
const seen = { ready: document.body.dataset.ready, points: document.querySelectorAll("#table-points tbody tr").length, traces };
const out = document.createElement("pre"); out.id = "probe"; out.textContent = JSON.stringify(seen); document.body.append(out);
});
</script>
"""


def browse(html: str, probe: str, tmp_path: Path) -> dict[str, Any]:
    """What ``probe`` leaves in its element when the page has drawn; the console must have stayed empty."""
    # a browser renders tens of seconds of virtual time at once: the probe's clicks run when the page has drawn
    probed = tmp_path / "page.html"
    probed.write_text(html.replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom", probed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert console == []
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout)
    assert found is not None, done.stderr
    seen: dict[str, Any] = json.loads(unescape(found.group(1)))
    return seen


in_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"
)


@pytest.mark.slow
@in_a_browser
def test_the_committed_page_draws_in_a_browser(tmp_path: Path) -> None:
    page_file = Path(__file__).resolve().parents[1] / "docs" / "results" / "curve" / "index.html"
    seen = browse(page_file.read_text(encoding="utf-8"), LOOK, tmp_path)
    assert seen["ready"] == "yes" and seen["points"] >= 20
    assert all(count >= 4 for count in seen["traces"]), seen


@pytest.fixture(scope="module")
def seen(html: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return browse(html, PROBE, tmp_path_factory.mktemp("browser"))


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_plots_draw_filters_filter_and_the_console_is_clean(seen: dict[str, Any]) -> None:
    papers = len({row["codec"] for row in page.paper_curves()})
    assert seen["ready"] == "yes"
    assert (seen["points"], seen["withoutWebp"], seen["clean"], seen["again"]) == (17, 14, 10, 17)
    assert seen["curvesWithoutWebp"] == 3
    assert seen["traces"] == seen["tracesAgain"] >= papers + 4
    assert seen["traces"] - seen["tracesWithoutWebp"] == 1
    assert seen["tracesWithoutWebp"] - seen["tracesWithoutPaper"] >= papers
    assert seen["bps"] >= 4 and seen["steps"] >= papers + 4
    assert seen["moved"] and seen["sliderText"] == "3 / 3" and seen["playing"] == "stop"
    assert any(text.startswith("uncompressed, timing charged") for text in seen["legend"]), seen["legend"]
    assert seen["sweeps"] == [["sweep", "17", "680", "1", "unknown", "unknown"]]


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_decoded_stands_beside_its_source_and_the_filters_reach_the_pictures(seen: dict[str, Any]) -> None:
    left, right = seen["compared"]
    assert left.endswith("decoded, seed 10000") and right == left.replace("decoded", "source")
    assert (seen["options"], seen["optionsIntra"]) == (6, 0)


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_objects_and_seeds_give_the_numbers_of_the_episodes_left(
    seen: dict[str, Any], evaluation: dict[str, Any]
) -> None:
    assert seen["partial"] and not seen["partialAgain"]
    assert seen["objects"][0].startswith("none") and len(seen["objects"]) == 3 and seen["comparisons"] == 1
    others = evaluation["object_names"].index("can")
    for row, cells in zip(evaluation["points"], seen["withoutCan"], strict=True):
        left = [outcome for outcome in evaluation["outcomes"][row["name"]].values() if outcome[5] != others]
        won, low_high = sum(outcome[0] for outcome in left), wilson(sum(o[0] for o in left), len(left))
        assert (cells[0], float(cells[1])) == (str(len(left)), pytest.approx(won / len(left), abs=6e-4))
        assert cells[2] == f"[{low_high[0]:.2f}, {low_high[1]:.2f}]"
    assert set(seen["tenSeeds"]) == {"10"} and seen["tracesOfTen"] == seen["traces"]


@pytest.mark.slow
@in_a_browser
def test_in_a_browser_rank_correlations_are_those_of_the_points_shown(
    seen: dict[str, Any], evaluation: dict[str, Any]
) -> None:
    assert set(seen["correlations"]) == set(evaluation["correlations"])
    for name, (rho, p, points) in seen["correlations"].items():
        expected = evaluation["correlations"][name]
        assert int(points) == expected["points"]
        if expected["rho"] is None:
            assert rho == p == "–"
        else:
            assert float(rho) == pytest.approx(expected["rho"], rel=5e-3)
            assert float(p) == pytest.approx(expected["p_value"], rel=5e-3, abs=1e-9)
    assert seen["correlationsIntra"]["psnr"][2] == "7"
