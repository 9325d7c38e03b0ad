import io

import matplotlib as mpl

from dcgan_jax.pictures import figures


def draw():
    file = io.BytesIO()
    with figures.open_figure(3, 2) as figure:
        figure.add_subplot().plot([1, 3, 2])
        figure.savefig(file, format="png")
    return file.getvalue()


def test_no_setting_of_the_user_reaches_a_picture_nor_ours_the_user():
    expected = draw()
    theirs = {"lines.linewidth": 9, "savefig.dpi": 30, "axes.facecolor": "red"}
    with mpl.rc_context(theirs):
        assert draw() == expected
        assert {name: mpl.rcParams[name] for name in theirs} == theirs
