"""What ran is on record: versions, and the hash of the weights that acted."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from embodiedcomp_eval import provenance as provenance_module
from embodiedcomp_eval.provenance import commit, processor, provenance


def test_a_folder_of_weights_is_hashed_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    (found,) = provenance(str(tmp_path))["weights_sha256"].items()
    assert found == (f"{tmp_path.name}/model.safetensors", hashlib.sha256(b"weights").hexdigest())


def test_without_a_checkpoint_the_shipped_weights_are_named() -> None:
    facts = provenance()
    assert "reference/model.safetensors" in facts["weights_sha256"]
    assert {"numpy", "mujoco", "av"} <= set(facts["packages"])
    assert re.fullmatch(r"unknown|[0-9a-f]{40}(-dirty)?", facts["commit"])


def test_a_learned_codec_names_its_weights_and_another_codec_none() -> None:
    pytest.importorskip("compressai")
    found = provenance(codec="mbt2018-mean")["codec_weights"]
    assert found["origin"] in ("named", "published", "shipped") and found["sha256"]
    assert "codec_weights" not in provenance(codec="jpeg")


def test_what_a_measurement_writes_itself_makes_no_checkout_dirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, source = tmp_path / "results" / "page.md", tmp_path / "source.py"
    page.parent.mkdir()
    for file in (page, source):
        file.write_text("before")
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for arguments in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance_module, "__file__", str(source))
    clean = commit()
    page.write_text("after")
    assert commit() == f"{clean}-dirty"
    assert commit(page, Path("/elsewhere")) == commit(page.parent) == clean
    source.write_text("after")
    assert commit(page) == f"{clean}-dirty"


def test_the_processor_is_named_with_its_widest_vectors() -> None:
    text = "processor\t: 0\nmodel name\t: A Chip\ncpu family\t: 25\nmodel\t\t: 1\nflags\t\t: fpu avx avx2\n"
    assert processor(text) == "A Chip, cpu family 25 model 1, avx2"
    assert processor("") and provenance()["processor"] == processor()
