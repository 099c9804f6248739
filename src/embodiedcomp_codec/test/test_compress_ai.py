"""The learned codecs at a tiny size with random weights: what is proven is the bitstream, not the picture."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from embodiedcomp_codec.codec import BitstreamError, CodecError
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.weights import VARIABLE, use_weights

pytest.importorskip("compressai")

NAMES = [
    "bmshj2018-factorized",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
]
WIDTH, HEIGHT = 70, 50
FRAME = panning(1, HEIGHT, WIDTH)[0]


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Two sets of weights a codec, one in each format."""
    import safetensors.torch
    import torch
    from compressai.zoo.image import model_architectures

    path = tmp_path_factory.mktemp("weights")
    for name in NAMES:
        for level in range(2):
            torch.manual_seed(level)
            sizes = (8,) if name.startswith("cheng") else (8, 12)
            model = model_architectures[name](*sizes)
            with torch.no_grad():  # random networks give latents near 0, which cost nothing
                last = [module for module in model.g_a.modules() if isinstance(module, torch.nn.Conv2d)][-1]
                last.weight.mul_(10.0 * 3**level)
            model.update()
            state = {key: value.contiguous() for key, value in model.state_dict().items()}
            if level == 0:
                safetensors.torch.save_file(state, path / f"{name}-1.safetensors")
            else:
                torch.save({"state_dict": state}, path / f"{name}-2.pth.tar")
    use_weights(path)
    yield path
    use_weights(None)


CHILD = """
import hashlib, json, sys
from embodiedcomp_codec.stream import DecoderStream
for line in sys.stdin:
    image = DecoderStream().decode(bytes.fromhex(json.loads(line))).image
    print(image.shape, hashlib.sha256(image.tobytes()).hexdigest())
"""


def test_another_process_gets_the_same_pixels(folder: pathlib.Path) -> None:
    lines, expected = [], []
    for name in NAMES:
        for target in ({"target_bpp": 0.001}, {}):
            packet = EncoderStream(StreamConfig(name, **target)).encode(FRAME, 0).packet
            image = DecoderStream().decode(packet).image
            assert image is not None
            lines.append(json.dumps(packet.hex()))
            expected.append(f"{image.shape} {hashlib.sha256(image.tobytes()).hexdigest()}")
    environment = {**os.environ, VARIABLE: str(folder)}
    out = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="\n".join(lines),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.splitlines() == expected


@pytest.mark.parametrize("name", NAMES)
def test_real_strings_that_repeat_and_depend_on_picture_and_weights(name: str) -> None:
    codec = get_codec(name)
    encoder = codec.encoder(WIDTH, HEIGHT, "intra")
    coarse, fine = (encoder.encode(FRAME, quality, True) for quality in (0.0, 1.0))
    assert len(coarse.data) > 8 and coarse.data[1:] != fine.data[1:]
    assert codec.encoder(WIDTH, HEIGHT, "intra").encode(FRAME, 1.0, True) == fine
    assert encoder.encode(FRAME[::-1].copy(), 1.0, True).data != fine.data
    images = [codec.decoder("intra").decode(item.data, True, WIDTH, HEIGHT) for item in (coarse, fine)]
    assert not np.array_equal(*images)


@pytest.mark.parametrize("name", NAMES[:3])  # CompressAI's autoregressive models round otherwise in forward()
def test_the_decoder_shows_what_the_network_does(name: str) -> None:
    """The strings give the picture that the network itself makes of its rounded latents."""
    import torch

    codec = get_codec(name)
    model = codec.network(codec.weights, codec.levels - 1)  # type: ignore[attr-defined]
    frame = panning(1, 64, 64)[0]
    coded = codec.encoder(64, 64, "intra").encode(frame, 1.0, True)
    pixels = torch.from_numpy(frame.transpose(2, 0, 1).copy())[None].float() / 255
    with torch.no_grad():
        whole = model(pixels)["x_hat"][0].clamp(0, 1).mul(255).round().numpy().transpose(1, 2, 0)
    shown = codec.decoder("intra").decode(coded.data, True, 64, 64)
    assert np.abs(shown.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(1, 1), (65, 3), (64, 128)])
@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean"])
def test_any_size(name: str, width: int, height: int) -> None:
    frame = panning(1, height, width)[0]
    received = DecoderStream().decode(EncoderStream(StreamConfig(name)).encode(frame, 0).packet)
    assert received.image is not None and received.image.shape == frame.shape


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_refused_before_it_reaches_the_range_decoder(name: str) -> None:
    codec = get_codec(name)
    data = codec.encoder(WIDTH, HEIGHT, "intra").encode(FRAME, 1.0, True).data
    flipped = data[:9] + bytes([data[9] ^ 1]) + data[10:]
    for bad in (b"", b"\0", b"\xff" * 50, data[:-1], data[: len(data) // 2], flipped):
        with pytest.raises(BitstreamError):
            codec.decoder("intra").decode(bad, True, WIDTH, HEIGHT)
    with pytest.raises(BitstreamError):
        codec.decoder("intra").decode(data, True, 640, 480)


def test_other_weights_are_noticed(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    packet = EncoderStream(StreamConfig("mbt2018-mean", target_bpp=0.001)).encode(FRAME, 0).packet
    use_weights(folder / "mbt2018-mean-2.pth.tar")
    try:
        received = DecoderStream().decode(packet)
    finally:
        use_weights(folder)
    assert received.image is None and "damaged, or coded with other weights" in received.reason


def test_bad_weights_are_one_line(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mbt2018.pth").write_bytes(b"no weights")
    (tmp_path / "mbt2018-mean.safetensors").write_bytes(b"no weights")
    cases = [
        ("mbt2018", tmp_path, "holds no weights of this architecture"),
        ("mbt2018-mean", tmp_path, "holds no weights of this architecture"),
        ("cheng2020-anchor", tmp_path, "no file cheng2020-anchor-NUMBER"),
        ("cheng2020-anchor", folder / "mbt2018-1.safetensors", "holds no weights of this architecture"),
    ]
    try:
        for name, path, words in cases:
            use_weights(path)
            with pytest.raises(CodecError, match=words) as caught:
                EncoderStream(StreamConfig(name))
            assert "\n" not in str(caught.value)
        with pytest.raises(CodecError, match="no such file or folder"):
            use_weights(tmp_path / "absent")
    finally:
        use_weights(folder)


def test_published_weights_out_of_reach_are_one_line(tmp_path: pathlib.Path) -> None:
    code = (
        "import urllib.request, urllib.error\n"
        "def refuse(*a, **k): raise urllib.error.URLError('no route to host')\n"
        "urllib.request.urlopen = refuse\n"
        "from embodiedcomp_codec.registry import get_codec\n"
        "get_codec('mbt2018').encoder(64, 64, 'intra')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    environment["TORCH_HOME"] = str(tmp_path)
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    last = run.stderr.strip().splitlines()[-1]
    assert "published weights can't be reached" in last and "no route to host" in last and VARIABLE in last


def test_naming_every_codec_imports_no_torch() -> None:
    code = (
        "import sys\n"
        "from embodiedcomp_codec.registry import codec_names, get_codec\n"
        "[get_codec(name) for name in codec_names()]\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
