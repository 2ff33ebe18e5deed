"""What a person sees of a run whose output goes to a file."""

from kzoo.train import Workdir, journal


def test_without_a_bar_there_is_a_line_now_and_then(tmp_path, monkeypatch, capsys):
    with journal.Journal(Workdir(tmp_path), 0, 30) as notes:
        notes.losses(10, {"loss": 0.5}, {})
        monkeypatch.setattr(journal, "QUIET", -1)
        notes.losses(20, {"loss": 0.25}, {"mAP": None})
        notes.scores(30, {"mAP": 0.1, "AP50": None, "per_class": {"cat": 0.1}})
    assert capsys.readouterr().out == "step 20 of 30: loss 0.250\nstep 30: mAP 0.100\n"
    log = (tmp_path / "log.csv").read_text().split()
    assert log == ["step,loss,mAP", "10,0.5,", "20,0.25,", "30,,0.1"]
    assert (tmp_path / "curves.png").exists()
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_a_worker_that_is_not_the_chief_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with journal.Journal(None, 0, 30) as notes:
        notes.losses(10, {"loss": 0.5}, {})
        notes.scores(10, {"mAP": 0.1})
    assert capsys.readouterr().out == "" and list(tmp_path.iterdir()) == []
