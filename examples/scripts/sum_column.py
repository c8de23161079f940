"""Adds up the numbers of a file, one a line; the file comes along as an input of the job."""

import json
import sys
from pathlib import Path

source, output = sys.argv[1:]
numbers = [int(line) for line in Path(source).read_text().splitlines()]
Path(output).write_text(json.dumps({"total": sum(numbers)}))
