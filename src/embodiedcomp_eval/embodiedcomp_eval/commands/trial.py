"""``embodiedcomp trial``: a few closed-loop episodes with a codec in the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodiedcomp_codec.registry import get_codec
from embodiedcomp_eval.commands.console import complain, number, progress, show_table
from embodiedcomp_eval.config import ConfigError, load_yaml
from embodiedcomp_eval.provenance import provenance
from embodiedcomp_eval.results import ResultsFolder, check_folder
from embodiedcomp_eval.subscriber import Stepped, Subscriber
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import DEFAULT_TARGET_BPP, TrialConfig, trial_from_mapping

if TYPE_CHECKING:
    from embodiedcomp_eval.bags.recorder import TrialRecorder
    from embodiedcomp_eval.videos.episode_video import EpisodeVideo

NO_OPTIONS = ("config", "domain_id", "out", "record", "storage", "video")
"""What does not decide the episodes."""
STORAGES = ("mcap", "sqlite3")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(trial)


def trial(
    context: typer.Context,
    codec: Annotated[str, typer.Option(help="Codec plug-in; 'none' sends raw pixels.")] = "av1",
    mode: Annotated[str, typer.Option(help="inter or intra.")] = "inter",
    target_bpp: Annotated[
        float, typer.Option(help="Payload bits per source pixel; 0.05 if no target is given.", show_default=False)
    ] = math.nan,
    target_bitrate: Annotated[
        float, typer.Option(help="Payload bit/s of simulated time, all cameras together.", show_default=False)
    ] = math.nan,
    budget_window: Annotated[float, typer.Option(help="Window of the rate control, s.")] = 1.0,
    policy: Annotated[str, typer.Option(help="Policy plug-in.")] = "reference",
    checkpoint: Annotated[str | None, typer.Option(help="The policy's weights.")] = None,
    server: Annotated[str | None, typer.Option(help="URL of the policy's server.")] = None,
    task: Annotated[str, typer.Option(help="Name in config/tasks, or a YAML file.")] = "ur5e_lift",
    episodes: Annotated[int, typer.Option(help="How many; one seed each.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the first episode (10000–10999: development).")] = 10000,
    link: Annotated[str, typer.Option(help="Name in config/links, or a YAML file; 'none' is a perfect link.")] = "none",
    send: Annotated[str, typer.Option(help="on_query (a frame when the policy asks) or every_step.")] = "on_query",
    sensor: Annotated[str, typer.Option(help="clean, or real: shot noise, exposure drift, vibration.")] = "clean",
    grey: Annotated[
        bool, typer.Option("--grey", help="Replace every picture by even grey: does the policy look?")
    ] = False,
    timing: Annotated[str, typer.Option(help="lockstep, charged or realtime.")] = "lockstep",
    transport: Annotated[str, typer.Option(help="ros (separate nodes) or inprocess.")] = "ros",
    config: Annotated[
        Path | None, typer.Option(help="A config.yaml of an earlier trial; options given here win.")
    ] = None,
    domain_id: Annotated[int | None, typer.Option(help="ROS domain of the nodes; a free one by default.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Record a rosbag2 into the folder of the results.")] = False,
    video: Annotated[
        bool, typer.Option("--video", help="One MP4 an episode of what the policy saw (transport inprocess).")
    ] = False,
    storage: Annotated[str, typer.Option(help="Of the recorded bag: mcap or sqlite3.")] = "mcap",
    out: Annotated[Path | None, typer.Option(help="Folder of the results.", show_default="results/trial-TIME")] = None,
) -> int:
    """Run closed-loop episodes, print a table, write summary.json, episodes.jsonl and config.yaml."""
    options = {key: value for key, value in context.params.items() if key not in NO_OPTIONS}
    trial_config = _configuration(context, options, config)
    task_config = trial_config.validate()
    folder = out or Path("results") / f"trial-{datetime.now():%Y%m%d-%H%M%S}"
    check_folder(folder, trial_config.to_mapping())
    if storage not in STORAGES:
        raise ConfigError(f"storage {storage!r} is unknown; choose from {', '.join(STORAGES)}")
    if video and trial_config.transport != "inprocess":
        raise ConfigError("--video needs --transport inprocess; over ros use --record")
    bag = storage if record else None
    if trial_config.transport == "inprocess":
        status = _run_inprocess(trial_config, task_config, folder, bag, video)
    else:
        status = _run_ros(trial_config, task_config, folder, domain_id, bag)
    if (folder / "summary.json").exists():
        show_summary(folder)
    return status


def _configuration(context: typer.Context, options: dict[str, Any], file: Path | None) -> TrialConfig:
    """Options over the file over the defaults; a target given replaces both of the file's."""
    given = {k for k in options if context.get_parameter_source(k).name == "COMMANDLINE"}  # type: ignore[union-attr]
    if file is not None:
        base = load_yaml(file).get("configuration")
        if not isinstance(base, dict):
            raise ConfigError(f"{file}: no key 'configuration'; give a config.yaml that a trial wrote")
        if given & {"target_bpp", "target_bitrate"}:
            base = {key: value for key, value in base.items() if not key.startswith("target_")}
        return trial_from_mapping({**base, **{key: options[key] for key in given}}, str(file))
    wanted = trial_from_mapping(options, "option")
    if not given & {"target_bpp", "target_bitrate"} and not get_codec(wanted.codec).lossless:
        wanted = dataclasses.replace(wanted, target_bpp=DEFAULT_TARGET_BPP)
    return wanted


class _StepTeller(Subscriber):
    """Moves a bar within the episode."""

    def __init__(self, bar: Any, row: Any) -> None:
        self._bar, self._row = bar, row

    def stepped(self, event: Stepped) -> None:
        self._bar.update(
            self._row, description=f"episode {self._bar.tasks[self._row].completed + 1:.0f}, step {event.step}"
        )


def _run_inprocess(config: TrialConfig, task: TaskConfig, path: Path, storage: str | None, video: bool) -> int:
    from embodiedcomp_eval.assembly import make_loop
    from embodiedcomp_eval.inprocess import run_episodes

    with progress() as bar:
        row = bar.add_task("starting", total=config.episodes)
        bag = None if storage is None else _bag_recorder(config, task, path, storage)
        film = _episode_video(config, task, path) if video else None
        loop, recorder = make_loop(config, task, [_StepTeller(bar, row), *(s for s in (bag, film) if s is not None)])
        with ResultsFolder(path, config.to_mapping(), provenance(config.checkpoint, config.codec)) as folder:
            bar.update(row, completed=len(folder.lines))

            def tell(done: int) -> None:
                bar.update(row, completed=done)
                if bag is not None:
                    bag.finished(folder.lines[-1])

            try:
                run_episodes(config, task, loop, recorder, folder, tell)
                bar.update(row, description="episodes")
            except KeyboardInterrupt:
                bar.stop()
                complain(f"embodiedcomp: interrupted; {len(folder.lines)} of {config.episodes} episodes are in {path}")
                return 130
            finally:
                loop.close()
                if bag is not None:
                    bag.close()
                if film is not None:
                    film.close()
    return 0


def _episode_video(config: TrialConfig, task: TaskConfig, path: Path) -> EpisodeVideo:
    from embodiedcomp_eval.videos.episode_video import EpisodeVideo

    rate = 1.0 / config.stream(task).frame_period
    return EpisodeVideo(path / "video", task.cameras, task.width, task.height, rate)


def _bag_recorder(config: TrialConfig, task: TaskConfig, path: Path, storage: str) -> TrialRecorder:
    from embodiedcomp_eval.bags.recorder import TrialRecorder
    from embodiedcomp_policy.robot import load_robot

    return TrialRecorder(config, task, load_robot(task.robot).names, path, storage, time.time_ns())


def _run_ros(config: TrialConfig, task: TaskConfig, path: Path, domain_id: int | None, storage: str | None) -> int:
    from embodiedcomp_eval.ros_trial import TrialFailedError, run_ros_trial

    with progress() as bar:
        row = bar.add_task("starting nodes", total=config.episodes)

        def tell(episodes: int, text: str) -> None:
            bar.update(row, completed=episodes, description=text)

        try:
            run_ros_trial(config, task, path, tell, domain_id, storage)
            bar.update(row, description="episodes")
        except (KeyboardInterrupt, TrialFailedError) as error:
            bar.stop()
            kept = f"{bar.tasks[row].completed:.0f} of {config.episodes} episodes are in {path}"
            interrupted = isinstance(error, KeyboardInterrupt)
            complain(f"embodiedcomp: {'interrupted' if interrupted else error}; {kept}")
            return 130 if interrupted else 1
    return 0


def show_summary(path: Path) -> None:
    """The table at the end."""
    summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
    low, high = summary["success_rate_ci95"]
    latency = summary["latency_ms"]
    asked = summary["target_bpp"] if summary["target_bpp"] is not None else summary["target_bitrate"]
    unit = "bpp" if summary["target_bpp"] is not None else "bit/s"
    show_table(
        f"{summary['task']}: {summary['codec']} {summary['mode']}, policy {summary['policy']}, {summary['transport']}",
        [
            ("episodes", f"{summary['episodes']} (seeds {summary['seeds'][0]}–{summary['seeds'][-1]})"),
            ("success rate", f"{number(summary['success_rate'], '.2f')}  (95 %: {low:.2f}–{high:.2f})"),
            (
                "mean steps",
                f"{number(summary['mean_steps'], '.1f')}, successes {number(summary['mean_steps_success'], '.1f')}",
            ),
            ("target", "none" if asked is None else f"{asked:g} {unit}"),
            ("payload", f"{number(summary['payload_bpp'], '.4f', 'bpp')}, {summary['payload_bytes']} bytes"),
            ("wire (modelled)", number(summary["wire_bpp"], ".4f", "bpp")),
            ("bit rate", number(summary["bits_per_second"], ".0f", "bit/s of simulated time")),
            (
                "frames sent",
                f"{summary['frames_sent']}, lost {summary['frames_lost']}, at floor {summary['frames_at_floor']}",
            ),
            *(
                (
                    f"{name} p50 / p95",
                    f"{number(latency[name]['p50'], '.2f')} / {number(latency[name]['p95'], '.2f', 'ms')}",
                )
                for name in ("encode", "decode", "policy", "frame_age")
            ),
            ("infrastructure errors", str(summary["infrastructure_errors"])),
            ("results", str(path)),
        ],
    )
