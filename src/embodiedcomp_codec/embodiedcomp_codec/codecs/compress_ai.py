"""CompressAI's learned codecs, with real strings from ``compress()`` to ``decompress()``. Every frame decodes alone.

A bitstream is one byte for the rate (which weights), the strings, and two bytes of check sum over them, the frame's size
and the weights: the range decoder would run past the end of damaged strings. torch is imported at the first encoder or
decoder, not before. Both ends must run the same torch on like processors: the entropy model's tables are looked up by
numbers that a network computes.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from embodiedcomp_codec.codec import BitstreamError, CodecError, Coded, Decoder, Encoder, Image, Mode
from embodiedcomp_codec.frame import pad, padded_side
from embodiedcomp_codec.weights import weight_files

_MULTIPLE = 64  # pixels that the deepest latent of every one of these networks stands for
_LENGTH_BYTES = 3
_CHECK_BYTES = 2
_LOAD_ERRORS = (OSError, RuntimeError, KeyError, AttributeError, ValueError)
_NAMED_LOAD_ERRORS = ("SafetensorError", "UnpicklingError")  # of modules that are not imported for this alone
_TIMEOUT = 10.0  # s, for the first answer of the host of the published weights


@dataclass(frozen=True)
class LearnedCodec:
    """One architecture. ``published`` rates have weights online; ``strings`` are what one frame becomes, the latents' first."""

    name: str
    published: int
    strings: int
    modes: tuple[Mode, ...] = ("intra",)
    lossless: bool = False

    @property
    def levels(self) -> int:
        """One quality step for each set of weights."""
        files = weight_files(self.name)
        return self.published if files is None else len(files)

    def encoder(self, width: int, height: int, mode: Mode) -> Encoder:
        """An encoder; loads the finest weights now. Raises CodecError where weights or CompressAI are missing."""
        self.model(self.levels - 1)
        return _Encoder(self)

    def decoder(self, mode: Mode) -> Decoder:
        """A decoder; weights are loaded as packets ask for them."""
        return _Decoder(self)

    def model(self, level: int) -> tuple[Any, int]:
        """The network of one level and its weights' check sum."""
        files = weight_files(self.name)
        return _published(self.name, level + 1) if files is None else _local(self.name, files[level])


class _Encoder:
    def __init__(self, codec: LearnedCodec) -> None:
        self._codec = codec

    def encode(self, image: Image, quality: float, key: bool) -> Coded:
        import torch

        level = round(quality * (self._codec.levels - 1))
        model, fingerprint = self._codec.model(level)
        height, width = image.shape[:2]
        padded = np.ascontiguousarray(pad(image, _MULTIPLE, _MULTIPLE).transpose(2, 0, 1))
        with _alone(torch):
            out = model.compress(torch.from_numpy(padded)[None].float() / 255)
        strings = [bytes(string[0]) for string in out["strings"]]
        body = bytes([level])
        for string in strings[:-1]:
            body += len(string).to_bytes(_LENGTH_BYTES, "big") + string
        body += strings[-1]
        return Coded(body + _check(body, fingerprint, width, height), key=True)


class _Decoder:
    def __init__(self, codec: LearnedCodec) -> None:
        self._codec = codec

    def decode(self, data: bytes, key: bool, width: int, height: int) -> Image:
        import torch

        body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if not body or body[0] >= self._codec.levels:
            raise BitstreamError(f"no picture of {width}x{height}: no weights for it among {self._codec.levels}")
        model, fingerprint = self._codec.model(body[0])
        if check != _check(body, fingerprint, width, height):
            raise BitstreamError(f"no picture of {width}x{height}: damaged, or coded with other weights")
        strings = self._split(body[1:])
        deepest = 16 if self._codec.strings == 1 else _MULTIPLE
        shape = [padded_side(side, _MULTIPLE, _MULTIPLE) // deepest for side in (height, width)]
        with _alone(torch):
            pixels = model.decompress([[string] for string in strings], shape)["x_hat"][0]
            picture = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        return np.ascontiguousarray(picture.transpose(1, 2, 0)[:height, :width])

    def _split(self, rest: bytes) -> list[bytes]:
        strings = []
        for _ in range(self._codec.strings - 1):
            length = int.from_bytes(rest[:_LENGTH_BYTES], "big")
            if len(rest) < _LENGTH_BYTES + length:
                raise BitstreamError("a string is longer than its packet")
            strings.append(rest[_LENGTH_BYTES : _LENGTH_BYTES + length])
            rest = rest[_LENGTH_BYTES + length :]
        return [*strings, rest]


@contextlib.contextmanager
def _alone(torch: Any) -> Iterator[None]:
    """One thread and no gradients: with more threads sums come in another order, and both ends must agree to the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)


@functools.lru_cache(maxsize=16)
def _local(name: str, path: pathlib.Path) -> tuple[Any, int]:
    """The network with the state dict in a local file: safetensors, or torch's own with nothing but tensors in it."""
    zoo = _zoo(name)
    import torch

    try:
        data = path.read_bytes()
        if path.suffix == ".safetensors":
            import safetensors.torch

            state = safetensors.torch.load(data)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        model = zoo.image.model_architectures[name].from_state_dict(zoo.load_state_dict(state))
    except Exception as error:
        if not isinstance(error, _LOAD_ERRORS) and type(error).__name__ not in _NAMED_LOAD_ERRORS:
            raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CodecError(f"{name}: {str(path)!r} holds no weights of this architecture ({reason})") from error
    return _ready(model), zlib.crc32(data)


@functools.lru_cache(maxsize=16)
def _published(name: str, quality: int) -> tuple[Any, int]:
    """The network with CompressAI's own weights, from torch's cache or their host."""
    zoo = _zoo(name)
    import torch

    url = zoo.image.model_urls[name]["mse"][quality]
    cached = pathlib.Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", maxsplit=1)[-1]
    try:
        if not cached.is_file():
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT).close()
        model = zoo.models[name](quality=quality, metric="mse", pretrained=True, progress=False)
    except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors; a wrong hash is a RuntimeError
        raise CodecError(
            f"{name}: CompressAI's published weights can't be reached ({error}); name a local state dict: parameter weights, "
            "or the environment variable EMBODIEDCOMP_WEIGHTS"
        ) from error
    return _ready(model), zlib.crc32(cached.name.encode())


def _zoo(name: str) -> Any:
    try:
        import compressai.zoo
    except ImportError as error:
        raise CodecError(f"{name} needs CompressAI, which can't be imported here: {error}") from error
    return compressai.zoo


def _ready(model: Any) -> Any:
    """In evaluation mode, with the entropy coder's tables made."""
    model.eval()
    model.update()
    return model


def _check(body: bytes, fingerprint: int, width: int, height: int) -> bytes:
    start = zlib.crc32(width.to_bytes(2, "big") + height.to_bytes(2, "big"), fingerprint)
    return zlib.crc32(body, start).to_bytes(4, "big")[-_CHECK_BYTES:]


BMSHJ2018_FACTORIZED = LearnedCodec("bmshj2018-factorized", published=8, strings=1)
BMSHJ2018_HYPERPRIOR = LearnedCodec("bmshj2018-hyperprior", published=8, strings=2)
MBT2018_MEAN = LearnedCodec("mbt2018-mean", published=8, strings=2)
MBT2018 = LearnedCodec("mbt2018", published=8, strings=2)
CHENG2020_ANCHOR = LearnedCodec("cheng2020-anchor", published=6, strings=2)
CHENG2020_ATTN = LearnedCodec("cheng2020-attn", published=6, strings=2)
