"""Networks of learned codecs with their weights: state dicts in local files, CompressAI's published ones, or the shipped ones."""

from __future__ import annotations

import functools
import json
import pathlib
import urllib.request
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, Literal

from embodiedcomp_codec.codec import CodecError
from embodiedcomp_codec.codecs.compress_ai_steps import PUBLISHED_LAMBDAS, known_lambdas
from embodiedcomp_codec.weights import hashes, shipped_files, weight_files

_LOAD_ERRORS = (OSError, RuntimeError, KeyError, AttributeError, ValueError)
_NAMED_LOAD_ERRORS = ("SafetensorError", "UnpicklingError")  # of modules that are not imported for this alone
PIXEL_SHUFFLE = ("cheng2020-anchor", "cheng2020-attn")
"""Architectures whose training crashes torch 2.14 with channels last (a double free in the backward pass of their upsampling)."""
_NO_DELAY = 1.0  # s, for the host of the published weights where the package has its own
_TIMEOUT = 10.0  # s, for it where there is nothing else
_REASON = 200  # characters of a library's message


@dataclass(frozen=True)
class WeightSets:
    """One codec's weights. files: coarsest first, empty for published ones. count: rates that they serve."""

    codec: str
    origin: Literal["named", "published", "shipped"]
    files: tuple[pathlib.Path, ...]
    count: int

    @property
    def identity(self) -> dict[str, str]:
        """SHA-256 by file name; of published ones the name that CompressAI's hub checks it by."""
        return hashes(self.files) if self.files else {_url(self.codec, n).rsplit("/", 1)[-1]: "" for n in self._numbers}

    @property
    def fingerprint(self) -> int:
        """16 bits of all of them: what tells a decoder that a stream was made by others."""
        parts = [crc(path, _stamp(path)).to_bytes(4, "big") for path in self.files]
        names = [_url(self.codec, n).rsplit("/", 1)[-1].encode() for n in self._numbers] if not self.files else []
        return zlib.crc32(b"".join(parts + names)) & 0xFFFF

    @property
    def lambdas(self) -> tuple[float, ...]:
        """Of each, ascending."""
        if not self.files:
            return PUBLISHED_LAMBDAS[: self.count]
        return known_lambdas([_lambda(path, _stamp(path)) for path in self.files])

    def network(self, index: int) -> Any:
        """The network with set ``index``, tables made. Raises CodecError where it can't be had."""
        if not self.files:
            return _published(self.codec, index + 1)
        return _local(self.codec, self.files[index], _stamp(self.files[index]))

    @property
    def _numbers(self) -> range:
        return range(1, self.count + 1)


def find_weights(codec: str, published: int) -> WeightSets:
    """Whose weights a codec uses: named ones, else published ones that are here or can be fetched at once, else shipped ones."""
    named = weight_files(codec)
    if named is not None:
        return WeightSets(codec, "named", named, len(named))
    shipped = shipped_files(codec)
    if shipped and not _at_hand(codec, published):
        return WeightSets(codec, "shipped", shipped, len(shipped))
    return WeightSets(codec, "published", (), published)


@functools.cache
def _at_hand(codec: str, published: int) -> bool:
    """Whether all published weights lie in torch's cache, or their host answers without delay; asked once a process."""
    if all(_cached(codec, number).is_file() for number in range(1, published + 1)):
        return True
    try:
        _ask(_url(codec, 1), _NO_DELAY)
    except OSError:
        return False
    return True


@functools.lru_cache(maxsize=32)
def crc(path: pathlib.Path, stamp: tuple[int, int]) -> int:
    """Check sum of a file's content. Raises CodecError if it can't be read."""
    try:
        return zlib.crc32(path.read_bytes())
    except OSError as error:
        raise CodecError(f"weights {str(path)!r} can't be read: {error}") from error


@functools.lru_cache(maxsize=32)
def _lambda(path: pathlib.Path, stamp: tuple[int, int]) -> float | None:
    """What ``train-codec`` wrote into the header of a safetensors file: 8 bytes of length, then JSON."""
    if path.suffix != ".safetensors":
        return None
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return float(header["__metadata__"]["lambda"])
    except (OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError):
        return None  # no such header: another program's file, or none, which loading will say


def _stamp(path: pathlib.Path) -> tuple[int, int]:
    """Changes when the file does."""
    try:
        found = path.stat()
    except OSError as error:
        raise CodecError(f"weights {str(path)!r} can't be read: {error}") from error
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=16)
def _local(codec: str, path: pathlib.Path, stamp: tuple[int, int]) -> Any:
    """The network with the state dict in a local file: safetensors, or torch's own with nothing but tensors in it."""
    zoo = _zoo(codec)
    import torch

    try:
        if path.suffix == ".safetensors":
            import safetensors.torch

            state = safetensors.torch.load(path.read_bytes())
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state)
        model = zoo.image.model_architectures[codec].from_state_dict(zoo.load_state_dict(state))
    except Exception as error:
        if not isinstance(error, _LOAD_ERRORS) and type(error).__name__ not in _NAMED_LOAD_ERRORS:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_REASON]
        raise CodecError(f"{codec}: {str(path)!r} holds no weights of this architecture ({reason})") from error
    return _ready(codec, model)


@functools.lru_cache(maxsize=16)
def _published(codec: str, quality: int) -> Any:
    """The network with CompressAI's own weights, from torch's cache or their host."""
    zoo = _zoo(codec)
    try:
        if not _cached(codec, quality).is_file():
            _ask(_url(codec, quality), _TIMEOUT)
        model = zoo.models[codec](quality=quality, metric="mse", pretrained=True, progress=False)
    except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors; a wrong hash is a RuntimeError
        raise CodecError(
            f"{codec}: CompressAI's published weights can't be reached ({error}); name a local state dict: parameter weights, "
            f"or the environment variable EMBODIEDCOMP_WEIGHTS; make train-codec ARGS={codec} makes one"
        ) from error
    return _ready(codec, model)


def _ask(url: str, timeout: float) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout).close()


def _url(codec: str, quality: int) -> str:
    return str(_zoo(codec).image.model_urls[codec]["mse"][quality])


def _cached(codec: str, quality: int) -> pathlib.Path:
    import torch

    return pathlib.Path(torch.hub.get_dir()) / "checkpoints" / _url(codec, quality).rsplit("/", maxsplit=1)[-1]


def _zoo(codec: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch about something that CompressAI uses
            import compressai.zoo
    except ImportError as error:
        raise CodecError(f"{codec} needs CompressAI, which can't be imported here: {error}") from error
    return compressai.zoo


def _ready(codec: str, model: Any) -> Any:
    """In evaluation mode, with the entropy coder's tables made; where it works, in the layout that is a third faster on a CPU."""
    import torch

    model.eval()
    model.update()
    return model if codec in PIXEL_SHUFFLE else model.to(memory_format=torch.channels_last)
