"""How the bundled model is made and judged: data, training, distillation, and a judge that nobody tunes to.

Run the stages from the top of the checkout as modules, `python -m recipes.pocket.train`, with `models` and `runtime`
on the path; README.md beside this file says in which order. The wheel does not contain this package.
"""
