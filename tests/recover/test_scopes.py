"""Which parts of a history may have streams of their own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.verdict import held_out_draws
from seedfleet.recover.scopes import scopes_of

_LABELS = st.sampled_from(["a", "b", "c", None])


@given(labels=st.lists(st.tuples(_LABELS, _LABELS), min_size=1, max_size=60))
def test_scopes_are_the_draws_of_each_session_and_machine(
    labels: list[tuple[str | None, str | None]],
) -> None:
    sessions, machines = zip(*labels, strict=True)
    values = np.arange(len(labels))
    scopes = scopes_of(values, sessions, machines)
    fitted = len(labels) - held_out_draws(len(labels))
    assert (scopes[0].part, scopes[0].fitted) == (None, fitted)
    assert scopes[0].values.tolist() == values.tolist()
    asked = [scope.searchable.tolist() for scope in scopes]
    assert len(set(map(tuple, asked))) == len(asked)
    for scope in scopes[1:]:
        name = scope.session if scope.machine is None else scope.machine
        own = sessions if scope.machine is None else machines
        expected = [index for index, label in enumerate(own) if label == name]
        assert scope.values.tolist() == expected
        assert scope.searchable.tolist() == [index for index in expected if index < fitted]
        assert (scope.session is None) != (scope.machine is None)
    for kind, own in (("session", sessions), ("machine", machines)):
        for name in {label for label in own if label is not None}:
            mine = [index for index in range(fitted) if own[index] == name]
            assert mine in asked, kind


def test_a_machine_that_is_a_session_is_asked_once() -> None:
    sessions = ["noon", "night"] * 20
    scopes = scopes_of(np.arange(40), sessions, ["x", "y"] * 20)
    assert [(scope.session, scope.machine) for scope in scopes] == [
        (None, None),
        ("noon", None),
        ("night", None),
    ]


def test_sessions_that_are_named_narrow_the_scopes() -> None:
    sessions, machines = ["noon", "night"] * 20, ["x", "x", "y", "y"] * 10
    values = np.arange(40)
    (only,) = scopes_of(values, sessions, machines, frozenset({"night"}))
    assert only.session == "night"
    every = scopes_of(values, sessions, machines, frozenset({"night", "noon"}))
    assert [(scope.session, scope.machine) for scope in every] == [
        (None, None),
        ("noon", None),
        ("night", None),
        (None, "x"),
        (None, "y"),
    ]
