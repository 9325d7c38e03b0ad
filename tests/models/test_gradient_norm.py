import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import gradient_norm


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_the_gradients_norm_is_that_of_all_their_numbers(name, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: name)
    rng = np.random.default_rng(0)
    shapes = {"kernel": (5, 5, 3, 8), "dense": (7, 20), "offset": (8,), "scalar": ()}
    gradients = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    flat = np.concatenate([np.ravel(array) for array in gradients.values()])
    found = gradient_norm.measure(jax.tree.map(jnp.float32, gradients))
    np.testing.assert_allclose(found, np.linalg.norm(flat), rtol=1e-6)
