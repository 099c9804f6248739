"""Which nodes a trial starts, and with what."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from embodiedcomp_eval.config import ConfigError
from embodiedcomp_eval.ros_trial import (
    TrialFailedError,
    environment,
    executable,
    nodes_of,
    reserved_domain,
    ros_arguments,
)
from embodiedcomp_eval.task import TaskConfig
from embodiedcomp_eval.trial_config import TrialConfig


def test_every_camera_has_an_encoder_and_a_decoder(small_task: TaskConfig) -> None:
    nodes = nodes_of(TrialConfig(codec="jpeg", target_bpp=0.5), small_task, Path("out"))
    assert list(nodes) == [
        "simulator",
        "encoder_a",
        "decoder_a",
        "encoder_b",
        "decoder_b",
        "policy",
        "guard",
        "evaluator",
    ]
    program, arguments = nodes["encoder_b"]
    assert program == ("embodiedcomp_codec", "encoder")
    assert "image:=/b/image_raw" in arguments and "codec:=jpeg" in arguments and "target_bpp:=0.5" in arguments
    assert "frame_period:=0.5" in arguments and "reliability:=reliable" in arguments
    assert not any(argument.startswith("target_bitrate") for argument in arguments)


def test_a_link_lies_between_encoder_and_decoder(small_task: TaskConfig, tmp_path: Path) -> None:
    (tmp_path / "l.yaml").write_text("loss: 0.5\n")
    config = TrialConfig(codec="jpeg", target_bpp=0.5, link=str(tmp_path / "l.yaml"))
    nodes = nodes_of(config, small_task, Path("out"))
    link, decoder = nodes["link_a"][1], nodes["decoder_a"][1]
    assert "loss:=0.5" in link and "in:=/a/image_raw/embodiedcomp" in link and "out:=/a/link/embodiedcomp" in link
    assert "/a/image_raw/embodiedcomp:=/a/link/embodiedcomp" in decoder
    assert not any(argument.startswith("rate:=") for argument in link)  # infinite: the node's own default


def test_arguments_are_yaml_that_rcl_reads() -> None:
    values = {"grey": True, "bpp": 1.0, "n": 3, "text": "Pick up", "no": None, "nan": float("nan"), "empty": ""}
    assert ros_arguments("x", values, {"image": "/c"}) == [
        "--ros-args", "-r", "__node:=x", "-r", "image:=/c", "-p", "grey:=true", "-p", "bpp:=1.0", "-p", "n:=3",
        "-p", "text:=Pick up",
    ]  # fmt: skip


def test_a_missing_build_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"no executable 'policy' of embodiedcomp_policy .* --transport inprocess"):
        executable("embodiedcomp_policy", "policy")


def test_nodes_get_a_domain_of_their_own_and_one_thread() -> None:
    with reserved_domain() as domain:
        made = environment({"ROS_DOMAIN_ID": "0", "HOME": "/h"}, domain)
    assert made["ROS_DOMAIN_ID"] == str(domain) and 1 <= domain <= 101
    assert made["OMP_NUM_THREADS"] == "1" and made["HOME"] == "/h"


def test_a_domain_belongs_to_one_trial_until_it_ends() -> None:
    with (
        reserved_domain() as domain,
        pytest.raises(TrialFailedError, match="is in use on this host"),
        reserved_domain([domain]),
    ):
        pass
    with reserved_domain([domain]) as again:
        assert again == domain


def test_a_domain_with_a_participant_is_passed_over() -> None:
    with reserved_domain() as domain:
        pass
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant,
        pytest.raises(TrialFailedError),
    ):
        participant.bind(("", 7400 + 250 * domain))
        with reserved_domain([domain]):
            pass
