"""What a network in stages computes, as a plain function of what its stages observed."""

from itertools import zip_longest


def flat(plant, observation):
    """Return an observation as a list of numbers, part after part by name; those of pictures from 0 to 1."""
    parts = observation if isinstance(observation, dict) else {"": observation}
    return [
        float(number) / (255 if plant.parts[name].is_picture else 1)
        for name in sorted(parts)
        for number in parts[name].reshape(-1)
    ]


def plain(module, inputs):
    """Return the outputs of a network in stages, by loops over numbers; ``inputs`` are those of its first stages."""

    def through(layer, numbers, *, bends):
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        sums = [sum(w * x for w, x in zip(row, numbers, strict=True)) + bias for row, bias in rows]
        return [max(0.0, number) for number in sums] if bends else sums

    features, layers = [], [*module.layers, module.head.actions[0]]
    for layer, numbers in zip_longest(layers, inputs, fillvalue=[]):
        features = through(layer, features + numbers, bends=True)
    return through(module.head.actions[2], features, bends=False)
