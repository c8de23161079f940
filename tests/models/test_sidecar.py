"""A sidecar is believed only where all of it fits together."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.digests import file_digest
from seedfleet.models import create
from seedfleet.models.sidecar import Sidecar, SidecarError
from seedfleet.models.tilt import Tilt

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return the path of a sidecar beside a true checkpoint."""
    features = np.random.default_rng(0).normal(size=(80, 3))
    model = create("xgboost", {"rounds": 3}).fit(features, features[:, 0], seed=0)
    model.save(tmp_path / "best_model.ubj")
    (tmp_path / "out_of_fold.parquet").write_bytes(b"what was said")
    sidecar = Sidecar(
        model_type="xgboost",
        checkpoint="best_model.ubj",
        checkpoint_sha256=file_digest(tmp_path / "best_model.ubj"),
        out_of_fold="out_of_fold.parquet",
        out_of_fold_sha256=file_digest(tmp_path / "out_of_fold.parquet"),
        features=("a", "b", "c"),
        dropped=(),
        label="hits",
        slices={"sieve": [0, 60]},
        metrics={"validation": {"r2": {"value": 0.5, "chance": 0.0}}},
        gate={"accepted": True, "reason": "it is good"},
        checks=[{"name": "draws beyond the sieve slice", "holds": True}],
        tilt=Tilt(0.5, 1.0, 2.0),
        settings={"rounds": 3},
        lineage={},
        run_id="run",
        parent_run_id=None,
        versions={"xgboost": "3"},
    )
    path = tmp_path / "best_model.meta.json"
    sidecar.write(path)
    assert Sidecar.read(path) == replace(sidecar, comparison=[])
    return path


def changed(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, **changes}))


def test_the_model_is_that_of_the_sidecar(written: Path) -> None:
    sidecar = Sidecar.read(written)
    assert sidecar.accepted
    assert sidecar.load_model(written.parent).n_columns == 3


def test_a_check_that_does_not_hold_keeps_the_model_out(written: Path) -> None:
    failed = {"name": "draws beyond the sieve slice", "holds": False}
    changed(written, checks=[{"name": "another", "holds": True}, failed])
    sidecar = Sidecar.read(written)
    assert not sidecar.accepted
    assert sidecar.failed == ("draws beyond the sieve slice",)


@pytest.mark.parametrize("checks", [[], [{"name": "a"}], [{"holds": True}], [3]])
def test_checks_that_say_nothing_are_refused(written: Path, checks: list[Any]) -> None:
    changed(written, checks=checks)
    with pytest.raises(SidecarError, match="checks does not say"):
        Sidecar.read(written)


def test_every_problem_is_told(written: Path) -> None:
    changed(written, model_type="forest", features=["a", "c", "b"], gate={}, tilt={"tau": 1})
    (written.parent / "best_model.ubj").write_bytes(b"something else")
    (written.parent / "out_of_fold.parquet").unlink()
    with pytest.raises(SidecarError) as caught:
        Sidecar.read(written)
    told = " ".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    ours = ("best_model.ubj: is not", "out_of_fold.parquet: cannot be read")
    for word in ("'forest'", "feature_hash", "gate.accepted", "tilt", *ours):
        assert word in told


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "other"}'])
def test_what_is_no_sidecar_is_refused(written: Path, text: str) -> None:
    written.write_text(text)
    with pytest.raises(SidecarError, match=r"best_model\.meta\.json"):
        Sidecar.read(written)


def test_a_missing_key_a_missing_file_and_a_strange_name_are_refused(written: Path) -> None:
    whole = json.loads(written.read_text())
    for name in whole:
        written.write_text(json.dumps({key: whole[key] for key in whole if key != name}))
        with pytest.raises(SidecarError, match=name):
            Sidecar.read(written)
    written.write_text(json.dumps({**whole, "checkpoint": "../best_model.ubj"}))
    with pytest.raises(SidecarError, match="no file's name"):
        Sidecar.read(written)
    written.write_text(json.dumps({**whole, "checkpoint": "gone.ubj"}))
    with pytest.raises(SidecarError, match=r"gone\.ubj: cannot be read"):
        Sidecar.read(written)
    written.unlink()
    with pytest.raises(SidecarError, match="cannot be read"):
        Sidecar.read(written)


def test_a_checkpoint_of_another_type_or_width_is_refused(written: Path) -> None:
    sidecar = Sidecar.read(written)
    with pytest.raises(SidecarError, match="LightGBM"):
        replace(sidecar, model_type="lightgbm").load_model(written.parent)
    with pytest.raises(SidecarError, match="takes 3 features, not 2"):
        replace(sidecar, features=("a", "b")).load_model(written.parent)
