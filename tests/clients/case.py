"""A program that is run behind retake: its folder, its environment, its provider."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 120  # seconds for one run of one program
KEYS = {
    "OPENAI_API_KEY": "sk-proj-T3stKeyT3stKeyT3stKeyT3stKey0001",
    "ANTHROPIC_API_KEY": "sk-ant-api03-T3stKeyT3stKeyT3stKeyT3stKey0002",
    "MISTRAL_API_KEY": "T3stKeyT3stKeyT3stKeyT3stKey0003",
}
DEAD = {name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")}


class Failed(Exception):
    pass


def need(condition, message):
    if not condition:
        raise Failed(message)


def run(command, limit=LIMIT, stdin="", **more):
    """Runs a command with a time limit; the whole group of processes ends with it."""
    source = subprocess.DEVNULL if stdin == "" else subprocess.PIPE
    process = subprocess.Popen(
        [str(part) for part in command], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **more,
    )  # fmt: skip
    try:
        out, err = process.communicate(stdin or None, timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise Failed(f"`{Path(str(command[0])).name}` did not end within {limit} s; its last lines:\n{tail(err)}") from None
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def tail(text, count=12):
    return "\n".join("      " + line for line in text.strip().splitlines()[-count:])


class Provider:
    """The scripted provider, or a real server."""

    def __init__(self, check, real, log=None):
        self.process, self.address = None, real and real.removesuffix("/").removesuffix("/v1")
        if not real:
            command = [sys.executable, HERE / "provider.py", *check.provider.split()] + (["--log", log] if log else [])
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.communicate()

    def count(self):
        if not self.process:
            return None
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(self.address + "/count", timeout=10) as answer:
            return json.load(answer)["requests"]

    def requests(self):
        """What it was asked so far, and how it answered."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(self.address + "/requests", timeout=10) as answer:
            return json.load(answer)["requests"]

    def environment(self):
        base = self.address
        mistral = base + ("/mistral/v1" if self.process else "/v1")
        return {"OPENAI_BASE_URL": base + "/v1", "OPENAI_API_BASE": base + "/v1", "ANTHROPIC_BASE_URL": base,
                "MISTRAL_BASE_URL": mistral}  # fmt: skip


class Case:
    """One check: its program, its folder, its environment."""

    def __init__(self, check, options):
        self.check, self.options, self.cache = check, options, options.dir
        self.work = self.cache / "work" / check.name
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        python = self.cache / check.kit / "bin" / "python"
        places = {"python": python, "agents": ROOT / "examples" / "agents", "sdk": self.sdk()}
        self.command = check.command.format(**places).split()
        self.folder = Path(check.folder.format(**places))
        if check.kit == "node":
            self.folder = self.cache / "node"
        elif check.folder == ".":
            self.folder = self.work

    def sdk(self):
        return next((self.cache / "sdk").glob("openai_agents-*/"), None)

    def environment(self, *more):
        """A small environment of its own: nothing of the caller's but PATH."""
        out = {
            "PATH": os.environ["PATH"], "HOME": str(self.work), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            "EXAMPLES_INTERACTIVE_MODE": "auto", "OPENAI_AGENTS_DISABLE_TRACING": "1", "CREWAI_DISABLE_TELEMETRY": "true",
            "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true", "RETAKE_STORE": str(self.work / "store"),
            "NO_COLOR": "1", "NOTES": str(self.work / "notes.txt"),
        }  # fmt: skip
        for item in more:
            out.update(item)
        return out

    def effect(self):
        """What the program did outside of itself."""
        file = self.work / self.check.effect if self.check.effect else None
        return file.read_text() if file and file.exists() else None

    def retake(self, *arguments, environment=None, stdin="", folder=None):
        environment = environment or self.environment()
        return run([self.options.retake, *arguments], cwd=folder or self.folder, env=environment, stdin=stdin)

    def json(self, *arguments):
        done = self.retake(*arguments, "--json")
        need(done.returncode == 0, f"`retake {' '.join(arguments)} --json` exited {done.returncode}:\n{tail(done.stderr)}")
        try:
            return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        except ValueError as error:
            raise Failed(f"`retake {' '.join(arguments)} --json` printed no JSON lines: {error}") from None

    def printed(self, text):
        """What the program printed, less the lines that are its own."""
        return re.sub(self.check.own, "<its own>", text) if self.check.own else text


def ended(done, what):
    need(done.returncode == 0, f"{what} exited {done.returncode}:\n{tail(done.stderr)}")


def grade(done):
    """The grade line of a replay: the line of retake's that counts calls."""
    lines = [line for line in done.stderr.splitlines() if re.match(r"retake:.*\b\d+ (calls?|nodes?): ", line)]
    need(lines, f"no grade line:\n{tail(done.stderr)}")
    return lines[-1].removeprefix("retake:").strip()
