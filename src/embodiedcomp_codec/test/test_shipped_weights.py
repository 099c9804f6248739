"""The weights that the package brings: what they say of themselves, and that the codecs run on them when nothing was named."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest

from embodiedcomp_codec.codec import BitstreamError
from embodiedcomp_codec.codecs import compress_ai_weights
from embodiedcomp_codec.codecs.compress_ai_steps import LEVELS
from embodiedcomp_codec.registry import get_codec
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import DecoderStream, EncoderStream, StreamConfig
from embodiedcomp_codec.weights import SHIPPED, VARIABLE, shipped_files, use_weights

pytest.importorskip("compressai")
safetensors = pytest.importorskip("safetensors")
NAMES = ["bmshj2018-hyperprior", "mbt2018-mean"]
MAX_BYTES = 8_000_000
FRAMES = panning(8, 128, 128)


@pytest.fixture(autouse=True)
def out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """A machine with nothing named and the published weights neither cached nor reachable."""

    def refuse(*arguments: object, **options: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    compress_ai_weights._at_hand.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_files_say_what_they_are(name: str) -> None:
    files = shipped_files(name)
    assert len(files) == 2
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    lambdas = []
    for path in files:
        assert path.stat().st_size <= MAX_BYTES
        with safetensors.safe_open(path, "np") as file:
            facts = file.metadata()
        assert facts["architecture"] == name and facts["label"].startswith("trained here")
        assert {"n", "m", "lambda", "commit", "training_seeds", "left_out", "frames"} <= set(facts)
        lambdas.append(float(facts["lambda"]))
        assert hashlib.sha256(path.read_bytes()).hexdigest() in readme
    assert lambdas == sorted(set(lambdas))


@pytest.mark.parametrize("name", NAMES)
def test_they_are_used_when_the_published_ones_are_out_of_reach(name: str) -> None:
    weights = get_codec(name).weights  # type: ignore[attr-defined]
    assert weights.origin == "shipped" and set(weights.identity) == {path.name for path in shipped_files(name)}
    assert get_codec(name).levels == LEVELS  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_every_target_within_reach_is_met(name: str) -> None:
    for target in (0.1, 0.2):
        encoder, decoder = EncoderStream(StreamConfig(name, target_bpp=target, frame_period=0.1)), DecoderStream()
        sizes = []
        for number, frame in enumerate(FRAMES):
            sent = encoder.encode(frame, number * 100_000_000)
            received = decoder.decode(sent.packet)
            assert received.image is not None and received.image.shape == frame.shape
            assert not sent.at_floor
            sizes.append(8 * len(sent.packet) / frame[..., 0].size)
        assert np.mean(sizes) == pytest.approx(target, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_codes_at_its_own_rate_what_its_forward_promises(name: str) -> None:
    """The strings are as long as the likelihoods say: the tables in the file belong to the network in the file."""
    import torch

    codec = get_codec(name)
    frame = panning(1, 128, 128)[0]
    pixels = torch.from_numpy(frame.transpose(2, 0, 1).copy())[None].float() / 255
    for level in (20, 45):
        network = codec.network(codec.weights, level)  # type: ignore[attr-defined]
        with torch.no_grad():
            out = network(pixels)
        promised = sum(float(-values.log2().sum()) for values in out["likelihoods"].values()) / 8
        data = codec.encoder(128, 128, "intra").encode(frame, level / (LEVELS - 1), True).data
        assert 0.97 * promised < len(data) < 1.06 * promised + 16  # two coders' ends and our five bytes


def test_a_stream_of_other_weights_is_refused_with_both_fingerprints(tmp_path: pathlib.Path) -> None:
    name = NAMES[0]
    codec, frame = get_codec(name), panning(1, 128, 128)[0]
    data = codec.encoder(128, 128, "intra").encode(frame, 0.5, True).data
    theirs = codec.weights.fingerprint  # type: ignore[attr-defined]
    use_weights(shipped_files(name)[0])
    try:
        ours = codec.weights.fingerprint  # type: ignore[attr-defined]
        with pytest.raises(BitstreamError, match=f"other weights .fingerprint {theirs:04x}; here {ours:04x}, named"):
            codec.decoder("intra").decode(data, True, 128, 128)
    finally:
        use_weights(None)


def test_the_conformance_suite_passes_on_them() -> None:
    environment = {**os.environ, "EMBODIEDCOMP_TEST_CODECS": " ".join(NAMES), VARIABLE: str(SHIPPED)}
    suite = pathlib.Path(__file__).with_name("test_conformance.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(suite)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
