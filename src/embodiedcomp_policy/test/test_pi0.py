"""The pi0 backend on the real transformers classes at a tiny size, saved and loaded as a checkpoint is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embodiedcomp_policy.observation import Observation
from embodiedcomp_policy.policy import Policy, PolicyError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
if not hasattr(transformers, "PI0ForConditionalGeneration"):
    pytest.skip("this transformers has no PI0", allow_module_level=True)

from embodiedcomp_policy.policies import pi0  # noqa: E402

HOME = np.array([-0.47, -1.735, 2.48, -2.275, -1.59, -1.991, 0.4])
WORDS = ["<pad>", "<eos>", "<bos>", "<unk>", "pick", "up", "the", "object", "\n"]


def save_tiny(folder: Path, **statistics: object) -> Path:
    """A Pi0 of two thin layers with random weights, and its processor."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import (
        PI0Config,
        PI0ForConditionalGeneration,
        PI0ImageProcessor,
        PI0Processor,
        PreTrainedTokenizerFast,
    )

    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.normalizer, words.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    )
    shape = {"max_height": 28, "max_width": 28}
    images = PI0ImageProcessor(size=shape, pad_size={"height": 28, "width": 28}, image_seq_length=4)
    scale = {"state_mean": [0.0] * 7, "state_std": [1.0] * 7, "actions_mean": HOME.tolist(), "actions_std": [0.05] * 7}
    processor = PI0Processor(images, tokenizer, **{**scale, **statistics}, chunk_size=6)
    text = {"model_type": "gemma", "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 32,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": len(tokenizer) + 8}  # fmt: skip
    vision = {"model_type": "siglip_vision_model", "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16,
              "patch_size": 14, "image_size": 28, "num_attention_heads": 2, "vision_use_head": False}  # fmt: skip
    config = PI0Config(
        vlm_config={
            "model_type": "paligemma",
            "text_config": text,
            "vision_config": vision,
            "projection_dim": 32,
            "image_token_id": processor.image_token_id,
        },
        dit_config={**text, "hidden_size": 32},
        chunk_size=6,
        num_inference_steps=2,
    )
    torch.manual_seed(0)
    PI0ForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "embodiedcomp.json").write_text(json.dumps({"robot": "ur5e", "kind": "joint", "period": 0.1}))
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("pi0"))


def see(brightness: int = 100, instruction: str = "Pick up the object") -> Observation:
    image = np.full((256, 256, 3), brightness, dtype=np.uint8)
    return Observation({"base_camera": image, "wrist_camera": image}, HOME, instruction, 5)


def test_answers_in_the_robots_units_and_sees_pictures_state_and_text(checkpoint: Path) -> None:
    policy = pi0.make(checkpoint=str(checkpoint))
    assert isinstance(policy, Policy)

    def answer(observation: Observation) -> np.ndarray:
        policy.reset(1)
        chunk = policy.act(observation)
        assert chunk.stamp_ns == 5 and chunk.times_ns.tolist() == [n * 100_000_000 for n in range(1, 7)]
        return chunk.positions

    first = answer(see())
    assert first.shape == (6, 7) and np.abs(first[:, :6] - HOME[:6]).max() < 0.5
    assert (first[:, 6] >= 0).all() and (first[:, 6] <= 0.8).all()
    assert not np.array_equal(first, answer(see(200)))
    assert not np.array_equal(first, answer(see(instruction="Pick up up")))
    assert not np.array_equal(first, answer(replace(see(), state=HOME + 0.1)))


def test_noise_follows_from_the_seed_alone(checkpoint: Path) -> None:
    runs = []
    for seed in (7, 7, 8):
        policy = pi0.make(checkpoint=str(checkpoint))
        policy.reset(seed)
        runs.append([policy.act(see()).positions for _ in range(2)])
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not np.array_equal(runs[0][0], runs[0][1])  # a new draw for each answer


def test_it_runs_on_the_device_that_the_checkpoint_names(checkpoint: Path, tmp_path: Path) -> None:
    told = shutil.copytree(checkpoint, tmp_path / "told") / "embodiedcomp.json"
    content = json.loads(told.read_text())
    told.write_text(json.dumps(content | {"device": "cpu"}))
    assert pi0.make(checkpoint=str(told.parent)).act(see()).positions.shape == (6, 7)
    told.write_text(json.dumps(content | {"device": "abacus"}))
    with pytest.raises(PolicyError, match="no device 'abacus' here"):
        pi0.make(checkpoint=str(told.parent))


def test_what_does_not_fit_is_an_error_at_the_start(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="needs checkpoint:=FOLDER"):
        pi0.make()
    with pytest.raises(PolicyError, match=r"no such folder: /nowhere"):
        pi0.make(checkpoint="/nowhere")
    with pytest.raises(PolicyError, match=r"has no config.json"):
        pi0.make(checkpoint=str(tmp_path))
    with pytest.raises(PolicyError, match="takes no server"):
        pi0.make(checkpoint=str(checkpoint), server="ws://host")
    broken = shutil.copytree(checkpoint, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(PolicyError, match="can't be loaded"):
        pi0.make(checkpoint=str(broken))
    (broken / "model.safetensors").unlink()
    with pytest.raises(PolicyError, match=r"has no model.safetensors"):
        pi0.make(checkpoint=str(broken))


@pytest.mark.parametrize(
    ("statistics", "words"),
    [
        ({"actions_mean": [0.0] * 14, "actions_std": [1.0] * 14}, "actions have 14 values, ur5e takes 7"),
        ({"state_mean": [0.0] * 8, "state_std": [1.0] * 8}, "states have 8 values, ur5e has 7"),
        ({"actions_mean": None}, "no statistics"),
        ({"actions_mean": [50.0] * 7}, "degrees, or another robot"),
    ],
)
def test_statistics_of_another_robot_are_an_error_at_the_start(
    statistics: dict[str, object], words: str, tmp_path: Path
) -> None:
    folder = save_tiny(tmp_path, **statistics)
    with pytest.raises(PolicyError, match=words):
        pi0.make(checkpoint=str(folder))
