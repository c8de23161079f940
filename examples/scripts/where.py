"""Writes down where it ran and which GPUs it was given; needs Python 3.8 and nothing else."""

import json
import os
import platform
import sys
from pathlib import Path

(output,) = sys.argv[1:]
found = {
    "node": os.environ["SEEDFLEET_NODE"],
    "gpu_ids": os.environ["SEEDFLEET_GPU_IDS"],
    "machine": platform.node(),
    "python": platform.python_version(),
    "working_folder": str(Path.cwd()),
}
sys.stdout.write(f"on {found['node']} with Python {found['python']}\n")
Path(output).write_text(json.dumps(found))
