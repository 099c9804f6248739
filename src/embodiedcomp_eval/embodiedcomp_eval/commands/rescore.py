"""``embodiedcomp rescore``: the episodes of a recorded trial judged again, from the bag alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from embodiedcomp_eval.config import ConfigError, parse_yaml


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(rescore)


def rescore(
    bag: Annotated[Path, typer.Argument(help="A rosbag2 of a trial: its folder, or one .mcap or .db3 file.")],
    success: Annotated[
        str | None, typer.Option(help="Judges, comma-separated.", show_default="those of the trial")
    ] = None,
    option: Annotated[
        list[str], typer.Option(help="JUDGE.OPTION=VALUE; may be repeated.", show_default="those of the trial")
    ] = [],  # noqa: B006
    topic: Annotated[
        list[str], typer.Option(help="INPUT=TOPIC of the bag; may be repeated.", show_default="by name")
    ] = [],  # noqa: B006
    word: Annotated[
        list[str], typer.Option(help="EPISODE=success, failure or undecided, seen since; may be repeated.")
    ] = [],  # noqa: B006
    task: Annotated[
        str | None, typer.Option(help="Name in config/tasks, or a YAML file.", show_default="the trial's")
    ] = None,
    clock: Annotated[str, typer.Option(help="header: stamps of the messages; log: time of recording.")] = "header",
    results: Annotated[
        Path | None, typer.Option(help="Folder of the trial's results: write them anew, with these outcomes.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/rescore-BAG")] = None,
) -> int:
    """Judge a recorded trial's episodes again; neither ROS nor the original results are touched."""
    from embodiedcomp_eval.bags.rescoring import configuration
    from embodiedcomp_eval.bags.rescoring import rescore as judge_again
    from embodiedcomp_eval.judge_registry import make_panel
    from embodiedcomp_eval.judged_trial import Judging, judging_of
    from embodiedcomp_eval.judging import Setting
    from embodiedcomp_eval.rewriting import rewrite_results
    from embodiedcomp_eval.task import load_task
    from embodiedcomp_policy.robot import load_robot

    if clock not in ("header", "log"):
        raise ConfigError(f"clock must be header or log, not {clock!r}")
    known = configuration(bag)
    before = judging_of(known, str(bag))
    names = success or ("operator" if word and before is None else before.success if before else None)
    if names is None:
        raise ConfigError(f"{bag} doesn't say what its trial was judged by; give --success")
    if word and "operator" not in names.split(","):
        names = f"{names},operator"
    options = {
        name: dict(values) for name, values in (before.options if before else {}).items() if name in names.split(",")
    }
    for name, value in _pairs(option, "option").items():
        judge, _, key = name.partition(".")
        options.setdefault(judge, {})[key] = parse_yaml(f"value: {value}", f"option {name}")["value"]
    if task is None and "task" not in known:
        raise ConfigError(f"{bag} doesn't say what its task was; give --task")
    wanted = load_task(str(task or known["task"]))
    panel = make_panel(names, options, Setting(load_robot(wanted.robot), wanted.lift_height))
    words = {_episode(number): said for number, said in _pairs(word, "word").items()}
    unknown = next((said for said in words.values() if said not in ("success", "failure", "undecided")), None)
    if unknown is not None:
        raise ConfigError(f"word {unknown!r} is none of success, failure, undecided")
    inputs = {one.topic for one in panel.inputs}
    topics = {name: heard for name, heard in (before.topics if before else {}).items() if name in inputs}
    topics |= _pairs(topic, "topic")
    horizon_ns = round(1e9 * wanted.horizon / wanted.control_hz)
    found = judge_again(bag, panel, topics=topics, words=words, by_header=clock == "header", horizon_ns=horizon_ns)
    folder = out or Path("results") / f"rescore-{bag.resolve().parent.name}-{bag.resolve().stem}"
    judging = Judging(names, options, topics).to_mapping()
    rows = [one.to_mapping() for one in found]
    if results is not None:
        rewrite_results(results, folder, rows)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"bag": str(bag), "judging": judging, "words": words, "episodes": rows}
    (folder / "rescore.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    _show(rows)
    return 0


def _pairs(texts: list[str], what: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"{what} must be NAME=VALUE, not {text!r}")
        found[name] = value
    return found


def _episode(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"word must be EPISODE=OUTCOME, and {text!r} is no number of an episode")
    return int(text)


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table("episode", "seed", "was", "is", "decided by", "reason", title_justify="left")
    for row in rows:
        was = row["was"].get("outcome", "–")
        mark = "" if was == row["outcome"] else " *"
        table.add_row(
            str(row["episode"]), str(row["seed"]), was, row["outcome"] + mark, row["decided_by"], row["reason"]
        )
    Console().print(table)
    changed = sum(row["was"].get("outcome", "–") != row["outcome"] for row in rows)
    Console(soft_wrap=True).print(f"{len(rows)} episodes judged, {changed} with another outcome (*) than at the time")
