import numpy as np

from dcgan_jax import sample


def test_a_folder_holds_nothing_that_a_killed_process_left(tmp_path):
    left = tmp_path / ".drawn.partial"
    left.mkdir()
    (left / "000007.png").write_bytes(b"of another draw")
    images = np.zeros((2, 8, 8, 3), np.uint8)
    sample.write_images(images, tmp_path / "drawn")
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["000000.png", "000001.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]
