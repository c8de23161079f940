"""For those who write an engine, or test code that uses one: a fake, and the contract as checks."""

from seedfleet.fleet.testing.contract import Outage, check_engine
from seedfleet.fleet.testing.fake import FakeEngine, FakeWorld

__all__ = ["FakeEngine", "FakeWorld", "Outage", "check_engine"]
