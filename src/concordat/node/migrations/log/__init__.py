"""Steps of the store `log`: see `concordat.node.migrations`."""
