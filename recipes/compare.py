r"""Finished runs side by side: a table, and as a picture how their scores grew.

    python -m recipes.compare runs/ssdlite runs/fcos runs/yolox
    python -m recipes.compare runs/* --to=runs/compared

The table is Markdown: score, size and time of each run, then the score and size of each
file that ships. With --to it is also written to FOLDER/table.md, beside curves.png.
"""

import json
import pathlib

from absl import flags
from matplotlib.figure import Figure

from kzoo.train import plots
from kzoo.train.workdir import Workdir, write_text
from recipes import program

TO = flags.DEFINE_string("to", None, "Folder for table.md and curves.png.")
# The score that runs are put in order by: the first of these that all of them have.
SCORES = ("mAP", "top1")
COLUMNS = {"mAP": ("mAP", "AP50", "AP75"), "top1": ("top1", "top5")}
flags.adopt_module_key_flags(program)


def main(folders):
    if not folders:
        raise ValueError("name the folders of runs: recipes.compare runs/a runs/b")
    runs = {name: report(name) for name in folders}
    score = common_score(runs)
    runs = dict(sorted(runs.items(), key=lambda run: -(run[1][score] or 0)))
    text = table(runs, score)
    print(text, end="")
    if TO.value:
        folder = pathlib.Path(TO.value)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "table.md", text)
        draw(runs, score, folder / "curves.png")


def report(folder):
    """report.json of a run."""
    path = pathlib.Path(folder) / "report.json"
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{folder} has no finished run: no report.json") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(found, dict) or not {"seconds", "parameters"} <= set(found):
        raise ValueError(f"{path} is no report of a trained model")
    return found


def common_score(runs):
    for score in SCORES:
        if all(score in found for found in runs.values()):
            return score
    raise ValueError(f"{', '.join(runs)} have no score in common; runs of one task do")


def table(runs, score):
    """Markdown: one table of the runs, and one of their files if there are any."""
    columns = COLUMNS[score]
    lines = [row("run", "parameters", "seconds", *columns), rule(3 + len(columns))]
    for name, found in runs.items():
        scores = [shown(found.get(column)) for column in columns]
        size, seconds = f"{found['parameters']:,}", f"{found['seconds']:.0f}"
        lines.append(row(f"`{short(name)}`", size, seconds, *scores))
    kinds = list(
        dict.fromkeys(kind for found in runs.values() for kind in files(found))
    )
    if kinds:
        lines += ["", row("run", "Keras", *kinds), rule(2 + len(kinds))]
    for name, found in runs.items() if kinds else ():
        cells = [file_cell(files(found).get(kind), score) for kind in kinds]
        lines.append(row(f"`{short(name)}`", shown(found[score]), *cells))
    return "\n".join(lines) + "\n"


def files(found):
    return found.get("formats") or {}


def file_cell(file, score):
    """The score of a file and its size."""
    return f"{shown(file[score])}, {file['bytes'] / 1e6:.2f} MB" if file else ""


def shown(value):
    return "" if value is None else f"{value:.3f}"


def short(name):
    return pathlib.Path(name).name


def row(*cells):
    return f"| {' | '.join(cells)} |"


def rule(columns):
    return "|---" * columns + "|"


def draw(runs, score, path):
    """The score of each run against its steps, best run first in the legend."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in runs:
        log = Workdir(name).log
        points = plots.read(log).get(score, []) if log.is_file() else []
        if points:
            steps, values = zip(*points)
            axes.plot(steps, values, "o-", label=f"{short(name)} {max(values):.3f}")
    axes.set(xlabel="step", ylabel=score, ylim=(0, 1))
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    program.run(main)
