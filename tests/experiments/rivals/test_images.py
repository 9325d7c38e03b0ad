from experiments.rivals import m1_knn


def test_more_labels_than_a_class_has_are_refused_before_anything_is_learnt(one_error):
    told = one_error(m1_knn.main, "--labels_per_class=200")
    assert "images to learn from, fewer than --labels_per_class=200; ask for" in told
