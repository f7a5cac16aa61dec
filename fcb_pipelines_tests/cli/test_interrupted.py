"""What Ctrl-C leaves on the terminal: one line, and the exit code that shells give it."""

import signal
import subprocess
import sys

from fcb_pipelines.cli import INTERRUPTED

MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from fcb_pipelines.cli import main
print("begun", flush=True)
main()
"""


def test_a_command_that_is_interrupted_says_so_in_one_line() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "quote"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "begun\n"
        process.stdin.write('{"quantity":"1","currency":"CAD","charge":{"model":"standard","unit_price":"2"}}\n')
        process.stdin.flush()
        # It has answered what it was asked, and waits for more.
        assert '"amount":"2.00"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.read() == "fcb: interrupted; the same again goes on from what is there\n"
        assert process.wait(10) == INTERRUPTED
