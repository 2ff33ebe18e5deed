"""Several answers to one picture as one: of several models, or of several views.

A predictor is a function from a list of pictures to a list of dicts, as `kzoo.predict`
with a model, or what `kzoo.deploy.open` gives. Both ways average probabilities.
"""

import numpy as np

from kzoo.prediction import read


def average(predictors, class_names):
    """The predictor whose scores are the mean of those of classifiers.

    For checkpoints of one run or for different models of the same classes.
    """
    predictors = list(predictors)

    def predict(images):
        answers = zip(*(predict(images) for predict in predictors))
        return [_mean(several, class_names) for several in answers]

    return predictors[0] if len(predictors) == 1 else predict


def seen_as(predict, views, class_names):
    """The predictor that looks at several views of each picture.

    Args:
      views: a name in `VIEWS`.

    Raises:
      ValueError: for another name.
    """
    if views not in VIEWS:
        raise ValueError(f"no views {views!r}; kzoo has {', '.join(VIEWS)}")
    if views == "none":
        return predict

    def predict_views(images):
        seen = [VIEWS[views](read(image)) for image in images]
        answers = iter(predict([view for several in seen for view in several]))
        several = [[next(answers) for _ in views] for views in seen]
        return [_mean(those, class_names) for those in several]

    return predict_views


def _mean(answers, class_names):
    """One answer whose scores are the mean of the answers' scores."""
    scores = np.mean([answer["scores"] for answer in answers], axis=0)
    best = int(np.argmax(scores))
    return {
        "class": best,
        "name": class_names[best],
        "score": float(scores[best]),
        "scores": scores,
    }


def _flip(image):
    return [image, image[:, ::-1]]


def _square(image, place):
    """The square of 7/8 of the shorter side (224 of 256) at a place in 0..1 of both."""
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * 224 / 256))
    y, x = round((height - side) * place[0]), round((width - side) * place[1])
    return image[y : y + side, x : x + side]


def _centre_crop(image):
    return [_square(image, (0.5, 0.5))]


def _ten_crop(image):
    """Corners and centre, and their mirror images (Krizhevsky et al. 2012, 4.1)."""
    places = [(0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)]
    return [view for place in places for view in _flip(_square(image, place))]


VIEWS = {
    "none": lambda image: [image],
    "flip": _flip,
    "centre_crop": _centre_crop,
    "ten_crop": _ten_crop,
}
