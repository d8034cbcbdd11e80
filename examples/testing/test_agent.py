"""Each workflow is a test: `pytest test_agent.py` in the folder of `retake.toml`. Nothing is sent; no key is needed."""
import subprocess
from pathlib import Path

import pytest

WORKFLOWS = sorted(path.stem for path in Path("snapshots").glob("*.jsonl"))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_workflow(workflow):
    done = subprocess.run(["retake", "test", workflow], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
