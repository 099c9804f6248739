import io

import numpy as np
import PIL.Image
import pytest

from embodiedcomp_codec.codec import BitstreamError
from embodiedcomp_codec.codecs.bare_jpeg import BareJpeg
from embodiedcomp_codec.sequences import panning
from embodiedcomp_codec.stream import EncoderStream, StreamConfig

CODEC = BareJpeg()


@pytest.mark.parametrize("quality", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 64), (300, 260)])
def test_its_pixels_are_those_of_the_whole_file(quality: float, width: int, height: int) -> None:
    frame = panning(1, height, width)[0]
    coded = CODEC.encoder(width, height, "intra").encode(frame, quality, True)
    out = io.BytesIO()
    PIL.Image.fromarray(frame).save(out, "JPEG", quality=1 + round(97 * quality), subsampling=2)
    whole = np.array(PIL.Image.open(io.BytesIO(out.getvalue())))
    assert np.array_equal(CODEC.decoder("intra").decode(coded.data, True, width, height), whole)
    assert len(coded.data) < len(out.getvalue()) - 400


def test_it_meets_targets_far_below_the_floor_of_jpeg() -> None:
    frames = panning(10, 256, 256)
    spent = {}
    for name in ("jpeg", "jpeg-bare"):
        stream = EncoderStream(StreamConfig(name, target_bpp=0.02, frame_period=0.1))
        sent = [stream.encode(frame, index * 10**8) for index, frame in enumerate(frames)]
        spent[name] = sum(8 * len(frame.packet) for frame in sent) / 256**2 / 10
    assert spent["jpeg-bare"] == pytest.approx(0.02, rel=0.05)
    assert spent["jpeg"] > 0.03


def test_one_wrong_bit_is_found_most_of_the_time() -> None:
    data = CODEC.encoder(96, 64, "intra").encode(panning(1)[0], 0.5, True).data
    found = 0
    for at in range(0, len(data), 7):
        damaged = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        with pytest.raises(BitstreamError):
            CODEC.decoder("intra").decode(damaged, True, 96, 64)
        found += 1
    assert found > 10
