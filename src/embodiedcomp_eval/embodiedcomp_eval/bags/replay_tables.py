"""The tables that a replay fills while it runs (``frames.csv``, ``actions.csv``), and the action errors' summary."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from embodiedcomp_eval.bags.probe import Answer
from embodiedcomp_eval.bags.recode import Recoded
from embodiedcomp_eval.distortion import psnr

FRAME_COLUMNS = (
    "setting", "camera", "segment", "stamp_ns", "log_ns", "key", "bytes", "bpp", "quality", "downsample", "psnr_db",
    "ms_ssim", "encode_ms", "decode_ms",
)  # fmt: skip
ACTION_COLUMNS = (
    "setting", "cameras", "segment", "stamp_ns", "log_ns", "arm_rms_rad", "arm_max_rad", "gripper_mean",
)  # fmt: skip


class ReplayTables:
    """A context manager; rows go to disk as they come."""

    def __init__(self, folder: Path, questions: bool) -> None:
        """questions: whether a policy is asked."""
        self._stack = ExitStack()
        self._frames = self._open(folder / "frames.csv", FRAME_COLUMNS)
        self._actions: Any = self._open(folder / "actions.csv", ACTION_COLUMNS) if questions else None
        self._answers: dict[tuple[str, str], list[Answer]] = {}

    def __enter__(self) -> ReplayTables:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, path: Path, columns: Sequence[str]) -> Any:
        writer = csv.writer(self._stack.enter_context(path.open("w", newline="", encoding="utf-8")))
        writer.writerow(columns)
        return writer

    def add_frame(
        self, label: str, image: str, segment: int, stamp_ns: int, log_ns: int, pixels: int, frame: Recoded
    ) -> None:
        """One frame through one setting."""
        sent = frame.sent
        self._frames.writerow(
            (label, image, segment, stamp_ns, log_ns, int(sent.key), len(sent.packet),
             f"{8 * len(sent.packet) / pixels:.6g}", f"{sent.quality:.4g}", sent.downsample, f"{psnr(frame.mse):.4f}",
             f"{frame.ms_ssim:.6f}", f"{1e3 * frame.encode_seconds:.3f}", f"{1e3 * frame.decode_seconds:.3f}")
        )  # fmt: skip

    def add_answers(self, answers: Sequence[Answer], segment: int) -> None:
        """Comparisons of the policy's answers."""
        for answer in answers:
            self._answers.setdefault((answer.setting, answer.cameras), []).append(answer)
            error = answer.error
            self._actions.writerow(
                (answer.setting, answer.cameras, segment, answer.stamp_ns, answer.log_ns, f"{error.arm_rms:.6g}",
                 f"{error.arm_max:.6g}", f"{error.gripper:.6g}")
            )  # fmt: skip

    def action_error(self, label: str) -> dict[str, dict[str, float]]:
        """Of one setting: whose pictures were decoded ones -> summary over all questions."""
        return {which: summary(answers) for (setting, which), answers in self._answers.items() if setting == label}


def summary(answers: Sequence[Answer]) -> dict[str, float]:
    """Over all questions: mean and 95 % of the arm's RMS error (rad), its largest, the gripper's mean."""
    rms = np.array([answer.error.arm_rms for answer in answers])
    return {
        "arm_rms_rad": float(rms.mean()),
        "arm_rms_rad_p95": float(np.percentile(rms, 95)),
        "arm_max_rad": max(answer.error.arm_max for answer in answers),
        "gripper_mean": float(np.mean([answer.error.gripper for answer in answers])),
    }
