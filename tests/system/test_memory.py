import pytest

from dcgan_jax.system import errors, memory


def test_what_memory_holds_is_taken():
    memory.require_memory(1000, what="10 samples")


def test_what_no_memory_holds_is_refused_with_both_sizes():
    with pytest.raises(errors.InputError, match=r"samples take 1000\.0 TB of memory"):
        memory.require_memory(10**15, what="1,000,000,000 samples")
