"""Streams aligned once give what comparing gives, whatever the settings."""

import numpy as np
import pytest

from seedfleet.generators import find_preset
from seedfleet.scoring import ScoringSettings
from seedfleet.scoring.aligned import Aligned
from seedfleet.scoring.survivors import Candidates, compare

SETTINGS = [
    ScoringSettings.of_modulus(1000),
    ScoringSettings((7, 60, 1300), max_offset=9, temporal_window_size=11, temporal_num_windows=4),
]


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS)
def test_aligned_once_is_compared_every_time(settings: ScoringSettings) -> None:
    draws = np.random.default_rng(1).integers(0, 1000, 70)
    candidates = Candidates(
        stream=find_preset("java_lcg").stream,
        seeds=np.array([3, 4, 5, 6, 7], dtype=np.uint64),
        offsets=np.array([0, 2, 0, 1, 0]),
        skip_min=np.array([0, 1, 0, 2, 0]),
        skip_max=np.array([0, 1, 3, 4, 0]),  # the third and the fourth vary
        origins=np.array([0, 10, 0, 20, 69]),
        ends=np.array([-1, 60, -1, 50, 69]),  # the last explains nothing
        counts=np.arange(5),
        selectivities=np.ones(5),
        missed=np.array([0.1, 0.0, 0.2, np.nan, 0.0]),
    )
    expected = compare(candidates, draws, 1000, settings)
    found = Aligned.of(candidates, draws, 1000).compare(settings)
    assert (found.features == expected.features).all()
    assert (found.matches == expected.matches).all()
    assert (found.explained == expected.explained).all()
