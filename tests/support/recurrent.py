"""A recurrent layer against itself, computed another way: all that it returns, and gradients."""

import numpy as np
import tensorflow as tf


def made_up(*shape):
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape), "float32")


def with_weights(layer, *shape):
    """The layer, built for inputs of this shape; no weight is nothing, the bias neither."""
    layer.build((None, *shape))
    for variable in layer.trainable_variables:
        variable.assign(made_up(*variable.shape) / 2)
    return layer


def computed(layer, sequence, state, **options):
    """All that a layer returns, and the gradient of a loss of all of that to all that it takes.

    The shapes are those of a batch of sequences, and of either state.
    """
    given = [made_up(*sequence), made_up(*state), made_up(*state) / 2]
    with tf.GradientTape() as tape:
        tape.watch(given)
        returned = layer(given[0], initial_state=given[1:], **options)
        returned = returned if isinstance(returned, list | tuple) else [returned]
        loss = sum(tf.reduce_sum(each * made_up(*each.shape)) for each in returned)
    taken = [*given, *(variable.value for variable in layer.trainable_variables)]
    gradients = tape.gradient(loss, taken)
    assert all(gradient is not None for gradient in gradients) and len(gradients) == 6
    return [*map(np.asarray, returned)], [*map(np.asarray, gradients)]


def close(some, others, atol):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=atol)
