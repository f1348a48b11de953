"""Radiology reports to labels: present, absent or uncertain, each with its evidence.

>>> import radlabel
>>> engine = radlabel.Engine()
>>> engine.label("FINDINGS: No pleural effusion. The heart is enlarged.")
{'Cardiomegaly': 'present', 'Pleural Effusion': 'absent'}

``Engine.label_batch`` reads lists, Arrow, pandas and Polars on all cores; ``radlabel.spark`` labels a Spark DataFrame;
``nlp.add_pipe("radlabel")`` puts findings into a spaCy pipeline; ``python -m radlabel`` is the command line.
"""

from ._radlabel import Engine, Error, Explanation, Table, __version__

__all__ = ["Engine", "Error", "Explanation", "Table", "__version__"]
