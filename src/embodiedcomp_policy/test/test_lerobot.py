"""The lerobot backend: on lerobot's real classes where they are installed (an environment of its own), else its errors."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policies import lerobot
from embodiedcomp_policy.policy import Policy, PolicyError

HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.4])
INSTALLED = importlib.util.find_spec("lerobot") is not None


def test_without_a_checkpoint_or_with_a_server() -> None:
    with pytest.raises(PolicyError, match=r"needs checkpoint:=FOLDER with config.json, model.safetensors"):
        lerobot.make()
    with pytest.raises(PolicyError, match="takes no server"):
        lerobot.make(checkpoint="x", server="grpc://host")


@pytest.mark.skipif(INSTALLED, reason="lerobot is installed here")
def test_where_lerobot_is_not_installed_the_error_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(
        PolicyError, match=r"needs the Python package 'lerobot.*install requirements/optional/lerobot.txt"
    ):
        lerobot.make(checkpoint=str(tmp_path))


@pytest.mark.skipif(not INSTALLED, reason="needs requirements/optional/lerobot.txt")
def test_a_tiny_act_saved_and_loaded_answers_in_the_robots_units(tmp_path: Path) -> None:
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    views = ("observation.images.base", "observation.images.wrist")
    config = ACTConfig(
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (7,)),
            **{view: PolicyFeature(FeatureType.VISUAL, (3, 64, 64)) for view in views},
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (7,))},
        device="cpu", chunk_size=6, n_action_steps=6, pretrained_backbone_weights=None, dim_model=32, n_heads=2,
        dim_feedforward=32, n_encoder_layers=1, n_vae_encoder_layers=1, latent_dim=4,
    )  # fmt: skip
    torch.manual_seed(0)
    ACTPolicy(config).save_pretrained(tmp_path)
    statistics = {
        "observation.state": {"mean": torch.zeros(7), "std": torch.ones(7)},
        "action": {"mean": torch.from_numpy(HOME).float(), "std": torch.full((7,), 0.05)},
        **{view: {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.2)} for view in views},
    }
    for processor in make_pre_post_processors(config, dataset_stats=statistics):
        processor.save_pretrained(tmp_path)
    (tmp_path / "embodiedcomp.json").write_text(json.dumps({"period": 0.1}))
    policy = lerobot.make(checkpoint=str(tmp_path))
    assert isinstance(policy, Policy) and policy.cameras == ("base_camera", "wrist_camera")

    def answer(brightness: int) -> np.ndarray:
        policy.reset(1)
        image = np.full((256, 256, 3), brightness, dtype=np.uint8)
        observation = Observation(dict.fromkeys(policy.cameras, image), HOME, "Pick up the object", 5)
        chunk = policy.act(observation)
        assert chunk.stamp_ns == 5 and chunk.times_ns[0] == 100_000_000
        return chunk.positions

    first = answer(100)
    assert first.shape == (6, 7) and np.abs(first[:, :6] - HOME[:6]).max() < 1.0
    assert np.array_equal(first, answer(100)) and not np.array_equal(first, answer(200))
