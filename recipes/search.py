r"""Searches for good settings: random search, coarse to fine, each trial a run.

    python -m recipes.search --workdir=runs/search \
        --space='learning_rate=log(1e-4,1e-1)' --space='weight_decay=log(1e-6,1e-2)' \
        -- --epochs=2 --train_examples=512

A name in --space is a flag of --recipe, or stands in braces in a flag behind the --:
--space='width=choice(0.25,0.5)' -- --backbone='resnet18(width={width})'. The ranges:
log(low,high), uniform(low,high), int(low,high), choice(a,b,...).

First --coarse_trials over all of the space, then --fine_trials near the best of them
(random rather than on a grid: Bergstra and Bengio, JMLR 2012). Each trial is a process
and a workdir of its own: one that dies is not the search's end. A second run with the
same --workdir continues: finished trials are not repeated, a broken one goes on.

The workdir gets trials.csv, search.png, best.flags, search.journal, a folder a trial.
"""

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
from absl import flags

from kzoo.train import plots, search
from kzoo.train.workdir import Workdir, write_text
from recipes import program

SCORES = {"detect": "mAP", "classify": "top1"}
RECIPE = flags.DEFINE_enum("recipe", "detect", list(SCORES), "What a trial runs.")
WORKDIR = flags.DEFINE_string("workdir", "runs/search", "Folder of the search.")
SPACE = flags.DEFINE_multi_string(
    "space", ["learning_rate=log(1e-4,1e-1)"], "NAME=log(low,high) and the like."
)
SCORE = flags.DEFINE_string(
    "score", None, "What of report.json is to be high; mAP or top1 by default."
)
COARSE = flags.DEFINE_integer(
    "coarse_trials", 12, "Trials over the whole space.", lower_bound=1
)
FINE = flags.DEFINE_integer(
    "fine_trials", 8, "Trials around the best of them.", lower_bound=0
)
NARROWER = flags.DEFINE_float(
    "narrower", 4.0, "The fine ranges are so many times narrower.", lower_bound=1
)
FINE_EPOCHS = flags.DEFINE_float(
    "fine_epochs", None, "--epochs of the fine trials, if others.", lower_bound=0
)
PRUNE = flags.DEFINE_bool(
    "prune", True, "End trials whose score is below the median of the others'."
)
SEED = flags.DEFINE_integer("seed", 0, "Of the draws.")

POLL = 1.0  # seconds between looks at a trial's log
HOPELESS = 3  # as many failures at the start mean that the flags are wrong


def command(values, words, folder):
    """The words of a trial's command line."""
    texts = {
        name: f"{value:.4g}" if isinstance(value, float) else str(value)
        for name, value in values.items()
    }
    inside = {name for name in texts if any(f"{{{name}}}" in word for word in words)}
    for name in inside:
        words = [word.replace(f"{{{name}}}", texts[name]) for word in words]
    own = [f"--{name}={text}" for name, text in texts.items() if name not in inside]
    recipe = f"recipes.{RECIPE.value}"
    return [sys.executable, "-m", recipe, *words, *own, f"--workdir={folder}"]


def intermediate(folder, score):
    """The scores of a running trial's evaluations, in order."""
    try:
        return [value for _, value in plots.read(folder / "log.csv").get(score, [])]
    except (OSError, ValueError):
        return []


def run_trial(trial, words, folder, score, lock):
    """The score that a trial reaches.

    The trial holds `lock` too, so that it keeps others out if this program is killed.

    Raises:
      optuna.TrialPruned: the median of the others is better.
      RuntimeError: the program failed; its last line.
    """
    import optuna

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "output.txt", "a") as output:
        process = subprocess.Popen(
            words,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
            # Ctrl-C is for this program, which passes it on.
            start_new_session=True,
        )
    # A broken trial that goes on has reported before.
    known = trial.study.trials[trial.number].intermediate_values
    reported, hopeless = len(known), False
    try:
        while process.poll() is None:
            time.sleep(POLL)
            found = intermediate(folder, score)
            for step, value in enumerate(found[reported:], start=reported):
                trial.report(value, step)
            reported = len(found)
            if PRUNE.value and reported and not hopeless and trial.should_prune():
                hopeless = True
                process.send_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)  # it saves its state and ends
        process.wait()
        raise
    if hopeless:
        raise optuna.TrialPruned()
    if process.returncode:
        raise RuntimeError(reason(folder / "output.txt", process.returncode))
    report = json.loads((folder / "report.json").read_text())
    if score not in report:
        raise ValueError(
            f"--score: {folder / 'report.json'} has no {score!r}; "
            f"it has {', '.join(report)}"
        )
    return report[score] or 0.0


def reason(output, code):
    """The line that tells why a program ended."""
    lines = [line.strip() for line in output.read_text().splitlines() if line.strip()]
    # Of a flag that does not exist, absl's last line is advice.
    lines = [line for line in lines if not line.startswith("Pass --help")]
    return lines[-1] if lines else f"exit code {code}"


class Round:
    """The coarse or the fine trials, one after the other, in a journal.

    Args:
      name: "coarse" or "fine".
      journal: an Optuna storage.
      lock: an open file that each trial holds.
      space: what `kzoo.train.search.parse` gives.
      words: flags that all trials have.
    """

    def __init__(self, name, journal, lock, space, words):
        import optuna

        self.name, self.lock, self.space, self.words = name, lock, space, words
        self.score = SCORE.value or SCORES[RECIPE.value]
        self.study = optuna.create_study(
            storage=journal,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        )
        self._check()

    def _check(self):
        """A journal is continued by the search that began it alone."""
        mine = {
            "recipe": RECIPE.value,
            "score": self.score,
            "space": json.loads(json.dumps(self.space)),
            "words": list(self.words),
            "seed": SEED.value,
        }
        for name, value in mine.items():
            there = self.study.user_attrs.get(name, value)
            if there != value:
                raise ValueError(
                    f"{WORKDIR.value} holds a search with {name} {there}, not {value}: "
                    "use another --workdir"
                )
            self.study.set_user_attr(name, value)

    def run(self, count):
        """Runs trials until there are `count`; broken ones go on first."""
        import optuna

        for frozen in self.study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            self._run(optuna.trial.Trial(self.study, frozen._trial_id))
        while len(self.study.trials) < count:
            # A draw depends on the number of its trial alone: a search that was
            # stopped goes on as it would have.
            seed = (SEED.value, self.name == "fine", len(self.study.trials))
            state = np.random.SeedSequence(seed).generate_state(1)[0]
            self.study.sampler = optuna.samplers.RandomSampler(int(state))
            self._run(self.study.ask())

    def _run(self, trial):
        import optuna

        states = optuna.trial.TrialState
        values = search.draw(trial, self.space)
        folder = Workdir(WORKDIR.value).folder / f"{self.name}_{trial.number:03d}"
        shown = " ".join(f"{name} {_short(value)}" for name, value in values.items())
        print(f"{folder.name}: {shown}", end=" ", flush=True)
        try:
            run = command(values, self.words, folder)
            value = run_trial(trial, run, folder, self.score, self.lock)
        except optuna.TrialPruned:
            self.study.tell(trial.number, state=states.PRUNED)
            print("pruned")
        except RuntimeError as error:
            trial.set_user_attr("error", str(error))
            self.study.tell(trial.number, state=states.FAIL)
            print(f"failed: {error}")
            self._give_up()
        else:
            self.study.tell(trial.number, value)
            print(f"{self.score} {value:.4f}")

    def _give_up(self):
        """Ends a search whose first trials all failed: its flags are wrong."""
        trials = self.study.trials
        errors = [trial.user_attrs.get("error") for trial in trials]
        if len(trials) >= HOPELESS and all(errors):
            raise ValueError(f"all {len(trials)} trials failed, at last: {errors[-1]}")

    def best(self):
        """The best trial.

        Raises:
          ValueError: none has a score.
        """
        try:
            return self.study.best_trial
        except ValueError:
            raise ValueError(
                f"no {self.name} trial in {WORKDIR.value} came to its end"
            ) from None


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def rows(rounds):
    """One dict a trial, best first: trial, score, state, its values."""
    found = []
    for part in rounds:
        for trial in part.study.trials:
            seen = trial.intermediate_values.values()
            value = trial.value if trial.value is not None else max(seen, default=None)
            row = {"trial": f"{part.name}_{trial.number:03d}", part.score: value}
            row["state"] = trial.state.name.lower()
            found.append({**row, **trial.params})
    key = rounds[0].score
    return sorted(found, key=lambda row: -(-1 if row[key] is None else row[key]))


def open_journal(path):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.storages.JournalStorage(backend)


def locked(path):
    """The open file `path`, which no other search and no trial of one may have."""
    file = open(path, "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(
            f"another search, or a trial that one left behind, runs in {path.parent}"
        ) from None
    return file


def check_optuna():
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ValueError(
            "the search needs Optuna: pip install 'kzoo[search]'"
        ) from None


def main(words):
    check_optuna()
    for word in words:
        if not word.startswith("--"):
            raise ValueError(f"{word!r} is no flag; a trial's flags follow a lone --")
    space = search.parse(SPACE.value)
    folder = Workdir(WORKDIR.value).folder
    lock = locked(folder / "lock")
    journal = open_journal(folder / "search.journal")
    rounds = [Round("coarse", journal, lock, space, words)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        rounds[0].run(COARSE.value)
        best = rounds[0].best().params
        for name in search.at_the_edge(space, best):
            print(
                f"the best {name}, {_short(best[name])}, is at the edge of its range: "
                "a wider one may hold better",
                file=sys.stderr,
            )
        if FINE.value:
            fine = words
            if FINE_EPOCHS.value is not None:
                fine = [*words, f"--epochs={FINE_EPOCHS.value:g}"]
            near = search.narrowed(space, best, NARROWER.value)
            rounds.append(Round("fine", journal, lock, near, fine))
            rounds[1].run(FINE.value)
    except KeyboardInterrupt:
        sys.exit("stopped; the same command continues from here")
    report(rounds, space, folder)


def report(rounds, space, folder):
    """Table, picture and the flags of the best trial."""
    score, table = rounds[0].score, rows(rounds)
    search.write_table(table, folder / "trials.csv")
    search.print_table(table[:10])
    search.write_picture(table, space, score, folder / "search.png")
    done = [row for row in table if row["state"] == "complete"]
    best = done[0]
    if FINE_EPOCHS.value is not None:
        # Of rounds of different length the longer one says more.
        best = next((r for r in done if search.group(r) == rounds[-1].name), best)
    write_text(
        folder / "best.flags", (folder / best["trial"] / "config.flags").read_text()
    )
    again = ["python", "-m", f"recipes.{RECIPE.value}"]
    again += [f"--flagfile={folder / 'best.flags'}", "--workdir=runs/best"]
    print(f"best: {best['trial']}, {score} {best[score]:.4f}; {shlex.join(again)}")


if __name__ == "__main__":
    program.run(main)
