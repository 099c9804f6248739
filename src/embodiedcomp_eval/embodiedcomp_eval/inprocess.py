"""Runs a trial's episodes in this process and keeps what they gave."""

from __future__ import annotations

import time
from collections.abc import Callable

from embodiedcomp_eval.recording import EpisodeRecorder
from embodiedcomp_eval.results import ResultsFolder
from embodiedcomp_eval.summary import summarise
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial import ClosedLoop
from embodiedcomp_eval.trial_config import TrialConfig


def run_episodes(
    config: TrialConfig,
    task: TaskConfig,
    loop: ClosedLoop,
    recorder: EpisodeRecorder,
    folder: ResultsFolder,
    tell: Callable[[int], None] = lambda finished: None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Run the episodes that the folder lacks, in order. ``tell`` hears the number of finished ones after each."""
    if folder.lines:
        # A crash may have come between the last line and its summary.
        folder.write_summary(summarise(config, task, folder.lines, folder.errors))
    for number, seed in enumerate(config.seeds):
        if number in folder.finished:
            continue
        started = clock()
        loop.run(seed)
        folder.append(recorder.line(number, clock() - started))
        folder.write_summary(summarise(config, task, folder.lines, folder.errors))
        tell(len(folder.lines))
