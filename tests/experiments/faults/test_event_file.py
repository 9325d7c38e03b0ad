import pytest
from tensorboardX import SummaryWriter

from experiments.faults import event_file


@pytest.fixture
def file(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(5):
            writer.add_scalar("loss", step / 2, step)
    (path,) = tmp_path.iterdir()
    return path


def test_every_event_is_counted(file):
    assert event_file.Reader(file).count_events() == 6  # one gives the version


def test_an_event_that_is_being_written_is_read_when_it_is_whole(file):
    content = file.read_bytes()
    file.write_bytes(content[:-10])
    reader = event_file.Reader(file)
    assert reader.count_events() == 5
    file.write_bytes(content)
    assert reader.count_events() == 6


def test_any_flipped_byte_is_noticed_or_cuts_the_file_short(file):
    content = file.read_bytes()
    for place in range(0, len(content), 7):
        harmed = bytearray(content)
        harmed[place] ^= 4
        file.write_bytes(harmed)
        with pytest.raises(ValueError, match="is damaged"):
            event_file.Reader(file).count_events()
