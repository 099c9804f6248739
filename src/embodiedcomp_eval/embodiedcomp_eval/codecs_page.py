"""``docs/results/codecs.md``: every measurement of the codec nodes on one page, each with what made it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embodiedcomp_eval.flatness import warmed_up

Evidence = Mapping[str, Any]
START_BOUND = 1.5
JOIN_BOUND = 0.5

HEAD = """# The codec nodes, measured

Written by `make bench ARGS="codecs"` from the files in [`codecs/`](codecs), each of which says what made it. Measured again
by the command under each title; `make bench ARGS="codecs --help"` lists them with the time that each takes.
"""


def page(found: Mapping[str, Evidence | None]) -> str:
    """Markdown of all sections, in order; what was not measured is said."""
    sections: list[tuple[str, str, Callable[[Evidence], list[str]]]] = [
        ("speed", "Speed", _speed),
        ("cameras", "Four cameras on two cores", _cameras),
        ("memory", "Memory", _memory),
        ("loss", "Loss, and decoders that start late", _loss),
        ("envelope", "The thin envelope", _envelope),
        ("pictures", "Rate and distortion", _pictures),
    ]
    lines = [
        HEAD,
        "## Rate accuracy",
        "",
        'Targets kept, by codec, sequence and target: [rate-accuracy.md](rate-accuracy.md), by `make bench ARGS="rate"`.',
        "",
    ]
    for name, title, write in sections:
        evidence = found.get(name)
        lines += [f"## {title}", ""]
        if evidence is None:
            lines += [f'Not measured: `make bench ARGS="{name}"`.', ""]
            continue
        lines += [*_facts(evidence["facts"]), "", *write(evidence), ""]
    return "\n".join(lines).rstrip() + "\n"


def _facts(facts: Evidence) -> list[str]:
    busy = facts["load"] > 1.5
    load = f"load {facts['load']:g}" + (": **the machine was shared; see it as an upper bound**" if busy else "")
    commit = facts["commit"][:12] + ("-dirty" if facts["commit"].endswith("-dirty") else "")
    command = str(facts["command"]).removeprefix("embodiedcomp bench ")
    return [f'`make bench ARGS="{command}"`, commit {commit}, {facts["date"]}; {facts["machine"]}; {load}.']


def _speed(evidence: Evidence) -> list[str]:
    rows = evidence["side_by_side"]
    above = [row for row in rows if not row["within"]]
    verdict = (
        f"**All {len(rows)} rows are within the bound.**"
        if not above
        else "**Above the bound:** "
        + ", ".join(f"{row['codec']} {_size(row)}" for row in above)
        + f"; {len(rows)} rows."
    )
    starts = evidence["start_seconds"]
    slowest = max(starts)
    return [
        "Both nodes' own path, `Image` message to `CompressedImage` message and back to an `Image` "
        "message, beside the library alone: the same frames, "
        "the same settings, by turns in one process, so that other load falls on both. No target: "
        "the codec's finest quality, one encode a frame. Medians of the "
        "paired differences and ratios. The bound: at most 15 % or 1 ms is added, whichever is "
        "larger. Bytes a frame tell that both do the same work "
        "(jpeg-bare's library row codes each frame twice, as the codec does, with the standard's "
        "Huffman tables and with its own; av1's calls SVT-AV1 "
        "as the plug-in does: FFmpeg's encoder takes no quantiser for a single picture; "
        "the learned codec's is its network with the same weights).",
        "",
        verdict,
        "",
        *_table(
            ["codec", "size", "nodes, ms", "library, ms", "added, ms", "added", "within", "bytes, nodes", "bytes, library"],
            [
                [
                    row["codec"], _size(row), f"{row['node_ms']:.2f}", f"{row['library_ms']:.2f}", f"{row['added_ms']:+.2f}",
                    f"{100 * row['added_ratio']:+.0f} %", "yes" if row["within"] else "**no**", f"{row['node_bytes']:.0f}",
                    f"{row['library_bytes']:.0f}",
                ]
                for row in rows
            ],
        ),
        "",
        "With a rate target a frame may be coded more than once: `Image` message to `CompressedImage` "
        "message at 0.1 bpp, 30 Hz, and the encodes that the "
        "rate control makes a frame (its replays of a short group of pictures counted), beside what one of them takes in the "
        "library, at the same qualities and sizes, in the same run.",
        "",
        *_table(
            ["codec", "size", "bpp", "median, ms", "95 %, ms", "encodes a frame", "one encode, ms"],
            [
                [
                    row["codec"], _size(row), f"{row['bpp']:.3f}", f"{row['encode_ms']:.1f}", f"{row['encode_ms_p95']:.1f}",
                    f"{row['encodes']:.2f}", f"{row['one_encode_ms']:.1f}",
                ]
                for row in evidence["under_target"]
            ],
        ),
        "",
        f"An encoder node (h264) is ready {statistics.median(starts):.2f} s after its process is "
        f"started (slowest of {len(starts)}: {slowest:.2f} s; "
        f"{'within' if slowest < START_BOUND else '**above**'} {START_BOUND} s). "
        + " ".join(
            f"Importing `{module}` takes {found['seconds']:.2f} s and {'**imports torch**' if found['torch'] else 'no torch'}."
            for module, found in evidence["imports"].items()
        ),
    ]  # fmt: skip


def _cameras(evidence: Evidence) -> list[str]:
    run = evidence["run"]
    missing = run["frames_published"] - run["packets_received"]
    ages = ", ".join(f"{name} {value:.0f} ms" for name, value in run["age_ms"].items())
    return [
        f"{run['cameras']} cameras {_size(run)} at {run['rate']:g} Hz for {run['seconds']:.0f} s "
        f"through one encoder node over DDS, {run['codec']} inter under one "
        f"target of {run['target_bitrate'] / 1e6:g} Mbit/s; the cameras are a process on the same two cores.",
        "",
        *_table(
            ["frames", "packets", "dropped by the encoder", "lost in DDS", "age of a packet", "cores of the encoder", "Mbit/s"],
            [[
                str(run["frames_published"]), str(run["packets_received"]), str(run["dropped_by_encoder"]),
                str(missing - run["dropped_by_encoder"]), ages, f"{run['encoder_cores']:.2f}",
                f"{run['achieved_bitrate'] / 1e6:.2f}",
            ]],
        ),
        "",
        "**Not one frame is missing.**" if missing == 0 else f"**{missing} frames are missing.**",
        "Raw pictures of this size need `FASTDDS_DEFAULT_PROFILES_FILE=config/dds/large_images.xml`: "
        "Fast DDS's own shared memory holds less than one, and of "
        "best-effort pictures nearly all are lost before any node sees them.",
    ]  # fmt: skip


def _when(facts: Evidence) -> str:
    return f"{facts['commit'][:9]}, {facts['date']}, {facts['load']:g}"


def _memory(evidence: Evidence) -> list[str]:
    first = evidence["rows"][0]
    table = []
    for row in evidence["rows"]:
        found = warmed_up(row["frames"], row["mebibytes"])
        table.append([
            row["codec"], str(row["frames"][-1]), f"{found.first:.1f}", f"{found.last:.1f}", f"{found.highest:.1f}",
            f"{found.floor:+.1f}", f"{found.bytes_per_frame:+.1f}", "yes" if found.flat else "**no**", _when(row["facts"]),
        ])  # fmt: skip
    return [
        f"Resident memory of one process with both nodes, {first['width']}x{first['height']} at {first['target_bpp']:g} bpp, "
        "a key frame every 5000 frames at least; the first tenth is warming up. Medians of the first and of the last quarter. "
        "What is held goes up and down with the group of pictures. Flat: the lowest of the last quarter is at most 2 MiB above "
        "the lowest of the first.",
        "",
        *_table(
            [
                "codec", "frames", "first quarter, MiB", "last quarter", "highest", "lowest, last - first", "bytes a frame",
                "flat", "commit, date, load",
            ],
            table,
        ),
    ]  # fmt: skip


def _loss(evidence: Evidence) -> list[str]:
    rows = []
    for row in evidence["rows"]:
        back, joins = row["back"], row["join_seconds"]
        rows.append(
            [
                row["codec"], str(row["sent"]), str(row["lost"]), str(row["shown"]), str(row["wrong"]), str(row["keys"]),
                f"{statistics.mean(row['missed']):.1f}, {max(row['missed'])}" if row["missed"] else "–",
                str(max(back, default=0)), f"{statistics.median(joins):.2f}, {max(joins):.2f}",
                "yes" if max(joins) <= JOIN_BOUND else "**no**",
            ]
        )  # fmt: skip
    first = evidence["rows"][0]
    return [
        f"Encoder, link and decoder nodes over DDS, 256x256 at 10 Hz and {first['target_bpp']:g} "
        f"bpp; the link loses {first['loss']:.0%} of the packets at random. A picture "
        "is wrong if it differs from what the packets, all of them, decode to: one built on a missing "
        "reference would. An outage is a span without a picture; it ends "
        "with the key frame that the decoder asks for. Late: seconds from a decoder's configuration "
        "to its first picture, without loss.",
        "",
        *_table(
            [
                "codec", "sent", "lost", "shown", "wrong", "key frames", "frames of an outage: mean, most",
                "frames from the next key frame to a picture, most", "late, s: median, most", "within 0.5 s",
            ],
            rows,
        ),
    ]  # fmt: skip


def _envelope(evidence: Evidence) -> list[str]:
    rows = []
    for row in evidence["rows"]:
        count = row["instants"]
        rows.append(
            [
                row["codec"], "one for both" if row["bundle"] else "one each", f"{row['payload_bytes'] / count:.1f}",
                f"{row['wire_bytes'] / count:.1f}", f"{row['wire_bytes'] / row['payload_bytes']:.2f}",
            ]
        )  # fmt: skip
    target = evidence["rows"][0]["target_bpp"]
    return [
        f"Both cameras of the benchmark at every step of an episode (seed {evidence['seed']}), {target:g} "
        "bpp, key frames included; each message's packets caught on the wire (UDPv4, "
        "one best-effort reader, IP headers included). Payload: what the encoder's packets hold, "
        "as everywhere. The bound for one message: 3 times.",
        "",
        *_table(["codec", "messages", "payload, bytes an instant", "on the wire", "times"], rows),
    ]


def _pictures(evidence: Evidence) -> list[str]:
    targets = sorted({point["target_bpp"] for point in evidence["points"]})
    codecs = list(dict.fromkeys(point["codec"] for point in evidence["points"]))
    at = {(point["codec"], point["target_bpp"]): point for point in evidence["points"]}
    rows = []
    for codec in codecs:
        cells = []
        for target in targets:
            point = at[codec, target]
            floor = f" at {point['bpp']:.3f}" if point["floor"] > 0.5 else ""
            cells.append(f"{point['psnr']:.1f}{floor}")
        rows.append([codec, *cells])
    return [
        f"Both cameras of the benchmark at every step (10 Hz), development seeds {evidence['seeds'][0]} "
        f"to {evidence['seeds'][1]}, {evidence['frames']} frames; under rate "
        "control, key frames and headers counted. Solid: predicted frames; dashed: every frame alone.",
        "",
        "![PSNR and MS-SSIM against bits per pixel](codecs/rate-distortion.png)",
        "",
        "PSNR in dB by target in bpp; where a codec's floor lies above the target, with the bpp that it sent.",
        "",
        *_table(["codec", *(f"{target:g}" for target in targets)], rows),
        "",
        f"Decoded frames of step {evidence['step']}, base and wrist camera, at 0.005, 0.01, 0.02 and 0.05 bpp:",
        "",
        "![decoded frames side by side](codecs/side-by-side.webp)",
    ]


def _size(row: Evidence) -> str:
    return f"{row['width']}x{row['height']}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]
