"""Steps of the store `exchange`: see `concordat.node.migrations`."""
