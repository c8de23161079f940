"""A small neural network by PyTorch; checkpoints are tensors and plain values."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from seedfleet.models.base import Model, ModelError, Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.models.base import Validation

__all__ = ["NeuralNetModel"]

_FORMAT = "seedfleet.neural_net/1"
_FARTHEST = 10.0  # spreads that a feature may lie from its mean; farther ones count as that far


class NeuralNetModel(Model):
    """A perceptron on standardised features, by AdamW on the mean squared error."""

    name = "neural_net"
    library = "torch"
    extra = "neural"
    PARAMETERS = {  # noqa: RUF012 - declared constant by the base class
        "widths": Parameter((32, 16), 1, 1024),  # of the hidden layers, in order
        "rounds": Parameter(60, 1, 5000, logarithmic=True),  # epochs at most
        "patience": Parameter(8, 1, 1000),  # epochs without progress on the validation rows
        "learning_rate": Parameter(3e-3, 1e-5, 1.0, logarithmic=True),
        "weight_decay": Parameter(1e-2, 0.0, 10.0),
        "dropout": Parameter(0.1, 0.0, 0.9),
        "batch_rows": Parameter(256, 2, 65536, logarithmic=True),
    }

    def _fit(
        self,
        features: NDArray[np.float64],
        labels: NDArray[np.float64],
        validation: Validation | None,
        *,
        seed: int,
    ) -> None:
        torch.set_num_threads(1)
        self._standards = [
            *_standard(features),
            np.array([labels.mean()]),
            np.array([labels.std()]),
        ]
        with torch.random.fork_rng(devices=[]):  # the caller's own stream of chance goes on
            torch.manual_seed(seed)
            self._net = _net(len(self.columns), self.settings["widths"], self.settings["dropout"])
            self._learn(self._rows(features), self._goals(labels), validation)
        self._net.eval()
        self._slopes = self._mean_slopes(features)

    def _rows(self, features: NDArray[np.float64]) -> torch.Tensor:
        standard = (features - self._standards[0]) / self._standards[1]
        return torch.from_numpy(np.clip(standard, -_FARTHEST, _FARTHEST).astype(np.float32))

    def _goals(self, labels: NDArray[np.float64]) -> torch.Tensor:
        standard = (labels - self._standards[2]) / self._standards[3]
        return torch.from_numpy(standard.astype(np.float32))

    def _learn(
        self, rows: torch.Tensor, goals: torch.Tensor, validation: Validation | None
    ) -> None:
        optimiser = torch.optim.AdamW(
            self._net.parameters(),
            lr=self.settings["learning_rate"],
            weight_decay=self.settings["weight_decay"],
            fused=True,  # one call for all weights: they are few, and calls are what costs
        )
        if validation is None:
            for _ in range(self.settings["rounds"]):
                self._epoch(optimiser, rows, goals)
            self.rounds = self.settings["rounds"]
            return
        watched = self._rows(validation.features), self._goals(validation.labels)
        best, kept = float("inf"), self._net.state_dict()
        for epoch in range(1, self.settings["rounds"] + 1):
            self._epoch(optimiser, rows, goals)
            loss = self._loss(*watched)
            if loss < best:
                best, self.rounds, kept = loss, epoch, copy.deepcopy(self._net.state_dict())
            elif epoch - self.rounds >= self.settings["patience"]:
                break
        self._net.load_state_dict(kept)

    def _epoch(
        self, optimiser: torch.optim.Optimizer, rows: torch.Tensor, goals: torch.Tensor
    ) -> None:
        self._net.train()
        for batch in torch.split(torch.randperm(len(rows)), self.settings["batch_rows"]):
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(self._net(rows[batch]).squeeze(1), goals[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    def _loss(self, rows: torch.Tensor, goals: torch.Tensor) -> float:
        self._net.eval()
        with torch.no_grad():
            return float(torch.nn.functional.mse_loss(self._net(rows).squeeze(1), goals))

    def _mean_slopes(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how strongly the prediction leans on each standardised feature, on average."""
        rows = self._rows(features).requires_grad_()
        self._net(rows).sum().backward()
        assert rows.grad is not None  # noqa: S101 - for the type checker; backward sets it
        return np.asarray(rows.grad.abs().mean(dim=0).numpy(), dtype=np.float64)

    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        torch.set_num_threads(1)
        with torch.no_grad():
            predicted = self._net(self._rows(features)).squeeze(1).numpy().astype(np.float64)
        return np.asarray(self._standards[2] + self._standards[3] * predicted)

    def _importance(self) -> NDArray[np.float64]:
        return self._slopes

    def save(self, path: Path) -> None:
        """Write weights, standardisation and what the network looks like."""
        arrays = [*self._standards, self._slopes, self.columns]
        torch.save(
            {
                "format": _FORMAT,
                "widths": list(self.settings["widths"]),
                "n_columns": self.n_columns,
                "rounds": self.rounds,
                "arrays": [torch.from_numpy(array) for array in arrays],
                "weights": self._net.state_dict(),
            },
            path,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a network."""
        with path.open("rb") as stream:
            if stream.read(2) != b"PK":  # else it is read as pickles of before 2020 were
                raise ModelError([f"{path}: no model by PyTorch: it is no archive"])
        try:
            kept = torch.load(path, weights_only=True)
            if kept["format"] != _FORMAT:
                raise ModelError([f"{path}: of the format {kept['format']!r}, not {_FORMAT!r}"])
            return cls._restored(kept)
        except (RuntimeError, pickle.UnpicklingError, KeyError, TypeError) as error:
            raise ModelError([f"{path}: no model by PyTorch: {type(error).__name__}"]) from error

    @classmethod
    def _restored(cls, kept: dict[str, Any]) -> Self:
        model = cls({"widths": kept["widths"]})
        *standards, slopes, columns = (tensor.numpy() for tensor in kept["arrays"])
        model._standards, model._slopes, model.columns = standards, slopes, columns
        model.n_columns, model.rounds = kept["n_columns"], kept["rounds"]
        model._net = _net(len(columns), kept["widths"], 0.0)
        model._net.load_state_dict(kept["weights"])
        model._net.eval()
        return model


def _standard(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread of each column; none of them is constant."""
    spread = features.std(axis=0)
    return features.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _net(columns: int, widths: Sequence[int], dropout: float) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for width in widths:
        layers += [torch.nn.Linear(columns, width), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
        columns = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(columns, 1))
