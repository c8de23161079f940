"""The names of the 62 features, in the order of every table: 48 of a survivor, 14 of the draws."""

from __future__ import annotations

from typing import Final

__all__ = ["FEATURES", "GLOBAL_FEATURES", "SURVIVOR_FEATURES"]

_LANES = (8, 125, 1000)
_RESIDUE = tuple(
    f"residue_{lane}_{what}"
    for lane in _LANES
    for what in ("match_rate", "match_z", "kl_divergence", "coherence")
)
_TEMPORAL = tuple(
    f"temporal_{series}_{what}"
    for series in ("exact", "lane_8", "lane_125", "digit_agreement")
    for what in ("mean", "std", "min", "max", "trend")
)
_STATISTICAL = (
    "pred_mean",
    "pred_std",
    "pred_min",
    "pred_max",
    "residual_mean",
    "residual_std",
    "residual_abs_mean",
    "residual_max_abs",
    "residual_lag1_autocorr",
    "spearman_rho",
    "longest_match_run",
    "ks_distance",
)
_METADATA = ("skip_min", "skip_max", "bidirectional_count", "bidirectional_selectivity")

SURVIVOR_FEATURES: Final = (*_RESIDUE, *_TEMPORAL, *_STATISTICAL, *_METADATA)
GLOBAL_FEATURES: Final = tuple(
    f"global_{name}"
    for name in (
        "mean",
        "std",
        "min",
        "max",
        "median",
        "skew",
        "kurtosis",
        "entropy",
        "range",
        "iqr",
        "cv",
        "draw_count",
        "unique_ratio",
        "repeat_ratio",
    )
)
FEATURES: Final = (*SURVIVOR_FEATURES, *GLOBAL_FEATURES)
