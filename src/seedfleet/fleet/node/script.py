"""From an order to the arguments and the environment of its script."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Optional

from .processes import TOKEN_VARIABLE
from .stdout_result import StdoutResult

__all__ = ["arguments", "environment", "names_output"]

_TOKEN = re.compile(r"\{(output|job_id|run_id|attempt|gpu_id|device|job_file)\}")


def arguments(order: Mapping[str, Any]) -> List[str]:
    """Build the argument list: interpreter if any, script, arguments with tokens replaced.

    Exactly the tokens `{output}`, `{job_id}`, `{run_id}`, `{attempt}`, `{gpu_id}` and `{device}`
    are replaced, in one pass, so that nothing inside a value is replaced again. An argument (or the
    value in `--option=value`) that then is one of an output's `spellings` becomes its path.
    """
    values, root = _values(order), order["root"]
    made = [_fill(argument, values) for argument in order["args"]]
    paths = {spelling: o["path"] for o in order["outputs"] for spelling in o["spellings"]}
    if paths:
        made = [_redirect(argument, root, paths) or argument for argument in made]
    return [*order["interpreter"], order["script"], *made]


def environment(order: Mapping[str, Any], inherited: Mapping[str, str]) -> Dict[str, str]:
    """Build the script's environment.

    Later entries win: what the supervisor inherited, the job's own `env`, the GPU mask, and the
    `SEEDFLEET_` variables that say what is being run.
    """
    values = _values(order)
    made = {name: value for name, value in inherited.items() if name not in order["mask_unset"]}
    made.update({name: _fill(value, values) for name, value in order["env"].items()})
    made.update(order["mask_set"])
    made["PWD"] = order["root"]  # shells believe it more than the kernel
    made["SEEDFLEET_RUN_ID"] = order["run_id"]
    made["SEEDFLEET_JOB_ID"] = order["job_id"]
    made["SEEDFLEET_ATTEMPT"] = str(order["attempt"])
    made["SEEDFLEET_NODE"] = order["node"]
    made["SEEDFLEET_GPU_IDS"] = ",".join(map(str, order["gpu_ids"]))
    made["SEEDFLEET_OUTPUT"] = values["output"]
    made[TOKEN_VARIABLE] = order["token"]
    return made


def names_output(argument: str, root: str, declared: str) -> bool:
    """Tell whether an argument names the declared output, alone or as `--option=value`."""
    return _redirect(argument, root, {_normal(declared, root): declared}) is not None


def _values(order: Mapping[str, Any]) -> Dict[str, str]:
    gpu_ids = order["gpu_ids"]
    return {
        "output": order["outputs"][0]["path"],
        "job_id": order["job_id"],
        "run_id": order["run_id"],
        "attempt": str(order["attempt"]),
        "gpu_id": str(gpu_ids[0]) if gpu_ids else "-1",
        "device": "0" if gpu_ids else "-1",
        **StdoutResult.tokens(order),
    }


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _TOKEN.sub(lambda found: values.get(found.group(1), found.group(0)), text)


def _normal(path: str, root: str) -> str:
    return os.path.normpath(os.path.join(root, path))


def _redirect(argument: str, root: str, outputs: Mapping[str, str]) -> Optional[str]:
    if not argument:
        return None
    option, equals, value = argument.partition("=")
    if argument.startswith("-") and value:
        path = outputs.get(_normal(value, root))
        return None if path is None else option + equals + path
    return outputs.get(_normal(argument, root))
