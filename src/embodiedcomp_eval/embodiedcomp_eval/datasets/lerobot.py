"""A LeRobot dataset, format v3.0: Parquet tables, lossless H.264 in MP4, JSON. lerobot itself isn't needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from embodiedcomp_eval.feature_statistics import PictureCounts, Statistics, of_vectors
from embodiedcomp_eval.row_grid import Row

VERSION = "v3.0"
FILES_A_FOLDER = 1000
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA, VIDEO = f"data/{FILE}.parquet", f"videos/{{video_key}}/{FILE}.mp4"
TASKS, EPISODES = "meta/tasks.parquet", f"meta/episodes/{FILE}.parquet"
KEY_EVERY = 10
"""Frames between key frames: a reader that wants one frame decodes that many at most."""
COUNTERS = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
PIXELS = "gbrp"
"""H.264's own format for RGB."""
VECTORS = ("observation.state", "action")


def image_key(camera: str) -> str:
    """Name of a camera's feature."""
    return f"observation.images.{camera}"


class DatasetWriter:
    """Rows in, a folder out; an episode has a table and videos of its own, and memory holds one episode's numbers."""

    def __init__(self, folder: Path, rate: int, joints: Sequence[str], robot: str, task: str) -> None:
        """rate: rows a second. joints: names of state and action. task: what the policy is told."""
        self._folder, self._rate, self._joints, self._robot, self._task = folder, rate, list(joints), robot, task
        self._sizes: dict[str, tuple[int, int]] = {}
        self._episodes: list[dict[str, Any]] = []
        self._pictures: dict[str, PictureCounts] = {}
        self._all: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in (*VECTORS, *COUNTERS)}
        self._total = 0
        self._begin()

    def _begin(self) -> None:
        self._videos: dict[str, _Video] = {}
        self._rows: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in (*VECTORS, *COUNTERS)}
        self._counts: dict[str, PictureCounts] = {}

    @property
    def _place(self) -> dict[str, int]:
        chunk, file = divmod(len(self._episodes), FILES_A_FOLDER)
        return {"chunk_index": chunk, "file_index": file}

    @property
    def episodes(self) -> int:
        """Those that have ended."""
        return len(self._episodes)

    def add(self, row: Row) -> None:
        """The next row of the episode. Raises ValueError where a camera changes its size."""
        number = len(self._rows["index"])
        for camera, picture in row.images.items():
            height, width = picture.shape[:2]
            if self._sizes.setdefault(camera, (height, width)) != (height, width):
                raise ValueError(f"camera {camera} changes its size to {width}x{height}; a LeRobot dataset has one")
            if camera not in self._videos:
                path = self._folder / VIDEO.format(video_key=image_key(camera), **self._place)
                self._videos[camera] = _Video(path, self._rate, width, height)
                self._counts[camera] = PictureCounts()
            self._videos[camera].add(picture)
            self._counts[camera].add(picture)
        counters = (number / self._rate, number, len(self._episodes), self._total + number, 0)
        for name, value in zip(COUNTERS, counters, strict=True):
            self._rows[name].append(np.array([value], dtype=np.float64))
        self._rows["observation.state"].append(row.state)
        self._rows["action"].append(row.action)

    def end_episode(self) -> None:
        """Close its files. An episode without a row is none."""
        length = len(self._rows["index"])
        if not length:
            return
        place = self._place
        pq.write_table(self._table(), _made(self._folder / DATA.format(**place)))
        statistics: dict[str, Statistics] = {name: of_vectors(rows) for name, rows in self._rows.items()}
        entry: dict[str, Any] = {
            "episode_index": len(self._episodes),
            "tasks": [self._task],
            "length": length,
            "dataset_from_index": self._total,
            "dataset_to_index": self._total + length,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            **{f"data/{name}": value for name, value in place.items()},
        }
        for camera, video in self._videos.items():
            video.close()
            key = image_key(camera)
            entry |= {f"videos/{key}/{name}": value for name, value in place.items()}
            entry |= {f"videos/{key}/from_timestamp": 0.0, f"videos/{key}/to_timestamp": length / self._rate}
            statistics[key] = self._counts[camera].statistics()
            self._pictures.setdefault(camera, PictureCounts()).merge(self._counts[camera])
        for feature, values in statistics.items():
            entry |= {f"stats/{feature}/{name}": value.tolist() for name, value in values.items()}
        for name, rows in self._rows.items():
            self._all[name] += rows
        self._episodes.append(entry)
        self._total += length
        self._begin()

    def close(self) -> None:
        """End the last episode and write what is about all of them. Raises ValueError where there is none."""
        self.end_episode()
        if not self._episodes:
            raise ValueError("no instant with a frame of every camera and a full joint state")
        pq.write_table(
            pa.Table.from_pylist(self._episodes), _made(self._folder / EPISODES.format(chunk_index=0, file_index=0))
        )
        pq.write_table(_tasks(self._task), self._folder / TASKS)
        statistics = {name: of_vectors(rows) for name, rows in self._all.items()}
        statistics |= {image_key(camera): counts.statistics() for camera, counts in self._pictures.items()}
        plain = {key: {name: value.tolist() for name, value in found.items()} for key, found in statistics.items()}
        (self._folder / "meta" / "stats.json").write_text(json.dumps(plain, indent=4) + "\n", encoding="utf-8")
        (self._folder / "meta" / "info.json").write_text(json.dumps(self._info(), indent=4) + "\n", encoding="utf-8")

    def discard(self) -> None:
        """Let go of open files."""
        for video in self._videos.values():
            video.close()

    def _table(self) -> pa.Table:
        columns: dict[str, pa.Array] = {}
        for name in VECTORS:
            flat = pa.array(np.concatenate(self._rows[name]).astype(np.float32))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, len(self._joints))
        for name, kind in COUNTERS.items():
            columns[name] = pa.array(np.concatenate(self._rows[name]).astype(kind))
        return pa.table(columns)

    def _info(self) -> dict[str, Any]:
        vector = {"dtype": "float32", "shape": [len(self._joints)], "names": self._joints}
        features: dict[str, Any] = dict.fromkeys(VECTORS, vector)
        for camera, (height, width) in self._sizes.items():
            features[image_key(camera)] = {
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                "info": {
                    "video.height": height, "video.width": width, "video.codec": "h264", "video.pix_fmt": PIXELS,
                    "video.is_depth_map": False, "video.fps": self._rate, "video.channels": 3, "has_audio": False,
                },
            }  # fmt: skip
        features |= {name: {"dtype": kind, "shape": [1], "names": None} for name, kind in COUNTERS.items()}
        return {
            "codebase_version": VERSION,
            "robot_type": self._robot,
            "total_episodes": len(self._episodes),
            "total_frames": self._total,
            "total_tasks": 1,
            "chunks_size": FILES_A_FOLDER,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self._rate,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": DATA,
            "video_path": VIDEO,
            "features": features,
        }


class _Video:
    """Lossless H.264 in RGB: the pictures come out as the decoder gave them."""

    def __init__(self, path: Path, rate: int, width: int, height: int) -> None:
        self._container = av.open(str(_made(path)), "w")
        self._stream: Any = self._container.add_stream("libx264rgb", rate=rate)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "rgb24"
        self._stream.options = {"qp": "0", "preset": "veryfast", "tune": "zerolatency", "threads": "1"}
        self._stream.gop_size = KEY_EVERY
        self._count, self._rate = 0, rate

    def add(self, picture: npt.NDArray[np.uint8]) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = self._count, Fraction(1, self._rate)
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


def _tasks(task: str) -> pa.Table:
    """What pandas writes of a table whose index is the task: its readers want that index back."""
    column = {
        "name": "task_index",
        "field_name": "task_index",
        "pandas_type": "int64",
        "numpy_type": "int64",
        "metadata": None,
    }
    index = {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    pandas: Mapping[str, Any] = {
        "index_columns": ["task"], "column_indexes": [], "columns": [column, index], "creator": {"library": "pyarrow"},
        "pandas_version": "2.0.0",
    }  # fmt: skip
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": pa.array([task])})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _made(path: Path) -> Path:
    """The path, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
