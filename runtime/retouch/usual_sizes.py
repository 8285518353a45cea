"""The sizes that a graph nearly always sees: the model's usual picture, both prompts of one chunk each."""

from collections.abc import Mapping

from retouch_models.manifest import Manifest


def usual_sizes(manifest: Manifest, role: str) -> Mapping[str, int]:
    """Lengths of the free axes of a graph's inputs by their names; axes that nothing is known of are left out.

    A graph that is opened for these alone may be quicker. Which pictures get it depends on nothing but the model and
    their size, so that a picture comes out the same in any order of work.
    """
    width, height = manifest.size.usual
    columns, rows = width // manifest.latent.factor, height // manifest.latent.factor
    tokens = manifest.text.tokenizers[0].tokens
    prompts = 1 if manifest.defaults.guidance == 1 else 2
    shapes = {
        "input_ids": (prompts, tokens),
        "encoder_hidden_states": (prompts, tokens),
        "sample": (prompts, 0, rows, columns),
        "timestep": (1,),
        "image": (1, 0, height, width),
        "latents": (1, 0, rows, columns),
    }
    return {
        axis: length
        for tensor in manifest.graphs[role].inputs
        for axis, length in zip(tensor.shape, shapes.get(tensor.name, ()), strict=False)
        if isinstance(axis, str)
    }
