"""Which saved pictures go onto the page: evenly thinned until they fit, so that the page can still be sent by mail."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodiedcomp_eval.saved_frames import Kind, SavedFrame, list_frames

MAX_FRAMES = 25
"""Per camera and episode; an episode of the benchmark asks so often at most."""
MAX_EPISODES = 3
"""Per point."""
MAX_BYTES = 4_000_000
"""Of all pictures on the page, as text."""
KINDS: tuple[Kind, ...] = ("decoded", "source")
"""Sources are the first to be left out, but for one of each scene."""


@dataclass(frozen=True)
class Episode:
    """The pictures of one episode of a point, camera by camera, in the order of their steps."""

    point: str
    kind: Kind
    seed: int
    cameras: Mapping[str, Sequence[SavedFrame]]

    def spread(self, most: int) -> Episode:
        """At most ``most`` pictures per camera, evenly spread, first and last among them."""
        return Episode(self.point, self.kind, self.seed, {name: _spread(of, most) for name, of in self.cameras.items()})

    @property
    def size(self) -> int:
        """Bytes on the page."""
        return sum(4 * -(-frame.path.stat().st_size // 3) for of in self.cameras.values() for frame in of)


def frame_sets(
    folders: Mapping[str, Path],
    max_frames: int = MAX_FRAMES,
    max_bytes: int = MAX_BYTES,
    scenes: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Pictures of the first saved episodes of each point, embedded: one set per point, episode and kind.

    folders: point name -> its folder of saved frames. scenes: of the points that code pictures, what beside the seed decides
    the scene (task, sensor); of each scene one source is always there to compare with, that of the first such point.
    Where pictures don't fit into ``max_bytes`` there are fewer of each episode, two at least; other sources that still don't
    fit are left out, those of points that code nothing first, then the last points'. Sources that are the decoded pictures,
    byte for byte, are left out too.
    """
    found = [episode for point, folder in folders.items() for episode in _episodes(point, folder)]
    reserved: dict[tuple[str, int], Episode] = {}
    for episode in found:
        if episode.kind == "source" and episode.point in (scenes or {}):
            reserved.setdefault(((scenes or {})[episode.point], episode.seed), episode)
    needed = [*(episode for episode in found if episode.kind == "decoded"), *reserved.values()]
    most = next((n for n in range(max_frames, 2, -1) if _size(needed, n) <= max_bytes), 2)
    left = max_bytes - _size(needed, most)
    for whole in sorted((e for e in found if e not in needed), key=lambda e: e.point not in (scenes or {})):
        left -= whole.spread(most).size
        if left >= 0:
            needed.append(whole)
    sets = []
    for whole in found:
        if whole in needed:
            episode = whole.spread(most)
            cameras = {name: [_embed(frame) for frame in of] for name, of in episode.cameras.items()}
            sets.append({"point": episode.point, "kind": episode.kind, "seed": episode.seed, "cameras": cameras})
    return sets


def _episodes(point: str, folder: Path) -> list[Episode]:
    """The first episodes saved in a point's folder, each kind apart."""
    saved = list_frames(folder)
    episodes: list[Episode] = []
    for seed in sorted({frame.seed for frame in saved})[:MAX_EPISODES]:
        for kind in KINDS:
            cameras: dict[str, list[SavedFrame]] = {}
            for frame in sorted(saved, key=lambda frame: frame.step):
                if frame.seed == seed and frame.kind == kind:
                    cameras.setdefault(frame.camera, []).append(frame)
            if cameras and not (kind == "source" and _same(cameras, episodes[-1:], seed)):
                episodes.append(Episode(point, kind, seed, cameras))
    return episodes


def _same(sources: Mapping[str, Sequence[SavedFrame]], last: Sequence[Episode], seed: int) -> bool:
    """Are they the decoded pictures once more, as in an uncompressed run?"""
    decoded = last[0].cameras if last and (last[0].kind, last[0].seed) == ("decoded", seed) else {}

    def content(cameras: Mapping[str, Sequence[SavedFrame]]) -> list[tuple[str, int, bytes]]:
        return [(name, frame.step, frame.path.read_bytes()) for name in sorted(cameras) for frame in cameras[name]]

    return content(sources) == content(decoded)


def _size(episodes: Sequence[Episode], most: int) -> int:
    return sum(episode.spread(most).size for episode in episodes)


def _spread(frames: Sequence[SavedFrame], most: int) -> list[SavedFrame]:
    if len(frames) <= most:
        return list(frames)
    return [frames[round(i * (len(frames) - 1) / (most - 1))] for i in range(most)]


def _embed(frame: SavedFrame) -> dict[str, Any]:
    content = base64.b64encode(frame.path.read_bytes()).decode()
    return {"step": frame.step, "src": f"data:image/webp;base64,{content}"}
