from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from embodiedcomp_codec.nodes.messages import decoder_status, encoder_status, sent_stats, skipped_stats
from embodiedcomp_codec.statistics import Tally
from embodiedcomp_codec.stream import SentFrame

SENT = SentFrame(b"12345", key=True, sequence=7, quality=0.25, downsample=4, at_floor=True, at_ceiling=False)


def tally(**changes: int) -> Tally:
    counts = Tally()
    counts.add(0.5, key=True)
    for name, value in changes.items():
        setattr(counts, name, value)
    return counts


def test_a_sent_frame_is_told_as_it_is() -> None:
    stats = sent_stats(Header(frame_id="lens"), "/cam", "av1", "inter", (320, 240), SENT)
    assert (stats.header.frame_id, stats.camera, stats.codec, stats.mode) == ("lens", "/cam", "av1", "inter")
    assert (stats.sequence, stats.key, stats.payload_bytes, stats.width, stats.height) == (7, True, 5, 320, 240)
    assert (stats.quality, stats.downsample, stats.at_floor, stats.at_ceiling) == (0.25, 4, True, False)
    assert skipped_stats(Header(), "/cam", "av1", "inter", (320, 240)).payload_bytes == 0


def test_the_worst_news_comes_first() -> None:
    def told(counts: Tally) -> tuple[bytes, str]:
        status = encoder_status("encoder: /cam", "av1", counts, 100.0, 200.0, 3)
        assert {"achieved bit/s": "100", "target bit/s": "200", "dropped frames": "3"}.items() <= {
            pair.key: pair.value for pair in status.values
        }.items()
        return status.level, status.message

    assert told(tally(corrupt=2, floor=1)) == (DiagnosticStatus.ERROR, "2 frames could not be coded")
    assert told(tally(floor=1, ceiling=1)) == (DiagnosticStatus.WARN, "the target lies below what av1 can reach")
    assert told(tally(ceiling=1)) == (DiagnosticStatus.OK, "finest quality: the content needs less than the target")
    assert told(tally()) == (DiagnosticStatus.OK, "on target")
    assert told(Tally()) == (DiagnosticStatus.OK, "no frames")
    assert decoder_status("d", "av1", tally(corrupt=1), 5.0).level == DiagnosticStatus.WARN


def test_a_note_stands_beside_the_state() -> None:
    assert encoder_status("e", "av1", tally(), 1.0, 1.0, 0, "depth").message == "on target; depth"
