"""Print what `test_mesh` asks of all the devices of this process, as JSON.

python examine_devices.py WORKDIR: of a run on one device with all its checkpoints.
"""

import json
import re
import sys
from pathlib import Path

import jax
import numpy as np

from dcgan_jax.data import store as stores
from dcgan_jax.gan import keys, state as train_state
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.train import chunk, feed, mesh

EXCHANGES = "all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter"


def flatten(state):
    """All parameters of both networks."""
    arrays = train_state.to_flat(state).items()
    parts = [np.ravel(array) for name, array in arrays if "/params/" in name]
    return np.concatenate(parts).astype(np.float64)


def main(workdir):
    config = run_dir.read_config(workdir)
    store = stores.open_store(stores.store_path(config))
    nets = make_nets(config, num_steps=config.num_steps)
    draw = mesh.split_draw(nets.draw_latents)
    latents = jax.jit(lambda key: draw(key, config.batch_size))(jax.random.key(5))
    like = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=store.image_shape),
        jax.random.key(0),
    )

    def restore(step):
        found = checkpoints.find_newest(workdir / "checkpoints", step=step)
        return checkpoints.restore(found, like)

    key = mesh.replicate(keys.make_key(config.seed, keys.Purpose.TRAINING))
    run_steps = chunk.make_steps(nets, static_count=False)
    opened = feed.open_feed(store, config)
    differences, state = [], restore(1)
    for step in range(1, config.num_steps):
        before = flatten(state)
        opened.ask(step, 1)
        arguments = (mesh.replicate(state), opened.take().batches, key, 1)
        if step == 1:
            program = run_steps.lower(*arguments).compile().as_text()
        reached, _ = run_steps(*arguments)
        state = restore(step + 1)
        apart = np.linalg.norm(flatten(mesh.local(reached)) - flatten(state))
        differences.append(apart / np.linalg.norm(flatten(state) - before))
    opened.close()
    found = {
        "shards": [list(shard.data.shape) for shard in latents.addressable_shards],
        "latents": np.asarray(latents).tolist(),
        "exchanges": sorted(set(re.findall(rf" ({EXCHANGES})(?:-start)?\(", program))),
        "differences": differences,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
