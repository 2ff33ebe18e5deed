"""recipes.search with trials that take a moment; the best learning rate is 0.01.

A rate above 0.5 fails, as a loss that is not finite does. With STUB_SECONDS a trial
takes so long, and ends at once when it is asked to.
"""

import sys

from recipes import program, search

TRIAL = """
import json, math, os, pathlib, sys, time
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])
folder, rate = pathlib.Path(flags["workdir"]), float(flags["learning_rate"])
with open(folder / "runs.txt", "a") as file:
    file.write("run\\n")
if rate > 0.5:
    sys.exit("error: the loss is not finite at step 3")
score = 1 - abs(math.log10(rate) + 2) / 4
(folder / "log.csv").write_text(f"step,mAP\\n1,{score / 2}\\n2,{score}\\n")
time.sleep(float(os.environ.get("STUB_SECONDS", 0)))
(folder / "config.flags").write_text(f"--learning_rate={rate}\\n")
(folder / "report.json").write_text(json.dumps({"mAP": score}))
"""
real = search.command


def command(values, words, folder):
    return [sys.executable, "-c", TRIAL, *real(values, words, folder)[3:]]


if __name__ == "__main__":
    search.command, search.POLL = command, 0.02
    program.run(search.main)
