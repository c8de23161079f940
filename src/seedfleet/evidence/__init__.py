"""Evidence in bits: prior, likelihood ratios, e-values, verdicts, and what chance would give."""

from seedfleet.evidence.mixture import Mixture, Scored, mix, predictive_bits
from seedfleet.evidence.verdict import Verdict, decide

__all__ = ["Mixture", "Scored", "Verdict", "decide", "mix", "predictive_bits"]
