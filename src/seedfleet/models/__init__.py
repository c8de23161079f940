"""Models that rank survivors by their features: four types behind one seam."""

from seedfleet.models.base import Model, ModelError, Validation
from seedfleet.models.types import MODEL_TYPES, create, installed

__all__ = [
    "MODEL_TYPES",
    "Model",
    "ModelError",
    "Validation",
    "create",
    "installed",
]
