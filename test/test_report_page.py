"""The report of synthetic results: complete, self-contained, escaped. In a browser: test_report_in_browser.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import VALUES, make_frames, make_sweep

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.evaluation import METRICS, evaluate
from embodiedcomp_eval.report import frames, markdown, page, pictures, tables
from embodiedcomp_eval.report.discussion import fill_in
from embodiedcomp_eval.results import ResultsError
from embodiedcomp_eval.saved_frames import list_frames
from embodiedcomp_eval.sources import Results, open_results


def embedded(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def test_the_page_holds_everything_and_asks_the_network_for_nothing(html: str, evaluation: dict[str, Any]) -> None:
    data = embedded(html)
    assert data["points"] == evaluation["points"] and data["curves"] == evaluation["curves"]
    assert "Plotly" in html and "@" + "PLOTLY@" not in html and "@" + "DATA@" not in html
    assert not re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)[^"]', html)
    assert "default-src 'none'" in html, "even a slip could not reach the network"


def test_what_users_write_can_not_become_markup(html: str) -> None:
    assert "<title>Synthetic &lt;test&gt; data</title>" in html
    note = embedded(html)["facts"]["sweep"]["note"]
    assert "</script>" in note and html.count("</script>") == 3


def test_the_papers_curves_are_background_with_their_source(html: str) -> None:
    rows = embedded(html)["paper"]
    assert {"cheng2020-anchor", "mbt2018"} <= {row["codec"] for row in rows}
    assert {"codec": "cheng2020-anchor", "bpp": 0.0447, "success_rate": 0.86, "mean_steps": 92.0} in rows
    assert "another policy" in html


def test_pictures_of_the_first_saved_episode_are_on_the_page(html: str) -> None:
    sets = embedded(html)["frames"]
    assert len(sets) == 3 * 2 and {s["kind"] for s in sets} == {"decoded", "source"}
    assert [frame["step"] for frame in sets[0]["cameras"]["base_camera"]] == [0, 20, 40]
    assert sets[0]["cameras"]["wrist_camera"][0]["src"].startswith("data:image/webp;base64,")


def test_pictures_are_thinned_until_they_fit_and_sources_go_first(results: Results) -> None:
    folders = {source.name: source.frames for source in results.sources if source.frames is not None}
    whole = frames.frame_sets(folders)
    assert [len(s["cameras"]["base_camera"]) for s in whole] == [5] * 6
    decoded = [s for s in whole if s["kind"] == "decoded"]
    sizes = [len(f["src"].partition(",")[2]) for s in decoded for of in s["cameras"].values() for f in of]
    thin = frames.frame_sets(folders, max_bytes=sum(sizes) - 1)
    assert {s["kind"] for s in thin} == {"decoded"} and len(thin) == 3
    assert all(len(of) == 4 and of[-1]["step"] == 40 for s in thin for of in s["cameras"].values())
    least = frames.frame_sets(folders, max_bytes=0)
    assert [f["step"] for f in least[0]["cameras"]["base_camera"]] == [0, 40] and len(least) == 3


def test_of_each_scene_one_source_is_there_to_compare_with(results: Results) -> None:
    folders = {source.name: source.frames for source in results.sources if source.frames is not None}
    clean, *coded = folders
    thin = frames.frame_sets(folders, max_bytes=0, scenes=dict.fromkeys(coded, "ur5e_lift clean"))
    assert [(s["point"], s["kind"]) for s in thin] == [
        (clean, "decoded"), (coded[0], "decoded"), (coded[0], "source"), (coded[1], "decoded"),
    ]  # fmt: skip
    sources = [s for s in frames.frame_sets(folders) if s["kind"] == "source" and s["point"] in coded]
    size = sum(len(f["src"].partition(",")[2]) for s in sources for of in s["cameras"].values() for f in of)
    room = size + sum(
        len(f["src"].partition(",")[2])
        for s in frames.frame_sets(folders) if s["kind"] == "decoded" for of in s["cameras"].values() for f in of
    )  # fmt: skip
    more = frames.frame_sets(folders, max_bytes=room, scenes=dict.fromkeys(coded, "ur5e_lift clean"))
    assert [s["point"] for s in more if s["kind"] == "source"] == coded, "what room is left goes to codecs first"
    two_scenes = frames.frame_sets(folders, max_bytes=0, scenes=dict(zip(coded, ("a", "b"), strict=True)))
    assert [s["point"] for s in two_scenes if s["kind"] == "source"] == coded


def test_pictures_that_nothing_changed_are_not_there_twice(tmp_path: Path) -> None:
    for kind in ("decoded", "source"):
        for name, content in make_frames(1, 50).items():
            path = tmp_path / name.replace("decoded", kind)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content) if "decoded" in name else None
    assert [s["kind"] for s in frames.frame_sets({"none": tmp_path})] == ["decoded"]


def test_points_count_what_was_run_and_what_failed(evaluation: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in evaluation["points"]}
    assert len(rows) == 17 and all(row["episodes"] == 40 and row["missing"] == 0 for row in rows.values())
    assert sum(row["infrastructure_errors"] for row in rows.values()) == 1
    assert {row["curve"] for row in rows.values() if row["role"] == "codec"} == {
        "av1 inter", "av1 intra", "webp intra", "av1 inter, sensor real",
    }  # fmt: skip


def test_thresholds_are_ordered_as_the_data_was_made(evaluation: dict[str, Any]) -> None:
    found = {row["name"]: row for row in evaluation["curves"]}
    values = [found[name]["threshold_bpp"]["value"] for name in ("av1 inter", "av1 intra", "webp intra")]
    assert values == sorted(values) and values[0] < values[2]
    assert found["av1 inter"]["saving"]["value"] < found["av1 intra"]["saving"]["value"] < 0
    assert found["webp intra"]["saving"] is None
    assert found["av1 inter, sensor real"]["saving"] is None, "the anchor was seen by another sensor"


def test_failed_episodes_are_not_paid_for_idling(evaluation: dict[str, Any]) -> None:
    lowest = next(
        r for r in evaluation["points"] if r["codec"] == "av1" and r["mode"] == "intra" and r["target_bpp"] == 0.01
    )
    assert lowest["success_rate"] < 0.3
    assert lowest["threshold_bpp_rate"] == pytest.approx(
        lowest["payload_bpp"]
    )  # constant bytes a frame: only seconds differ
    curve = next(row for row in evaluation["curves"] if row["name"] == "av1 intra")
    assert curve["threshold_bps"]["smallest"] > lowest["bits_per_second"]


def test_comparisons_are_declared_corrected_or_marked_exploratory(evaluation: dict[str, Any]) -> None:
    kinds = [row["kind"] for row in evaluation["comparisons"]]
    assert kinds[:2] == ["primary", "secondary"] and set(kinds[2:]) == {"exploratory"}
    # declared; each point against its uncompressed run; four that have a webp point of nearly their rate
    assert len(kinds) == 2 + 15 + 4
    assert evaluation["comparisons"][0]["difference"]["difference"] > 0.1


def test_cheap_metrics_are_ranked(evaluation: dict[str, Any]) -> None:
    assert evaluation["correlations"]["psnr"]["rho"] > 0.9
    assert evaluation["correlations"]["action_error"]["rho"] < -0.9


def test_the_markdown_page_says_what_ran_and_what_came_of_it(evaluation: dict[str, Any]) -> None:
    text = markdown.make_markdown("Synthetic", evaluation, "embodiedcomp report x", "Words of *somebody*.")
    assert "Written by `embodiedcomp report x`. 680 episodes at 17 points" in text
    assert "infrastructure: 1, episodes missing: 0" in text
    assert text.index("Words of *somebody*.") < text.index("## Thresholds")
    assert "| primary | av1 inter 0.04 bpp (0.0400 bpp) | webp intra 0.04 bpp" in text
    assert text.count("| exploratory |") == 0 and text.count("| secondary |") == 1
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(tables) == 2 * 5 + 1 + 4 + 2 + len(METRICS) + 17


def test_numbers_in_a_discussion_are_the_results_own(evaluation: dict[str, Any]) -> None:
    words = (
        "{{av1 intra 0.04 bpp | successes}} of {{av1 intra 0.04 bpp|episodes}} at {{av1 intra 0.04 bpp | payload_bpp | .3f}} "
        "bpp, threshold {{av1 intra | threshold_bpp.text}}, "
        "p = {{av1 inter 0.04 bpp against webp intra 0.04 bpp | difference.p_value | .2g}}, "
        "rho {{metric psnr | rho | +.2f}}, {{plan | run}} of {{sweep sweep | planned}}; {this} stays."
    )
    row = next(r for r in evaluation["points"] if (r["curve"], r["target_bpp"]) == ("av1 intra", 0.04))
    curve = next(r for r in evaluation["curves"] if r["name"] == "av1 intra")
    assert fill_in(words, evaluation, "x.md") == (
        f"{row['successes']} of 40 at 0.040 bpp, threshold {curve['threshold_bpp']['text']}, "
        f"p = {evaluation['comparisons'][0]['difference']['p_value']:.2g}, "
        f"rho {evaluation['correlations']['psnr']['rho']:+.2f}, 680 of 680; {{this}} stays."
    )


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("{{av2 inter | episodes}}", "no 'av2 inter'"),
        ("{{av1 intra | luck}}", "has no 'luck'; it has name, points"),
        ("{{av1 intra | name | .2f}}", "'.2f' can't format"),
    ],
)
def test_a_field_that_the_results_can_not_fill_is_one_clear_line(
    evaluation: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        fill_in(f"words {field}", evaluation, "x.md")
    assert message in str(caught.value) and f"x.md: {field}" in str(caught.value) and "\n" not in str(caught.value)


def test_a_part_of_a_plan_says_how_much_is_there(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "sweep")
    lines = (folder / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["seed"] <= 10009 or json.loads(line)["cell"].startswith("webp")]
    (folder / "episodes.jsonl").write_bytes(b"".join(kept))
    results = open_results([folder])
    results.facts["sweep"] |= {"commit": "first", "resumed": [{"commit": "second"}, {"commit": "first"}]}
    part = evaluate(results, draws=20)
    text = markdown.make_markdown("Synthetic", part, "embodiedcomp report x", "Words.")
    assert "run at commit first, second on" in text, "a run that goes on has commits of its own"
    assert "| sweep | 680 | 260 | 10000–10039 | 10009 |" in text
    assert text.index("How much of the plan") < text.index("Words.")


def test_cheap_metrics_are_ranked_among_points_that_differ_in_codec_and_rate_only(evaluation: dict[str, Any]) -> None:
    assert evaluation["correlated"]["sensor"] == "clean"
    assert evaluation["correlations"]["psnr"]["points"] == 11


def test_tables_and_pictures_are_files_that_others_can_read(evaluation: dict[str, Any]) -> None:
    files = tables.csv_files(evaluation)
    assert files["points.csv"].count("\n") == 18 and files["curves.csv"].count("\n") == 5
    drawn = pictures.picture_files(evaluation, page.paper_curves())
    assert set(drawn) == {f"{n}.{k}" for n in ("sr-bpp", "sr-bps", "steps-bpp") for k in ("png", "svg")}
    assert drawn["sr-bpp.png"].startswith(b"\x89PNG") and b"<svg" in drawn["sr-bpp.svg"]


def test_an_unfinished_sweep_says_what_is_missing(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "sweep")
    lines = (folder / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "episodes.jsonl").write_bytes(b"".join(lines[:100]) + lines[100][:50])
    rows = evaluate(open_results([folder]), draws=20)["points"]
    assert [row["episodes"] for row in rows[:4]] == [40, 40, 20, 0] and rows[3]["missing"] == 40


def test_the_same_cell_from_two_folders_is_refused(tmp_path: Path) -> None:
    first, second = make_sweep(tmp_path / "a"), make_sweep(tmp_path / "b", {**VALUES, "name": "again"})
    with pytest.raises(ResultsError, match="more than one of the folders"):
        open_results([first, second])


def test_foreign_files_among_the_pictures_are_ignored(tmp_path: Path) -> None:
    for name in ("1/base.0000.decoded.webp", "1/base.0000.other.webp", "x/base.0000.decoded.webp", "1/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [(frame.seed, frame.camera, frame.step, frame.kind) for frame in list_frames(tmp_path)] == [
        (1, "base", 0, "decoded")
    ]
