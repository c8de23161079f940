"""The kernel of the features against its readable twin, and the twin against facts."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.scoring import FEATURES, GLOBAL_FEATURES, SURVIVOR_FEATURES, ScoringSettings
from seedfleet.scoring._slice_plan import SlicePlan
from seedfleet.scoring.global_features import global_features
from seedfleet.scoring.reference import STREAM_FEATURES, stream_features
from seedfleet.scoring.windows import digit_chance, lane_chance

NAMES = SURVIVOR_FEATURES[:STREAM_FEATURES]


def _named(pred: list[int], act: list[int], settings: ScoringSettings) -> dict[str, float]:
    modulus = settings.residue_mods[2]
    values = stream_features(np.array(pred), np.array(act), modulus, settings)
    return dict(zip(NAMES, values.tolist(), strict=True))


def _kernel(
    pred: NDArray[np.int64], act: NDArray[np.int64], modulus: int, settings: ScoringSettings
) -> NDArray[np.float64]:
    plan = SlicePlan.of(act, modulus, settings)
    out = np.full((len(pred), STREAM_FEATURES + 1), np.nan)
    plan.fill(pred.astype(plan.dtype), out)
    return out


settings_of_any_kind = st.builds(
    ScoringSettings,
    residue_mods=st.tuples(*[st.sampled_from([2, 3, 8, 10, 49, 125, 999, 1000, 1500, 2**31])] * 3),
    max_offset=st.sampled_from([0, 1, 7, 5000]),
    temporal_window_size=st.sampled_from([1, 10, 100, 5000]),
    temporal_num_windows=st.sampled_from([1, 2, 5, 20]),
)


@pytest.mark.slow
@given(
    modulus=st.sampled_from([2, 3, 10, 49, 1000, 4096, 4097, 2**16, 2**16 + 1, 2**31]),
    count=st.sampled_from([1, 2, 3, 63, 64, 65, 130, 700]),
    settings=settings_of_any_kind,
    lot=st.integers(0, 2**32),
)
@example(modulus=1000, count=1, settings=ScoringSettings.of_modulus(1000), lot=0)
@example(modulus=2**31, count=3, settings=ScoringSettings.of_modulus(2**31), lot=0)
def test_the_kernel_is_its_reference(
    modulus: int, count: int, settings: ScoringSettings, lot: int
) -> None:
    rng = np.random.default_rng(lot)
    act = rng.integers(0, modulus, count)
    other = rng.integers(0, modulus, count)
    streams = np.stack(
        [
            other,  # has nothing to do with the draws
            act,  # all of them match
            (act + 1) % modulus,  # none does
            np.where(rng.random(count) < 0.9, act, other),
            np.full(count, act[0]),
            np.full(count, modulus - 1),
        ]
    )
    if lot % 5 == 0:
        act[:] = modulus - 1
    found = _kernel(streams, act, modulus, settings)
    for row, pred in enumerate(streams):
        expected = stream_features(pred, act, modulus, settings)
        np.testing.assert_allclose(found[row, :STREAM_FEATURES], expected, rtol=1e-7, atol=1e-7)
        assert found[row, STREAM_FEATURES] == (pred == act).sum()


def test_a_stream_that_gives_every_draw() -> None:
    draws = [5, 123, 999, 0, 7, 42] * 20
    named = _named(draws, draws, ScoringSettings.of_modulus(1000))
    assert named["residue_8_match_rate"] == named["temporal_exact_min"] == 1
    assert named["residue_125_kl_divergence"] == named["ks_distance"] == 0
    assert named["longest_match_run"] == 120
    assert named["spearman_rho"] == pytest.approx(1)
    assert named["residue_1000_match_z"] == pytest.approx(120 * 0.999 / np.sqrt(120 * 0.000999))


def test_numbers_worked_out_by_hand() -> None:
    settings = ScoringSettings((2, 5, 10), temporal_window_size=2, temporal_num_windows=2)
    named = _named([1, 2, 3, 9], [1, 4, 8, 0], settings)
    assert named["residue_8_match_rate"] == 0.5  # the place of lane 8 holds 2
    assert named["residue_125_match_rate"] == 0.5  # 1 and 1, 3 and 8 modulo 5
    assert named["residue_1000_match_rate"] == 0.25
    # Shares of 0 and 1 modulo 2: (3/4, 1/4) of the draws, (1/4, 3/4) of the stream.
    assert named["residue_8_kl_divergence"] == pytest.approx(0.5 * np.log(3))
    assert named["residue_8_coherence"] == pytest.approx(1 / (1 + 0.5 * np.log(3)))
    assert named["temporal_exact_mean"] == 0.25
    assert named["temporal_exact_trend"] == -0.5
    assert named["temporal_exact_std"] == 0.25
    assert named["temporal_lane_125_max"] == 0.5
    assert (named["pred_mean"], named["pred_min"], named["pred_max"]) == (3.75, 1, 9)
    # Residuals 0, 2, 5, -9: mean -0.5, deviations 0.5, 2.5, 5.5, -8.5.
    assert named["residual_abs_mean"] == 4
    assert named["residual_max_abs"] == 9
    assert named["residual_std"] == pytest.approx(np.sqrt(109 / 4))
    assert named["residual_lag1_autocorr"] == pytest.approx((1.25 + 13.75 - 46.75) / 109)
    # Ranks of the stream 1, 2, 3, 4, of the draws 2, 3, 4, 1.
    assert named["spearman_rho"] == pytest.approx(1 - 6 * (1 + 1 + 1 + 9) / (4 * 15))
    # Of values up to 3 the stream has three, the draws two.
    assert named["ks_distance"] == 0.25
    assert named["longest_match_run"] == 1


def test_digits_agree_place_by_place() -> None:
    settings = ScoringSettings((8, 125, 1000), temporal_window_size=4, temporal_num_windows=1)
    named = _named([123, 5, 990, 7], [103, 15, 99, 700], settings)
    assert named["temporal_digit_agreement_mean"] == pytest.approx((2 + 2 + 1 + 1) / 12)


@given(modulus=st.integers(2, 300), lane=st.integers(2, 400))
def test_chances_are_counted(modulus: int, lane: int) -> None:
    values = np.arange(modulus)
    agree = (values % lane)[:, np.newaxis] == values % lane
    assert lane_chance(lane, modulus) == pytest.approx(agree.mean())
    places = 10 ** np.arange(len(str(modulus - 1)))[:, np.newaxis, np.newaxis]
    digits = values // places % 10
    same = digits == np.swapaxes(digits, 1, 2)
    assert digit_chance(modulus) == pytest.approx(same.mean())


def test_the_draws_alone() -> None:
    found = dict(
        zip(GLOBAL_FEATURES, global_features(np.array([0, 2, 2, 4])).tolist(), strict=True)
    )
    assert found["global_mean"] == found["global_median"] == 2
    assert found["global_std"] == pytest.approx(np.sqrt(2))
    assert (found["global_min"], found["global_max"], found["global_range"]) == (0, 4, 4)
    assert found["global_skew"] == pytest.approx(0)
    assert found["global_kurtosis"] == pytest.approx(8 / 4 - 3)
    assert found["global_entropy"] == pytest.approx(0.5 * np.log(4) + 0.5 * np.log(2))
    assert found["global_iqr"] == pytest.approx(2.5 - 1.5)
    assert found["global_cv"] == pytest.approx(np.sqrt(2) / 2)
    assert found["global_draw_count"] == 4
    assert found["global_unique_ratio"] == 0.75
    assert found["global_repeat_ratio"] == pytest.approx(1 / 3)


def test_equal_draws_have_no_shape() -> None:
    found = dict(zip(GLOBAL_FEATURES, global_features(np.full(9, 3)).tolist(), strict=True))
    assert found["global_skew"] == found["global_kurtosis"] == found["global_entropy"] == 0
    assert found["global_repeat_ratio"] == 1


def test_the_page_lists_every_feature_in_order() -> None:
    page = Path(__file__).parents[2] / "docs" / "features.md"
    listed = re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    series = ("exact", "lane_8", "lane_125", "digit_agreement")
    groups = {"residue_M_": ("8", "125", "1000"), "temporal_S_": series}
    rows: list[str] = []
    for prefix, kinds in groups.items():
        whats = [name.removeprefix(prefix) for name in listed if name.startswith(prefix)]
        rows += [f"{prefix[:-2]}{kind}_{what}" for kind in kinds for what in whats]
    rows += [name for name in listed if not name.startswith(tuple(groups))]
    assert tuple(rows[: len(FEATURES)]) == FEATURES
