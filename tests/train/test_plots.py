"""The curves show what the log holds, however patchy it is."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from kzoo.train import plots


def write(path, text):
    path.write_text(text)
    return path


def panels(path):
    """How many panels a picture has: each is as wide as the next."""
    with Image.open(path) as picture:
        return round(picture.width / 600)


def test_reads_each_column_where_it_has_numbers(tmp_path):
    log = "step,loss,mAP,note\n10,2.5,,warm\n20,1.5,0.25,\n30,nan,0.5,\n40,inf,,\n"
    assert plots.read(write(tmp_path / "log.csv", log)) == {
        "step": [(10, 10), (20, 20), (30, 30), (40, 40)],
        "loss": [(10, 2.5), (20, 1.5)],
        "mAP": [(20, 0.25), (30, 0.5)],
    }


def test_a_run_that_was_killed_and_continued_counts_each_step_once(tmp_path):
    """Killed after step 30, continued from the checkpoint of step 10."""
    log = "step,loss\n10,3\n20,2\n30,1\n20,2.5\n30,1.5\n40,1.2\n"
    columns = plots.read(write(tmp_path / "log.csv", log))
    assert columns["loss"] == [(10, 3), (20, 2.5), (30, 1.5), (40, 1.2)]


def test_half_a_row_and_a_second_header_do_no_harm(tmp_path):
    log = "step,loss,mAP\n10,3,\nstep,loss,mAP\n20,2,0.5\n30,"
    columns = plots.read(write(tmp_path / "log.csv", log))
    assert columns["loss"] == [(10, 3), (20, 2)]


@pytest.mark.parametrize(
    "header, row, count",
    [
        ("step,epoch,loss", "{0},0,{0}.5", 1),
        ("step,loss,class_loss,box_loss,learning_rate", "{0},3,2,1,1e-3", 2),
        ("step,loss,learning_rate,mAP,AP50", "{0},3,1e-3,0.5,0.7", 3),
        ("step,AR1,ARs", "{0},0.5,0.5", 1),  # twelve curves would be too many
        ("step,seconds,images_per_second,top1", "{0},3,1,0.5", 1),
    ],
)
@pytest.mark.parametrize("rows", [1, 100])
def test_a_panel_for_each_kind_of_curve(tmp_path, header, row, count, rows):
    text = "\n".join([header, *(row.format(10 * i) for i in range(rows))])
    plots.curves(write(tmp_path / "log.csv", text), tmp_path / "curves.png")
    assert panels(tmp_path / "curves.png") == count


@pytest.mark.parametrize("text", ["step,loss", "step,loss\n", "step,loss\n,\n"])
def test_an_empty_log_gives_an_empty_picture(tmp_path, text):
    plots.curves(write(tmp_path / "log.csv", text), tmp_path / "curves.png")
    assert panels(tmp_path / "curves.png") == 1


def test_losses_of_zero_and_below_are_drawn(tmp_path):
    log = "step,loss\n1,100\n2,0\n3,-1\n"
    plots.curves(write(tmp_path / "log.csv", log), tmp_path / "curves.png")
    assert panels(tmp_path / "curves.png") == 1


def test_the_picture_changes_with_the_numbers(tmp_path):
    pictures = []
    for loss in (1, 2):
        log = write(tmp_path / "log.csv", f"step,loss\n1,3\n2,{loss}\n")
        plots.curves(log, tmp_path / "curves.png")
        with Image.open(tmp_path / "curves.png") as picture:
            pictures.append(np.asarray(picture))
    assert not np.array_equal(*pictures)


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,2\n"])
def test_a_log_without_steps_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="log.csv has no column 'step'; it has"):
        plots.curves(write(tmp_path / "log.csv", text), tmp_path / "curves.png")


def test_a_backend_that_somebody_chose_stays(tmp_path):
    before = matplotlib.get_backend()
    matplotlib.use("svg")
    try:
        log = write(tmp_path / "log.csv", "step,loss\n1,3\n")
        plots.curves(log, tmp_path / "curves.png")
        assert matplotlib.get_backend() == "svg"
        assert panels(tmp_path / "curves.png") == 1
    finally:
        matplotlib.use(before)
