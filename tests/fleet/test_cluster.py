"""Cluster files: what is read, what is refused, and that the published schema says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.fleet import BadInputError
from seedfleet.fleet.cluster import NodeConfig, cluster_schema, parse_cluster, read_cluster

DOCS = Path(__file__).parents[2] / "docs"


def problems(*nodes: object) -> list[str]:
    with pytest.raises(BadInputError) as caught:
        parse_cluster({"nodes": list(nodes)})
    return list(caught.value.problems)


def test_the_published_schema_is_the_one_in_use() -> None:
    published = json.loads((DOCS / "schemas" / "cluster.schema.json").read_text())
    assert published == cluster_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_example_of_the_manual_is_read(tmp_path: Path) -> None:
    manual = (DOCS / "cluster.md").read_text()
    example = manual.split("```json\n")[1].split("```")[0]
    path = tmp_path / "distributed_config.json"
    path.write_text(example, "utf-8-sig")
    nodes = read_cluster(path).nodes
    assert [node.name for node in nodes] == ["localhost", "192.0.2.10", "192.0.2.20"]
    assert nodes[0].is_local
    assert not nodes[1].is_local


def test_only_the_hostname_is_needed() -> None:
    (node,) = parse_cluster({"nodes": [{"hostname": "rig"}], "search_bounds": {"x": 1}}).nodes
    assert node == NodeConfig(name="rig", hostname="rig")
    assert node.max_concurrent_script_jobs == 12


def test_nodes_on_one_host_are_named_with_their_ports() -> None:
    hosts: list[dict[str, Any]] = [
        {"hostname": "127.0.0.1", "port": 2201},
        {"hostname": "127.0.0.1", "port": 2202},
        {"hostname": "other", "port": 2201},
        {"hostname": "127.0.0.1"},
    ]
    names = [node.name for node in parse_cluster({"nodes": hosts}).nodes]
    assert names == ["127.0.0.1:2201", "127.0.0.1:2202", "other", "127.0.0.1"]


def test_equal_names_are_a_problem_also_in_other_letters() -> None:
    (text,) = problems({"hostname": "Rig"}, {"hostname": "other"}, {"hostname": "rig"})
    assert text.startswith("$.nodes[2]: 'rig' is also $.nodes[0]")
    assert len(problems(*[{"hostname": "rig", "port": 22}] * 3)) == 2


def test_every_problem_is_listed_with_its_place() -> None:
    found = problems(
        {"username": "u", "port": "22"},
        7,
        {"hostname": "ok", "port": 70_000, "gpu_count": -1, "passwd": "x"},
        {"hostname": "ok2", "max_concurrent_script_jobs": 0, "platform": "metal", "env": {"A": 1}},
        {"hostname": "ok3", "start_stagger_s": -0.5, "start_window_s": 0, "script_path": ""},
    )
    assert [text.split(": ")[0] for text in found] == [
        *("$.nodes[0]", "$.nodes[0].port", "$.nodes[1]"),
        *("$.nodes[2].port", "$.nodes[2].gpu_count", "$.nodes[2]"),
        *(f"$.nodes[3].{key}" for key in ("max_concurrent_script_jobs", "platform", "env.A")),
        *(f"$.nodes[4].{key}" for key in ("start_stagger_s", "start_window_s", "script_path")),
    ]
    assert "unknown key 'passwd'; valid are hostname, username, port," in "\n".join(found)


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "a\tb", "a\n", "", "\x7f", "a\x00b"])
@pytest.mark.parametrize("key", ["hostname", "username", "ssh_config_host"])
def test_what_ssh_would_misread_is_refused(key: str, name: str) -> None:
    (text, *_) = problems({"hostname": "rig", key: name})
    assert text.startswith(f"$.nodes[0].{key}: ")


@pytest.mark.parametrize("document", [[], None, {}, {"nodes": []}, {"nodes": {"a": 1}}])
def test_what_is_no_cluster(document: object) -> None:
    with pytest.raises(BadInputError, match=r"\$"):
        parse_cluster(document)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "not JSON"), (b'{"nodes": 1, "nodes": 2}', "key twice: 'nodes'"), (b"[]", "a list")],
)
def test_files_that_are_no_cluster_files_are_named(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=words) as caught:
        read_cluster(path)
    assert str(path) in str(caught.value)
    with pytest.raises(BadInputError, match="No such file"):
        read_cluster(tmp_path / "none.json")


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 1, -1, 65536, 2.5, "", "a", "-a", "a b", "rocm", [], {}, {"A": "b"}, {"": "b"}]
)
KEYS = st.sampled_from([*cluster_schema()["properties"]["nodes"]["items"]["properties"], "more"])


@pytest.mark.slow
@settings(max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_the_parser_accepts_exactly_what_the_schema_accepts(changes: dict[str, Any]) -> None:
    document = {"nodes": [{"hostname": "rig"} | changes]}
    try:
        parse_cluster(document)
        accepted = True
    except BadInputError:
        accepted = False
    assert accepted == jsonschema.Draft202012Validator(cluster_schema()).is_valid(document)
